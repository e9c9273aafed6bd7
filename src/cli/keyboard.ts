import { isCutShort } from "./stopping.ts";
import { keysIn } from "./watch-screen.ts";

/** The keys of a person at the terminal, one by one and unseen. */
export class Keyboard implements Disposable {
  #pressed: string[] = [];
  #wake: (() => void) | undefined;

  readonly #onData = (data: Uint8Array | string): void => {
    this.#pressed.push(...keysIn(typeof data === "string" ? data : new TextDecoder().decode(data)));
    this.#wake?.();
  };
  readonly #onResize = (): void => this.#wake?.();

  constructor() {
    process.stdin.setRawMode(true);
    process.stdin.on("data", this.#onData);
    process.stdin.resume();
    process.on("SIGWINCH", this.#onResize);
  }

  /** Undefined where nobody can press any. */
  static open(): Keyboard | undefined {
    return process.stdin.isTTY ? new Keyboard() : undefined;
  }

  /** Those pressed until now, or once there are some, the terminal has another size, or this time is over. */
  async next(withinMs: number, signal: AbortSignal): Promise<readonly string[]> {
    if (this.#pressed.length === 0 && !signal.aborted) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      const timer = setTimeout(resolve, withinMs);
      await isCutShort(promise, signal);
      clearTimeout(timer);
      this.#wake = undefined;
    }
    return this.#pressed.splice(0);
  }

  [Symbol.dispose](): void {
    process.off("SIGWINCH", this.#onResize);
    process.stdin.off("data", this.#onData);
    process.stdin.setRawMode(false);
    process.stdin.pause();
  }
}
