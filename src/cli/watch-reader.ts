import type { Output } from "./output.ts";

/** Tells when nobody reads an output any more, for whoever may have nothing to write for long. */
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

// --- internal ---

/** Nobody notices that a pipeline ends so much later, and no host notices that one looks so often. */
const LOOK_MS = 200;
