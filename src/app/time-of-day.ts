/**
 * Converts from the machines' clock, which never jumps, to the time of day as it is now. The two are read one after
 * the other and drift a little, so small differences are ignored: the same moment always gives the same result.
 */
export function timeOfDay(now: () => number, clock: () => number = Date.now): (ms: number) => Date {
  let offset = clock() - now();
  return (ms) => {
    const fresh = clock() - now();
    if (!isSame(fresh, offset)) {
      // This process may have lost the processor between the two: that does not come twice alike.
      const again = clock() - now();
      if (isSame(again, fresh)) offset = again;
    }
    return new Date(offset + ms);
  };
}

// --- internal ---

const LARGEST_DRIFT_MS = 100;

function isSame(one: number, other: number): boolean {
  return Math.abs(one - other) <= LARGEST_DRIFT_MS;
}
