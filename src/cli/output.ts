import { oneLine } from "../config/one-line.ts";
import { isReaderGone } from "./descriptor.ts";

/** Writes text that is not empty; resolves when all of it was taken, rejects when it cannot be. */
export type TakeText = (text: string) => Promise<unknown>;

/**
 * Text to stdout or stderr, in order and not lost at exit. Text that is written while the reader is slow goes out
 * together.
 */
export class Output {
  readonly #take: TakeText;
  readonly #looksUnread: () => boolean;
  #waiting = "";
  #pendingLength = 0;
  /** The write under way, and the next one, which takes the waiting text. */
  #current: Promise<void> | undefined;
  #next: Promise<void> | undefined;
  #wasRefused = false;

  /** `looksUnread` says whether the reader is gone, where that can be seen without writing. */
  constructor(take: TakeText, looksUnread = (): boolean => false) {
    this.#take = take;
    this.#looksUnread = looksUnread;
  }

  /** Characters that were written and not yet taken. */
  get pendingLength(): number {
    return this.#pendingLength;
  }

  /** The reader went away: there is no use in writing more. */
  get isUnread(): boolean {
    return this.#wasRefused || this.#looksUnread();
  }

  /**
   * Resolves when the text is out. A reader that is gone (`lvscare help | head -1`) is no failure; anything else
   * rejects.
   */
  write(text: string): Promise<void> {
    if (text === "") return Promise.resolve();
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

  /**
   * Like `write`, but never rejects: a failed remark on stderr cannot be reported anywhere, and the exit code is for
   * the command's own result.
   */
  async remark(text: string): Promise<void> {
    await Promise.allSettled([this.write(text)]);
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
      if (!isReaderGone(error)) throw error;
      this.#wasRefused = true;
    } finally {
      this.#pendingLength -= text.length;
      if (this.#next === undefined) this.#current = undefined;
    }
  }
}

/** For stderr, to which other programs write too: each line names its author. */
export function ownLines(texts: readonly string[]): string {
  return texts.map((text) => `lvscare: ${oneLine(text)}\n`).join("");
}

/** Plain data for programs, ending with a newline. */
export function formatData(data: object, format: "json" | "yaml"): string {
  const text = format === "json" ? JSON.stringify(data, undefined, 2) : Bun.YAML.stringify(data, undefined, 2);
  return `${text.trimEnd()}\n`;
}
