/** What `lvscare simulate` shows. Plain data that survives JSON; times in milliseconds since the start. */
export interface SimulationReport {
  readonly virtualServer: string;
  readonly scheduler: string;
  readonly durationMs: number;
  readonly seed: number;
  readonly timeline: readonly TimelineEntry[];
  readonly realServers: readonly SimulatedServer[];
  /** There when the scenario has clients. */
  readonly requests?: RequestCount;
  /** Single changes to the table, and the rounds that made any. */
  readonly writes: number;
  readonly rounds: number;
  readonly failOpenMs: number;
  readonly lastResortMs: number;
}

/** `script` is what the scenario says; the others are the results. */
export const TIMELINE_KINDS = [
  "script",
  "daemon",
  "check",
  "health",
  "fail-open",
  "last resort",
  "write",
  "repair",
  "error",
  "clients",
] as const;

export interface TimelineEntry {
  readonly atMs: number;
  readonly kind: (typeof TIMELINE_KINDS)[number];
  readonly text: string;
  /** The real server it is about, where it is about one. */
  readonly server?: string;
}

export interface RequestCount {
  readonly requests: number;
  readonly failed: number;
  /** Open connections that a removal from the table cut. */
  readonly cut: number;
}

export interface SimulatedServer extends RequestCount {
  readonly address: string;
  readonly faults: readonly ServerFault[];
  /** How often it lost its weight. */
  readonly timesOut: number;
}

/**
 * A time in which checks of a real server would fail, and its effects with these settings; what did not happen is
 * absent.
 */
export interface ServerFault {
  readonly fromMs: number;
  /** Absent when it lasted to the end. */
  readonly toMs?: number;
  /** From the fault's begin until no new connection went there. */
  readonly outAfterMs?: number;
  /** From the fault's begin until it was gone from the table. */
  readonly removedAfterMs?: number;
  /** From the fault's end until it had its full weight again. */
  readonly backAfterMs?: number;
}
