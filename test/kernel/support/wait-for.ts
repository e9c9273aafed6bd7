import { expect } from "bun:test";

export interface Patience {
  readonly timeoutMs?: number;
  readonly everyMs?: number;
}

/** Reads again until the condition holds, and returns what was read then; at the deadline it throws what was read last. */
export async function waitFor<T>(
  read: () => T | Promise<T>,
  condition: (value: T) => boolean,
  { timeoutMs = 30_000, everyMs = 10 }: Patience = {},
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const value = await read();
    if (condition(value)) return value;
    if (performance.now() > deadline) throw new Error(`still not so after ${timeoutMs} ms: ${Bun.inspect(value)}`);
    await Bun.sleep(everyMs);
  }
}

/** Reads again until it equals what is expected; at the deadline it fails with the difference. */
export async function waitForEqual(
  read: () => unknown,
  expected: unknown,
  { timeoutMs = 30_000, everyMs = 10 }: Patience = {},
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  let value = await read();
  while (!Bun.deepEquals(value, expected) && performance.now() < deadline) {
    await Bun.sleep(everyMs);
    value = await read();
  }
  expect(value).toEqual(expected);
}
