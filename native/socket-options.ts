import { libc } from "./libc.ts";

/** An `int` that a system call reads or writes. */
export function int(value: number): Int32Array<ArrayBuffer> {
  return new Int32Array(new ArrayBuffer(4)).fill(value);
}

/** Best effort: an option that the kernel refuses is left as it is. */
export function setOption(fd: number, level: number, option: number, value: Int32Array | BigInt64Array): void {
  libc().setsockopt(fd, level, option, value, value.byteLength);
}
