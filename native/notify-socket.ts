import { closeFd, libc } from "./libc.ts";
import { AF_UNIX, MSG_NOSIGNAL, SOCK_CLOEXEC, SOCK_DGRAM, SOCK_NONBLOCK } from "./socket-constants.ts";
import { tryUnixAddress } from "./unix-socket.ts";

/**
 * Sends one datagram to a unix socket: a path, or an abstract name with `@` in front. Returns whether it was taken:
 * the receiver may be gone or too busy, which is not the sender's problem.
 */
export function sendToUnixSocket(name: string, text: string): boolean {
  const address = tryUnixAddress(name.replace(/^@/, "\0"));
  if (name === "" || address === undefined) return false;
  const { socket, connect, send } = libc();
  const fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  try {
    if (connect(fd, address, address.byteLength) < 0) return false;
    const encoded = new TextEncoder().encode(text);
    const bytes = new Uint8Array(new ArrayBuffer(encoded.length));
    bytes.set(encoded);
    return Number(send(fd, bytes, bytes.byteLength, MSG_NOSIGNAL)) === bytes.byteLength;
  } finally {
    closeFd(fd);
  }
}
