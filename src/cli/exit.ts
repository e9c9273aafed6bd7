import type { Output } from "./output.ts";

/** Ends the process. Output on its way gets a moment, but a stuck reader does not delay the end. */
export async function exit(code: number, outputs: readonly Output[]): Promise<never> {
  await Promise.race([Promise.all(outputs.map((output) => output.flush())), Bun.sleep(LAST_WORDS_MS)]);
  process.exit(code);
}

/** Ends the process immediately, for a user who asked twice. */
export function exitNow(code: number): never {
  process.exit(code);
}

// --- internal ---

const LAST_WORDS_MS = 500;
