import { LvscareError } from "../domain/errors.ts";
import { align4 } from "./writer.ts";

export function malformed(what: string): LvscareError {
  return new LvscareError("MALFORMED_MESSAGE", `the kernel sent a malformed ${what}`);
}

/**
 * Reads numbers from bytes in host order (see `ByteWriter`). An error sticks: past the end every read gives 0 or nothing and
 * `failed` stays true, so a decoder reads all its fields and checks once, with `finish`.
 */
export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;
  #end: number;
  #failed = false;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#end = bytes.length;
  }

  get failed(): boolean {
    return this.#failed;
  }

  get remaining(): number {
    return this.#failed ? 0 : this.#end - this.#at;
  }

  fail(): void {
    this.#failed = true;
  }

  u8(): number {
    const at = this.#advance(1);
    return at === undefined ? 0 : this.#view.getUint8(at);
  }

  u16(): number {
    const at = this.#advance(2);
    return at === undefined ? 0 : this.#view.getUint16(at, true);
  }

  be16(): number {
    const at = this.#advance(2);
    return at === undefined ? 0 : this.#view.getUint16(at, false);
  }

  u32(): number {
    const at = this.#advance(4);
    return at === undefined ? 0 : this.#view.getUint32(at, true);
  }

  be32(): number {
    const at = this.#advance(4);
    return at === undefined ? 0 : this.#view.getUint32(at, false);
  }

  i32(): number {
    const at = this.#advance(4);
    return at === undefined ? 0 : this.#view.getInt32(at, true);
  }

  /** Exact up to 2^53, which a byte counter at 100 Gbit/s passes after eight days: good enough for a rate, not for a bill. */
  u64(): number {
    const at = this.#advance(8);
    return at === undefined ? 0 : this.#view.getUint32(at, true) + this.#view.getUint32(at + 4, true) * 2 ** 32;
  }

  /** A view of the next bytes, not a copy. */
  take(count: number): Uint8Array {
    const at = this.#advance(count);
    return at === undefined ? new Uint8Array(0) : this.#bytes.subarray(at, at + count);
  }

  copy(count: number): Uint8Array {
    const at = this.#advance(count);
    return at === undefined ? new Uint8Array(0) : this.#bytes.slice(at, at + count);
  }

  rest(): Uint8Array {
    return this.take(this.remaining);
  }

  /** Skips to the next 4-byte boundary; the padding of the last element may be missing. */
  align(): void {
    this.#at = Math.min(align4(this.#at), this.#end);
  }

  /** Ends the reader after the next bytes, until `leave` is given the end that this returns. */
  enter(count: number): number {
    const end = this.#end;
    const at = this.#advance(count);
    if (at === undefined) return end;
    this.#at = at;
    this.#end = at + count;
    return end;
  }

  /** Continues after the bytes that were entered, however many of them were read. */
  leave(end: number): void {
    this.#at = this.#end;
    this.#end = end;
  }

  /** Throws MALFORMED_MESSAGE if any read so far went past the end. */
  finish(what: string): void {
    if (this.#failed) throw malformed(what);
  }

  #advance(count: number): number | undefined {
    if (this.#failed || count > this.#end - this.#at) {
      this.#failed = true;
      return undefined;
    }
    const at = this.#at;
    this.#at += count;
    return at;
  }
}
