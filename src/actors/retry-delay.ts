/**
 * The delay before the next attempt after this many failed ones, in milliseconds: it doubles each time, up to a
 * limit.
 */
export function retryDelayMs(failedAttempts: number): number {
  return Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.max(0, failedAttempts - 1));
}

// --- internal ---

const FIRST_RETRY_MS = 100;
const LONGEST_RETRY_MS = 5000;
