/** The bytes that the proxy holds for all who do not take them, and the limit of that. */
export class BufferBudget {
  readonly #most: number;
  readonly #onFull: () => void;
  #bytes = 0;
  #isTold = false;

  /** `onFull` is called once, and again after it was no longer so. */
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

/** In all; whoever would have more held is cut off. */
export const MOST_BUFFERED_BYTES = 64 * 1024 * 1024;
