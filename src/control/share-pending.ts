/** Those who ask while an answer is under way share it; who asks later gets a new one. */
export function sharePending<T>(ask: () => Promise<T>): () => Promise<T> {
  let pending: Promise<T> | undefined;
  return () => (pending ??= ask().finally(() => (pending = undefined)));
}
