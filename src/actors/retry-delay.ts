/** How long to wait before an attempt after so many that failed, in milliseconds: doubles from one to the next up to its cap. */
export function retryDelayMs(failedAttempts: number): number {
  return Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.max(0, failedAttempts - 1));
}

// --- internal ---

const FIRST_RETRY_MS = 100;
const LONGEST_RETRY_MS = 5000;
