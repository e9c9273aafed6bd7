/** How long the steps of a check took, in milliseconds; those that it did not come to, or did not need, are absent. */
export interface CheckTimings {
  /** To the TCP connection. */
  readonly connect?: number;
  /** From there to the end of the TLS handshake. */
  readonly tls?: number;
  /** From the request to the first byte of its answer. */
  readonly firstByte?: number;
}

/** The outcome of one probe of one real server. A failure is a value, never an exception. */
export type Verdict =
  | {
      readonly passed: true;
      /** What was seen, for people: `status 200`. */
      readonly reason: string;
      readonly latencyMs: number;
      readonly timings?: CheckTimings;
    }
  | {
      readonly passed: false;
      /** Why, for people: `connect refused`, `timed out after 2s`, `status 503`, `certificate has expired`. */
      readonly reason: string;
      /** There was not even a connection. */
      readonly unreachable?: true;
      readonly latencyMs: number;
      readonly timings?: CheckTimings;
    };

/** A probe that could not be made for want of something of our own, such as file descriptors: it says nothing about the server. */
export interface NoVerdict {
  readonly passed: undefined;
  /** What was lacking, for people: `too many open files`. */
  readonly reason: string;
  readonly latencyMs: number;
}

export type ProbeOutcome = Verdict | NoVerdict;

/** The states of the real-server machine, in the order of the state chart. */
export const REAL_SERVER_STATES = ["healthy", "draining", "removed", "recovering"] as const;
export type RealServerState = (typeof REAL_SERVER_STATES)[number];
