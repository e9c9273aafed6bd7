import { constants } from "node:os";
import { describeError, LvscareError } from "../src/domain/errors.ts";
import { kernelRefused } from "./kernel-refused.ts";
import { errno, libc } from "./libc.ts";
import { openThroughLibnl } from "./libnl.ts";
import { openPlainNetlink, type NetlinkDescriptor, type NetlinkProtocol } from "./netlink-descriptor.ts";
import {
  MSG_TRUNC,
  NETLINK_CAP_ACK,
  NETLINK_EXT_ACK,
  SO_RCVBUF,
  SO_RCVBUFFORCE,
  SO_RCVTIMEO,
  SO_SNDBUF,
  SOL_NETLINK,
  SOL_SOCKET,
} from "./socket-constants.ts";
import { int, setOption } from "./socket-options.ts";

/**
 * A dump's datagram is at most 32 KiB (net/netlink/af_netlink.c: netlink_dump). Twice that leaves room for kernels
 * with a larger limit.
 */
const RECEIVE_BYTES = 64 * 1024;

/** libnl asks for 32 KiB, which 128 acks overflow. */
const SOCKET_BUFFER_BYTES = 1024 * 1024;

/** The kernel answers inside send(), so a silence this long means that no answer is coming. */
const RECEIVE_TIMEOUT_S = 5;

/**
 * Signals of the runtime interrupt system calls. A call that was interrupted this often in a row will never get
 * through.
 */
const INTERRUPTIONS = 100;

export interface NetlinkSocketOptions {
  /** `never` leaves libnl alone, as on a host that has none. */
  readonly libnl?: "preferred" | "never";
}

/**
 * A blocking netlink socket to the kernel. libnl makes and frees it where it is installed, libc elsewhere (see
 * `via`); libc moves the bytes in both cases. Every method throws SOCKET_FAILED after `close`.
 */
export class NetlinkSocket implements Disposable {
  /** Why libnl was not used, for DEBUG logs; undefined when it was, or was not wanted. */
  readonly libnlFailure: unknown;
  #descriptor: NetlinkDescriptor | undefined;
  #received = new Uint8Array(new ArrayBuffer(RECEIVE_BYTES));
  readonly #via: NetlinkDescriptor["via"];

  /** Throws SOCKET_FAILED with the errno when the kernel gives no socket. */
  static open(protocol: NetlinkProtocol, options: NetlinkSocketOptions = {}): NetlinkSocket {
    if (options.libnl === "never") return new NetlinkSocket(openPlainNetlink(protocol), undefined);
    try {
      return new NetlinkSocket(openThroughLibnl(protocol), undefined);
    } catch (reason) {
      return new NetlinkSocket(openPlainNetlink(protocol), reason);
    }
  }

  private constructor(descriptor: NetlinkDescriptor, libnlFailure: unknown) {
    this.#descriptor = descriptor;
    this.#via = descriptor.via;
    this.libnlFailure = libnlFailure;
    configure(descriptor.fd);
  }

  /** `libnl` or `netlink socket`. */
  get via(): NetlinkDescriptor["via"] {
    return this.#via;
  }

  /** Why it is not libnl, with what to do about it; undefined when it is, or was not wanted. */
  get remark(): string | undefined {
    return this.libnlFailure === undefined ? undefined : describeError(this.libnlFailure);
  }

  /** Sends one datagram of whole messages. Throws SOCKET_FAILED with the errno, `EMSGSIZE` for one that is too big. */
  send(bytes: Uint8Array): void {
    const { fd } = this.#owned("send");
    const sent = uninterrupted(() => libc().send(fd, bytes, bytes.byteLength, 0));
    if (sent < 0) throw kernelRefused(-sent, "send to the kernel");
  }

  /**
   * The next datagram, waiting for it at most 5 s: a view of this socket's own buffer, which the next `receive`
   * overwrites.
   *
   * Throws KERNEL_TIMEOUT, or SOCKET_FAILED with the errno: `ENOBUFS` when the kernel dropped messages because we
   * read too slowly, `EMSGSIZE` when a datagram was cut. Messages are lost in both cases, so close the socket and ask
   * again.
   */
  receive(): Uint8Array {
    const { fd } = this.#owned("receive");
    const buffer = this.#received;
    const length = uninterrupted(() => libc().recv(fd, buffer, buffer.byteLength, MSG_TRUNC));
    if (length < 0) {
      if (-length !== constants.errno.EAGAIN) throw kernelRefused(-length, "receive from the kernel");
      throw new LvscareError("KERNEL_TIMEOUT", `the kernel did not answer for ${RECEIVE_TIMEOUT_S}s`);
    }
    if (length > buffer.byteLength) {
      this.#received = new Uint8Array(new ArrayBuffer(length));
      throw kernelRefused(constants.errno.EMSGSIZE, "receive from the kernel");
    }
    return buffer.subarray(0, length);
  }

  close(): void {
    this.#descriptor?.close();
    this.#descriptor = undefined;
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #owned(verb: string): NetlinkDescriptor {
    if (this.#descriptor === undefined) {
      throw new LvscareError("SOCKET_FAILED", `cannot ${verb}: this NetlinkSocket is closed`);
    }
    return this.#descriptor;
  }
}

// --- internal ---

/**
 * No failure of these matters: the forced buffers need CAP_NET_ADMIN, and there is a fallback for each. Extended acks
 * carry the kernel's reason as text; capped acks do not echo the request.
 */
function configure(fd: number): void {
  setOption(fd, SOL_NETLINK, NETLINK_CAP_ACK, int(1));
  setOption(fd, SOL_NETLINK, NETLINK_EXT_ACK, int(1));
  setOption(fd, SOL_SOCKET, SO_SNDBUF, int(SOCKET_BUFFER_BYTES));
  setOption(fd, SOL_SOCKET, SO_RCVBUF, int(SOCKET_BUFFER_BYTES));
  setOption(fd, SOL_SOCKET, SO_RCVBUFFORCE, int(SOCKET_BUFFER_BYTES));
  setOption(fd, SOL_SOCKET, SO_RCVTIMEO, timeval(RECEIVE_TIMEOUT_S));
}

/** The call's result, or the negative errno: the number must be fetched before any other call is made. */
function uninterrupted(call: () => number | bigint): number {
  for (let interruptions = 0; ; interruptions++) {
    const result = Number(call());
    if (result >= 0) return result;
    const code = errno();
    if (code !== constants.errno.EINTR || interruptions === INTERRUPTIONS) return -code;
  }
}

/** `struct timeval` of a 64-bit machine. */
function timeval(seconds: number): BigInt64Array {
  const value = new BigInt64Array(new ArrayBuffer(16));
  value[0] = BigInt(seconds);
  return value;
}
