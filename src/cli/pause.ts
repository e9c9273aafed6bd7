/** Waits for so many milliseconds, or until the signal; whether it was the signal that ended it. */
export function pause(ms: number, signal: AbortSignal): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => resolve(false), ms);
  const stopped = (): void => resolve(true);
  signal.addEventListener("abort", stopped, { once: true });
  if (signal.aborted) stopped();
  return promise.finally(() => {
    clearTimeout(timer);
    signal.removeEventListener("abort", stopped);
  });
}
