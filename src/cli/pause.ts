/** Waits for so many milliseconds, or until the signal; whether it was the signal that ended it. */
export function pause(ms: number, signal: AbortSignal): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  return isCutShort(promise, signal).finally(() => clearTimeout(timer));
}

/** Waits for the work, or until the signal; whether it was the signal that ended it. Rejects with what the work rejects with. */
export function isCutShort(work: Promise<unknown>, signal: AbortSignal): Promise<boolean> {
  const { promise, resolve, reject } = Promise.withResolvers<boolean>();
  const stopped = (): void => resolve(true);
  work.then(() => resolve(false), reject);
  signal.addEventListener("abort", stopped, { once: true });
  if (signal.aborted) stopped();
  return promise.finally(() => signal.removeEventListener("abort", stopped));
}
