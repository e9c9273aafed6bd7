import { LvscareError } from "../domain/errors.ts";

/** Netlink aligns messages and attributes to 4 bytes: NLMSG_ALIGN, NLA_ALIGN of linux/netlink.h. */
export function align4(length: number): number {
  return (length + 3) & ~3;
}

const INITIAL_BYTES = 16 * 1024;

/** A full batch of 64 of our largest messages is under 20 KiB; a writer that grows past this is in an endless loop. */
const LIMIT_BYTES = 1024 * 1024;

/**
 * Appends numbers to one buffer that is reused for every message. Numbers are in host order, which is little endian
 * on every machine that Bun runs on, unless the method says otherwise (`be16`, `be32`).
 *
 * Throws MALFORMED_MESSAGE past 1 MiB.
 */
export class ByteWriter {
  #bytes = new Uint8Array(new ArrayBuffer(INITIAL_BYTES));
  #view = new DataView(this.#bytes.buffer);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  reset(): void {
    this.#length = 0;
  }

  /** What has been written since `reset`: a view, overwritten by what is written next. */
  written(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  u8(value: number): void {
    const at = this.#reserve(1);
    this.#view.setUint8(at, value);
  }

  u16(value: number): void {
    const at = this.#reserve(2);
    this.#view.setUint16(at, value, true);
  }

  be16(value: number): void {
    const at = this.#reserve(2);
    this.#view.setUint16(at, value, false);
  }

  u32(value: number): void {
    const at = this.#reserve(4);
    this.#view.setUint32(at, value, true);
  }

  /** Two of them in one step. */
  u32s(first: number, second: number): void {
    const at = this.#reserve(8);
    this.#view.setUint32(at, first, true);
    this.#view.setUint32(at + 4, second, true);
  }

  be32(value: number): void {
    const at = this.#reserve(4);
    this.#view.setUint32(at, value, false);
  }

  i32(value: number): void {
    const at = this.#reserve(4);
    this.#view.setInt32(at, value, true);
  }

  /** Exact up to 2^53. */
  u64(value: number): void {
    const at = this.#reserve(8);
    this.#view.setUint32(at, value % 2 ** 32, true);
    this.#view.setUint32(at + 4, value / 2 ** 32, true);
  }

  bytes(values: ArrayLike<number>): void {
    const at = this.#reserve(values.length);
    this.#bytes.set(values, at);
  }

  zeros(count: number): void {
    const at = this.#reserve(count);
    this.#bytes.fill(0, at, at + count);
  }

  align(): void {
    // Byte by byte: there are three at the most, and filling costs more than it fills.
    while (this.#length < align4(this.#length)) this.u8(0);
  }

  /** Overwrites the number at an earlier offset: a length that is known only now. */
  patchU16(at: number, value: number): void {
    this.#view.setUint16(at, value, true);
  }

  patchU32(at: number, value: number): void {
    this.#view.setUint32(at, value, true);
  }

  /** May replace the buffer: call it before touching the view. */
  #reserve(count: number): number {
    const at = this.#length;
    if (at + count > this.#bytes.length) this.#grow(at + count);
    this.#length = at + count;
    return at;
  }

  #grow(needed: number): void {
    if (needed > LIMIT_BYTES) {
      throw new LvscareError("MALFORMED_MESSAGE", `a message of ${needed} bytes is past the limit of ${LIMIT_BYTES}`);
    }
    const bytes = new Uint8Array(new ArrayBuffer(Math.min(LIMIT_BYTES, Math.max(needed, 2 * this.#bytes.length))));
    bytes.set(this.#bytes);
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer);
  }
}
