import { closeFd, libc } from "./libc.ts";

const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const MSG_NOSIGNAL = 0x4000;

/** `sizeof(sun_path)` in linux/un.h. */
const PATH_BYTES = 108;

/**
 * Sends one datagram to a unix socket: a path, or, with `@` in front, an abstract name. Whether it was taken: who listens there may be
 * gone or too busy, and the sender has no part in that.
 */
export function sendToUnixSocket(name: string, text: string): boolean {
  const path = new TextEncoder().encode(name.replace(/^@/, "\0"));
  if (path.length === 0 || path.length > PATH_BYTES) return false;
  const address = new Uint8Array(new ArrayBuffer(2 + path.length));
  new DataView(address.buffer).setUint16(0, AF_UNIX, true);
  address.set(path, 2);
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
