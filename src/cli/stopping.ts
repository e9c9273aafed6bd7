import type { Output } from "./output.ts";

/** What SIGTERM and SIGINT do while a command runs: the first asks it to stop, the second stops it. */
export interface StopSignal extends Disposable {
  readonly signal: AbortSignal;
}

/** Listens until disposed of; `insist` is called at the second signal. */
export function listenForStop(insist: () => void): StopSignal {
  const controller = new AbortController();
  const onSignal = (): void => {
    if (controller.signal.aborted) insist();
    else controller.abort();
  };
  for (const name of SIGNALS) process.on(name, onSignal);
  return {
    signal: controller.signal,
    [Symbol.dispose]() {
      for (const name of SIGNALS) process.off(name, onSignal);
    },
  };
}

/** SIGHUP, which ends this process no longer: one that comes before anybody listens is told to whoever does first. */
export class Hangups implements Disposable {
  #listener: (() => void) | undefined;
  #isPending = false;

  readonly #onSignal = (): void => {
    if (this.#listener === undefined) this.#isPending = true;
    else this.#listener();
  };

  constructor() {
    process.on("SIGHUP", this.#onSignal);
  }

  /** Calls back at each; returns a function that ends that. */
  listen(listener: () => void): () => void {
    this.#listener = listener;
    if (this.#isPending) listener();
    this.#isPending = false;
    return () => (this.#listener = undefined);
  }

  [Symbol.dispose](): void {
    process.off("SIGHUP", this.#onSignal);
  }
}

/** Reports that an output's reader is gone, for commands that may have nothing to write for long. */
export interface WatchedReader extends Disposable {
  readonly signal: AbortSignal;
}

/** Looks until disposed of. */
export function watchReader(output: Output): WatchedReader {
  const controller = new AbortController();
  const timer = setInterval(() => {
    if (output.isUnread) controller.abort();
  }, LOOK_MS);
  return {
    signal: controller.signal,
    [Symbol.dispose]: () => clearInterval(timer),
  };
}

/** Waits for this many milliseconds, or until the signal. Returns whether the signal ended it. */
export function pause(ms: number, signal: AbortSignal): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  return isCutShort(promise, signal).finally(() => clearTimeout(timer));
}

/** Waits for the work, or until the signal. Returns whether the signal ended it. Rejects when the work rejects. */
export function isCutShort(work: Promise<unknown>, signal: AbortSignal): Promise<boolean> {
  const { promise, resolve, reject } = Promise.withResolvers<boolean>();
  const stopped = (): void => resolve(true);
  work.then(() => resolve(false), reject);
  signal.addEventListener("abort", stopped, { once: true });
  if (signal.aborted) stopped();
  return promise.finally(() => signal.removeEventListener("abort", stopped));
}

// --- internal ---

const SIGNALS = ["SIGTERM", "SIGINT"] as const;

/** Too short to notice at the end of a pipeline, and long enough to cost the host nothing. */
const LOOK_MS = 200;
