/** The bytes that the proxy buffers for all slow readers together, and their limit. */
export class BufferBudget {
  readonly #most: number;
  readonly #onFull: () => void;
  #bytes = 0;
  #isTold = false;

  /** `onFull` is called once, and again only after there was room in between. */
  constructor(onFull: () => void, most = MOST_BUFFERED_BYTES) {
    this.#onFull = onFull;
    this.#most = most;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** So much is buffered already that little should be added. */
  get isTight(): boolean {
    return this.#bytes >= this.#most / 4;
  }

  /** False when there is no room for them. */
  add(bytes: number): boolean {
    if (this.#bytes + bytes > this.#most) {
      if (!this.#isTold) this.#onFull();
      this.#isTold = true;
      return false;
    }
    this.#bytes += bytes;
    return true;
  }

  release(bytes: number): void {
    const enoughBytes = this.#most / 2;
    if (this.#bytes >= enoughBytes && this.#bytes - bytes < enoughBytes) this.#isTold = false;
    this.#bytes -= bytes;
  }
}

/** For all together. A connection that would exceed it is cut off. */
export const MOST_BUFFERED_BYTES = 64 * 1024 * 1024;
