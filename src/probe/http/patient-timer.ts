export interface PatientTimer {
  cancel(): void;
}

/** Longer than this, a timer of the runtime fires at once. */
const LONGEST_MS = 2 ** 31 - 1;

/**
 * Calls back after `ms` milliseconds, but only once the event loop has had a turn for input: when our own process was held up, what
 * has come meanwhile counts before anybody is declared late.
 */
export function startPatientTimer(ms: number, expired: () => void): PatientTimer {
  let turn: NodeJS.Immediate | undefined;
  const timer = setTimeout(
    () => {
      // Two turns: the first can still belong to the round of timers that was held up.
      turn = setImmediate(() => {
        turn = setImmediate(expired);
      });
    },
    Math.min(Math.max(ms, 0), LONGEST_MS),
  );
  return {
    cancel: () => {
      clearTimeout(timer);
      clearImmediate(turn);
    },
  };
}
