/** Writes text to a descriptor; resolves when all of it was taken, rejects when it cannot be. */
export type TakeText = (text: string) => Promise<unknown>;

/**
 * Text to stdout or stderr, in order, that is not lost at exit: Bun drops what a slow pipe has not taken when the process exits. What is
 * written while the reader is slow goes out together.
 */
export class Output {
  readonly #take: TakeText;
  #waiting = "";
  #pendingLength = 0;
  /** The write under way, and the one that takes what waits. */
  #current: Promise<void> | undefined;
  #next: Promise<void> | undefined;
  #isUnread = false;

  constructor(take: TakeText) {
    this.#take = take;
  }

  /** Characters that were written and not yet taken. */
  get pendingLength(): number {
    return this.#pendingLength;
  }

  /** The reader went away: whoever would go on writing may as well stop. */
  get isUnread(): boolean {
    return this.#isUnread;
  }

  /** Resolves when the text is out. A reader that went away (`lvscare help | head -1`) is no failure; anything else rejects. */
  write(text: string): Promise<void> {
    this.#pendingLength += text.length;
    this.#waiting += text;
    if (this.#current === undefined) return (this.#current = this.#takeWaiting());
    this.#next ??= this.#current
      .catch(() => undefined)
      .then(() => {
        this.#next = undefined;
        return (this.#current = this.#takeWaiting());
      });
    return this.#next;
  }

  /** Resolves when everything written so far is out or has failed. */
  async flush(): Promise<void> {
    await Promise.allSettled([this.#current, this.#next]);
  }

  // --- internal ---

  async #takeWaiting(): Promise<void> {
    const text = this.#waiting;
    this.#waiting = "";
    try {
      await this.#take(text);
    } catch (error) {
      if (!isClosedPipe(error)) throw error;
      this.#isUnread = true;
    } finally {
      this.#pendingLength -= text.length;
      if (this.#next === undefined) this.#current = undefined;
    }
  }
}

// --- internal ---

function isClosedPipe(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "EPIPE";
}
