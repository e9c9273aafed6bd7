import { addressFromBytes, type Endpoint } from "../src/domain/endpoint.ts";
import { libc } from "./libc.ts";
import { AF_INET, AF_INET6 } from "./socket-constants.ts";
import { int } from "./socket-options.ts";

const SOCKADDR_STORAGE_BYTES = 128;

/** The local endpoint of a TCP socket, known as soon as it connects; undefined when it is not. */
export function localEndpoint(fd: number): Endpoint | undefined {
  const bytes = new Uint8Array(new ArrayBuffer(SOCKADDR_STORAGE_BYTES));
  const length = int(SOCKADDR_STORAGE_BYTES);
  if (libc().getsockname(fd, bytes, length) < 0) return undefined;
  const view = new DataView(bytes.buffer);
  const family = view.getUint16(0, true);
  const port = view.getUint16(2, false);
  // `struct sockaddr_in` and `sockaddr_in6` (linux/in.h, linux/in6.h).
  if (family === AF_INET) return { family: "ipv4", address: addressFromBytes(bytes.subarray(4, 8)), port };
  if (family === AF_INET6) return { family: "ipv6", address: addressFromBytes(bytes.subarray(8, 24)), port };
  return undefined;
}
