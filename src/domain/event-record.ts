import type { RealServerState, Verdict } from "./health.ts";
import type { NamedVirtualServer } from "./virtual-server-name.ts";

/** Something that happened to a virtual server, as the daemon remembers it: plain data that survives JSON. */
export interface EventRecord {
  /**
   * Counts up from the daemon's start, over all its virtual servers. Missing ids are another one's, or were more than
   * it could remember.
   */
  readonly id: number;
  /** ISO 8601, UTC, by the clock as it was set then. */
  readonly at: string;
  /**
   * Milliseconds that the host had been up by then. Orders the events, also of several daemons, even if the clock was
   * changed.
   */
  readonly sinceBootMs: number;
  readonly level: "debug" | "info" | "warn" | "error";
  /** As in the log; many writes of one round are one line. */
  readonly message: string;
  /** What kind of event it was: `realServer.healthChanged`, `plan.applied`, … */
  readonly type: string;
  /** The address of the real server that it is about. */
  readonly server?: string;
  /** As it was called then; absent where it had no name. */
  readonly serverName?: string;
  /** Of a change of state. */
  readonly from?: RealServerState;
  readonly to?: RealServerState;
  /** The check that caused it: what it found and how long it took. */
  readonly verdict?: Verdict;
  /** What a round was to write, the first of many. */
  readonly plan?: readonly string[];
  /** What became of it. Why it failed is in the message. */
  readonly outcome?: "done" | "partly done" | "failed";
}

/** Whether this happened to the daemon itself, and so to all its virtual servers. */
export function isOfProcess({ type }: EventRecord): boolean {
  return /^(?:process|config|certificate)\./.test(type);
}

/** What a daemon remembers of a virtual server, and of itself. */
export interface EventReport extends NamedVirtualServer {
  /** Identifies one run of the daemon, also when the clock was set meanwhile: the next run's ids start again. */
  readonly startedAt: string;
  /** When this report was made. */
  readonly sinceBootMs: number;
  /** Of the daemon; older ones do not report it. */
  readonly networkNamespace?: string;
  readonly events: readonly EventRecord[];
}
