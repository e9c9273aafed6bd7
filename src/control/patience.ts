/** A wait for an answer, which a signal ends when it was long enough. */
export interface Patience extends Disposable {
  readonly signal: AbortSignal;
}

/**
 * For so many milliseconds in which this process had its turns: while it stands still, or the whole machine does, it sees no answer, however
 * early that came.
 */
export function patienceFor(ms: number): Patience {
  const controller = new AbortController();
  let left = STEPS;
  const timer = setInterval(() => {
    if (--left === 0) controller.abort();
  }, ms / STEPS);
  return { signal: controller.signal, [Symbol.dispose]: () => clearInterval(timer) };
}

// --- internal ---

/** However long it stands still, that counts as one of them. */
const STEPS = 10;
