import { libc } from "./libc.ts";

/** linux/socket.h, linux/in.h, linux/tcp.h */
const SOL_SOCKET = 1;
const SO_KEEPALIVE = 9;
const IPPROTO_TCP = 6;
const TCP_KEEPIDLE = 4;
const TCP_KEEPINTVL = 5;
const TCP_USER_TIMEOUT = 18;

/** Seconds, the least that the kernel takes. While nothing is sent, the kernel asks the peer's this often. */
const KEEPALIVE_S = 1;

/**
 * Makes the kernel end a TCP connection with ETIMEDOUT when its peer acknowledges nothing for so many milliseconds, be it data or the
 * kernel's own keep-alives (tcp(7); with a user timeout set, it and not the count of keep-alives decides). Best effort: on a connection
 * that is gone already, its end is what counts.
 */
export function watchSilence(fd: number, timeoutMs: number): void {
  const { setsockopt } = libc();
  const value = new Int32Array(new ArrayBuffer(4));
  const set = (level: number, option: number, number: number): void => {
    value[0] = number;
    setsockopt(fd, level, option, value, value.byteLength);
  };
  set(IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_S);
  set(IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_S);
  set(IPPROTO_TCP, TCP_USER_TIMEOUT, timeoutMs);
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
}
