/**
 * Converts from the machines' clock, which never jumps, to the time of day as it is now. The two are read one after
 * the other and drift a little, so small differences are ignored: the same moment always gives the same result.
 */
export function timeOfDay(now: () => number, clock: () => number = Date.now): (ms: number) => Date {
  let offset = clock() - now();
  return (ms) => {
    const fresh = clock() - now();
    if (Math.abs(fresh - offset) > LARGEST_DRIFT_MS) offset = fresh;
    return new Date(offset + ms);
  };
}

// --- internal ---

const LARGEST_DRIFT_MS = 100;
