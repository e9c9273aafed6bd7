/** The part of a writable stream that an `Output` needs. */
export interface OutputStream {
  write(text: string, done: (error?: Error | null) => void): unknown;
  on(event: "error", listener: (error: Error) => void): unknown;
}

/**
 * Text to stdout or stderr that is not lost at exit. Bun drops what a slow pipe has not taken when the process exits, and tells a write
 * that ended only through that write's own callback.
 */
export class Output {
  readonly #stream: OutputStream;
  readonly #pending = new Set<Promise<void>>();
  #pendingLength = 0;

  constructor(stream: OutputStream) {
    this.#stream = stream;
    // Every write reports its failure through its callback; without a listener the stream would throw it once more.
    stream.on("error", () => {});
  }

  /** Characters that were written and not yet taken. */
  get pendingLength(): number {
    return this.#pendingLength;
  }

  /** Resolves when the text is out. A reader that went away (`lvscare help | head -1`) is no failure; anything else rejects. */
  write(text: string): Promise<void> {
    this.#pendingLength += text.length;
    const written = new Promise<void>((resolve, reject) => {
      this.#stream.write(text, (error) => {
        if (error === undefined || error === null || isClosedPipe(error)) resolve();
        else reject(error);
      });
    }).finally(() => {
      this.#pendingLength -= text.length;
      this.#pending.delete(written);
    });
    this.#pending.add(written);
    return written;
  }

  /** Resolves when everything written so far is out or has failed. */
  async flush(): Promise<void> {
    await Promise.allSettled(this.#pending);
  }
}

// --- internal ---

function isClosedPipe(error: Error): boolean {
  return "code" in error && error.code === "EPIPE";
}
