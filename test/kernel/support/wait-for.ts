import { expect } from "bun:test";

export interface Patience {
  readonly timeoutMs?: number;
  readonly everyMs?: number;
}

/**
 * Longer than anything that is waited for takes where other work takes all processors: who need not wait so long does not. Emulated processors
 * need half as long again.
 */
export const PATIENCE_MS = process.env["LVSCARE_LAB"]?.startsWith("qemu") === true ? 90_000 : 60_000;

/**
 * Reads again until the condition holds, and returns what was read then; at the deadline it throws what was read last. To look takes a third of
 * the time at most: what starts a program for it would otherwise take the processor from those that it waits for.
 */
export async function waitFor<T>(
  read: () => T | Promise<T>,
  condition: (value: T) => boolean,
  { timeoutMs = PATIENCE_MS, everyMs = 10 }: Patience = {},
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const lookedMs = performance.now();
    const value = await read();
    if (condition(value)) return value;
    const nowMs = performance.now();
    if (nowMs > deadline) throw new StillNotSo(`still not so after ${timeoutMs} ms: ${Bun.inspect(value)}`);
    await Bun.sleep(Math.max(everyMs, 2 * (nowMs - lookedMs)));
  }
}

/** Reads again until it equals what is expected; at the deadline it fails with the difference. */
export async function waitForEqual(read: () => unknown, expected: unknown, patience: Patience = {}): Promise<void> {
  let value: unknown;
  const isEqual = async (): Promise<boolean> => Bun.deepEquals((value = await read()), expected);
  try {
    await waitFor(isEqual, Boolean, patience);
  } catch (error) {
    if (!(error instanceof StillNotSo)) throw error;
    expect(value).toEqual(expected);
  }
}

// --- internal ---

class StillNotSo extends Error {
  override readonly name = "StillNotSo";
}
