/** Numbers of the kernel's headers, the same on x64 and arm64: linux/socket.h, linux/net.h, asm-generic/socket.h. */
export const AF_UNIX = 1;
export const AF_INET = 2;
export const AF_INET6 = 10;
export const AF_NETLINK = 16;

export const SOCK_STREAM = 1;
export const SOCK_DGRAM = 2;
export const SOCK_RAW = 3;
export const SOCK_NONBLOCK = 0o4000;
export const SOCK_CLOEXEC = 0o2000000;

export const SOL_SOCKET = 1;
export const SO_ERROR = 4;
export const SO_LINGER = 13;
export const SO_SNDBUF = 7;
export const SO_RCVBUF = 8;
export const SO_KEEPALIVE = 9;
export const SO_PEERCRED = 17;
export const SO_RCVTIMEO = 20;
export const SO_RCVBUFFORCE = 33;
export const SO_MARK = 36;
export const SO_MEMINFO = 55;

export const MSG_TRUNC = 0x20;
export const MSG_DONTWAIT = 0x40;
export const MSG_NOSIGNAL = 0x4000;

/** linux/in.h, linux/tcp.h */
export const IPPROTO_IP = 0;
export const IP_BIND_ADDRESS_NO_PORT = 24;
export const IPPROTO_TCP = 6;
export const TCP_KEEPIDLE = 4;
export const TCP_KEEPINTVL = 5;
export const TCP_INFO = 11;
export const TCP_USER_TIMEOUT = 18;

/** linux/netlink.h */
export const SOL_NETLINK = 270;
export const NETLINK_CAP_ACK = 10;
export const NETLINK_EXT_ACK = 11;
