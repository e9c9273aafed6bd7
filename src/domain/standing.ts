/** How a real server stands at the moment, as its checks may tell it. */
export interface Standing {
  /** As `lvscare status` has it. */
  readonly state: string;
  /** In the table; 0 where it is in none. */
  readonly weight: number;
  /** Of all in the table. */
  readonly totalWeight: number;
  /** Its open connections, as last counted. */
  readonly connections: number;
  /** Of `of` checks in a row that bring it back, or whose failures take it out, so many are there, or left. */
  readonly counted: { readonly count: number; readonly of: number };
}

/** Where nobody knows. */
export function unknownStanding(): Standing {
  return { state: "unknown", weight: 0, totalWeight: 0, connections: 0, counted: { count: 0, of: 0 } };
}

/**
 * For a real server to read, much as HAProxy's `http-check send-state` has it: `UP 3/3; weight=1/3; active=12`. By its
 * weight it can know that it is the last one.
 */
export function describeStanding({ state, weight, totalWeight, connections, counted }: Standing): string {
  const { count, of } = counted;
  return `${WORDS.get(state) ?? state.toUpperCase()} ${count}/${of}; weight=${weight}/${totalWeight}; active=${connections}`;
}

// --- internal ---

/** As HAProxy has them. */
const WORDS: ReadonlyMap<string, string> = new Map([
  ["healthy", "UP"],
  ["draining", "DOWN"],
  ["removed", "DOWN"],
  ["recovering", "DOWN"],
  ["drained", "DRAIN"],
]);
