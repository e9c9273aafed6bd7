import { releaseCode } from "#native";

/** The code that only the start of a daemon needed leaves the memory some time after it. */
export function afterStart(): Disposable {
  const timer = setTimeout(releaseCode, STARTED_MS).unref();
  return { [Symbol.dispose]: () => clearTimeout(timer) };
}

// --- internal ---

/** By then, hardly anything runs that only a start needs. */
const STARTED_MS = 10_000;
