/** Asks so often, each time over a new connection, and says who answered how often. */
export async function tallyOf(url: string, requests: number, signal: AbortSignal): Promise<string> {
  const tally = new Map<string, number>();
  for (let count = 0; count < requests; count++) {
    const name = await askOnce(url, signal);
    tally.set(name, (tally.get(name) ?? 0) + 1);
  }
  return [...tally]
    .toSorted()
    .map(([name, count]) => `${name} ${count}`)
    .join(", ");
}

/** Resolves when the server answers: its process needs a moment to start. */
export async function answering(url: string, patienceMs: number, signal: AbortSignal): Promise<void> {
  const deadline = performance.now() + patienceMs;
  while (performance.now() < deadline) {
    signal.throwIfAborted();
    if ((await askOnce(url, signal).catch(() => undefined)) !== undefined) return;
    await Bun.sleep(20);
  }
  throw new Error(`the echo server at ${url} did not start`);
}

export async function askOnce(url: string, signal: AbortSignal): Promise<string> {
  const response = await fetch(url, { keepalive: false, headers: { connection: "close" }, proxy: "", signal });
  return (await response.text()).trim();
}
