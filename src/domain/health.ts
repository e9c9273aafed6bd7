/** The outcome of one probe of one real server. A failure is a value, never an exception. */
export type Verdict =
  | {
      readonly passed: true;
      /** What was seen, for people: `status 200`. */
      readonly reason: string;
      readonly latencyMs: number;
    }
  | {
      readonly passed: false;
      /** Why, for people: `connect refused`, `timed out after 2s`, `status 503`, `certificate has expired`. */
      readonly reason: string;
      readonly latencyMs: number;
    };

/** The states of the real-server machine, in the order of the state chart. */
export const REAL_SERVER_STATES = ["healthy", "draining", "removed", "recovering"] as const;
export type RealServerState = (typeof REAL_SERVER_STATES)[number];
