import { constants } from "node:os";
import { addressBytes, formatEndpoint, type Endpoint } from "../src/domain/endpoint.ts";
import { LvscareError } from "../src/domain/errors.ts";
import { kernelRefused } from "./kernel-refused.ts";
import { closeFd, errno, libc } from "./libc.ts";
import {
  AF_INET,
  AF_INET6,
  IP_BIND_ADDRESS_NO_PORT,
  IPPROTO_IP,
  IPPROTO_TCP,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOCK_STREAM,
  SOL_SOCKET,
  SO_ERROR,
  SO_LINGER,
  SO_MARK,
  TCP_INFO,
} from "./socket-constants.ts";
import { int, setOption } from "./socket-options.ts";

/** From where a socket connects, where the kernel is not to choose all of that. */
export interface SocketOrigin {
  readonly source?: Pick<Endpoint, "family" | "address">;
  /** Of its packets. It takes the right CAP_NET_ADMIN. */
  readonly mark?: number;
  /**
   * Its local port is nobody else's, as long as there are any left. Else a client of this host may be given the same one for a virtual
   * server, and is led to this socket's peer by IPVS: the two are one connection there, and the client gets no answer.
   */
  readonly hasOwnPort?: boolean;
}

/**
 * A non-blocking TCP socket that is already connecting: pass it to `Bun.connect({ fd })`, which owns it from then on,
 * or `closeFd` it. Unlike a socket of `Bun.connect({ hostname })` it can be closed while it connects, and it reports
 * the kernel's own errno.
 *
 * Throws SOCKET_FAILED with the errno (`ENETUNREACH`, `EMFILE`, …) when the kernel refuses immediately, SOURCE_MISSING or
 * NOT_PERMITTED where it cannot begin as `origin` says; then nothing is left open.
 */
export function openTcpSocket(target: Endpoint, origin?: SocketOrigin): number {
  const address = socketAddress(target);
  const { socket, connect } = libc();

  const domain = target.family === "ipv6" ? AF_INET6 : AF_INET;
  const fd = socket(domain, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) throw socketFailed(target, errno());

  if (origin !== undefined) begin(fd, target, origin);
  // The runtime turns Nagle's algorithm off when it takes the socket over.
  if (connect(fd, address, address.byteLength) < 0) {
    const code = errno();
    if (code !== constants.errno.EINPROGRESS) {
      closeFd(fd);
      throw socketFailed(target, code);
    }
  }
  return fd;
}

/**
 * The same, and also throws when the other end has refused by now: the refusal of a server on this host is already
 * there when `connect` returns. So it need not go through the event loop or the runtime's sockets.
 */
export function dialTcpSocket(target: Endpoint, origin?: SocketOrigin): number {
  const fd = openTcpSocket(target, origin);
  const failure = pendingError(fd);
  if (failure === 0) return fd;
  closeFd(fd);
  throw socketFailed(target, failure);
}

/**
 * Whether the connection stands by now, as one to a server on this host does when `connect` returns. Then it is closed by a
 * reset, of which this host remembers nothing; else the descriptor is as it was.
 */
export function resetIfConnected(fd: number): boolean {
  STATE_BYTES[0] = STATE.byteLength;
  const { getsockopt, setsockopt } = libc();
  const isTold = getsockopt(fd, IPPROTO_TCP, TCP_INFO, STATE, STATE_BYTES) === 0;
  if (!isTold || STATE[0] !== ESTABLISHED) return false;
  setsockopt(fd, SOL_SOCKET, SO_LINGER, AT_ONCE, AT_ONCE.byteLength);
  closeFd(fd);
  return true;
}

// --- internal ---

/** `tcpi_state`, the first byte of `struct tcp_info` (linux/tcp.h), and `TCP_ESTABLISHED` (net/tcp_states.h). */
const STATE = new Uint8Array(new ArrayBuffer(1));
const STATE_BYTES = int(STATE.byteLength);
const ESTABLISHED = 1;

/** `struct linger`: on, for no time. */
const AT_ONCE = new Int32Array(new ArrayBuffer(8));
AT_ONCE[0] = 1;

/** Throws SOURCE_MISSING where this host has no such address, and NOT_PERMITTED; the socket is closed then. */
function begin(fd: number, target: Endpoint, { source, mark, hasOwnPort = false }: SocketOrigin): void {
  const { setsockopt } = libc();
  if (mark !== undefined && setsockopt(fd, SOL_SOCKET, SO_MARK, int(mark), Int32Array.BYTES_PER_ELEMENT) < 0)
    throw unbegun(fd, new LvscareError("NOT_PERMITTED", "marking packets takes the right CAP_NET_ADMIN"));
  if (source === undefined) {
    // Connecting chooses ports that other sockets have; binding does not, and no other then gets this one by connecting.
    if (hasOwnPort) bindTo(fd, target.family === "ipv6" ? ANY_V6 : ANY_V4);
    return;
  }
  const { family, address } = source;
  if (family !== target.family)
    throw unbegun(fd, new LvscareError("SOURCE_MISSING", `${address} cannot ask ${target.address}: one is IPv6`));
  const from = encodeSocketAddress({ family, address, port: 0 });
  if (hasOwnPort && bindTo(fd, from)) return;
  // Without a port of its own yet: connections to different servers may share one.
  setOption(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, int(1));
  if (!bindTo(fd, from))
    throw unbegun(fd, new LvscareError("SOURCE_MISSING", `${address}, to ask from, is no address of this host`));
}

function bindTo(fd: number, address: Uint8Array): boolean {
  return libc().bind(fd, address, address.byteLength) === 0;
}

function unbegun(fd: number, error: LvscareError): LvscareError {
  closeFd(fd);
  return error;
}

// Made once: to allocate what C reads and writes costs more than the calls, and each check's connection would need it.
const PENDING = int(0);
const INT_BYTES = int(PENDING.byteLength);

/** The pending error of the connection; 0 for none yet. */
function pendingError(fd: number): number {
  PENDING[0] = 0;
  libc().getsockopt(fd, SOL_SOCKET, SO_ERROR, PENDING, INT_BYTES);
  return PENDING[0];
}

/** For as long as the target lives. */
const SOCKET_ADDRESSES = new WeakMap<Endpoint, Uint8Array>();

function socketAddress(target: Endpoint): Uint8Array {
  const known = SOCKET_ADDRESSES.get(target);
  if (known !== undefined) return known;
  const address = encodeSocketAddress(target);
  SOCKET_ADDRESSES.set(target, address);
  return address;
}

/** `struct sockaddr_in` or `sockaddr_in6`: the family in host order, the port in network order (linux/in.h, linux/in6.h). */
function encodeSocketAddress(target: Endpoint): Uint8Array {
  const v6 = target.family === "ipv6";
  const bytes = new Uint8Array(new ArrayBuffer(v6 ? 28 : 16));
  const view = new DataView(bytes.buffer);
  view.setUint16(0, v6 ? AF_INET6 : AF_INET, true);
  view.setUint16(2, target.port, false);
  bytes.set(addressBytes(target.address), v6 ? 8 : 4);
  return bytes;
}

const ANY_V4 = encodeSocketAddress({ family: "ipv4", address: "0.0.0.0", port: 0 });
const ANY_V6 = encodeSocketAddress({ family: "ipv6", address: "::", port: 0 });

/**
 * Whether this host has an address that it could connect from. The kernel says EADDRNOTAVAIL both when there is none
 * and when all ports are in use for now. A UDP socket, which sends nothing by connecting, has ports of its own.
 */
function hasSource(target: Endpoint): boolean {
  const address = socketAddress(target);
  const { socket, connect } = libc();
  const fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return true;
  const hasFailed = connect(fd, address, address.byteLength) < 0 && errno() === constants.errno.EADDRNOTAVAIL;
  closeFd(fd);
  return !hasFailed;
}

function socketFailed(target: Endpoint, code: number): LvscareError {
  if (code === constants.errno.EADDRNOTAVAIL && target.family === "ipv6" && !hasSource(target)) {
    return new LvscareError("ADDRESS_NOT_LOCAL", "this host has no IPv6 address to speak from; IPv6 may be disabled");
  }
  return kernelRefused(code, `connect to ${formatEndpoint(target)}`);
}
