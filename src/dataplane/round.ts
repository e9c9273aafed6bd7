import type { LvscareError } from "../domain/errors.ts";
import type { DesiredVirtualServer, Operation } from "../domain/plan.ts";
import type { ObservedVirtualServer } from "../domain/virtual-server.ts";

/** Runs the rounds of one virtual server, one at a time. */
export interface RoundRunner {
  /**
   * One round: read, plan, write. If single operations fail, the others stay done, and the next round plans again
   * from what is really there. Rejects when nothing could be done and nothing is known of the table.
   */
  apply(round: Round): Promise<RoundReport>;
  /** There will be no other round. Idempotent. */
  close(): void;
}

export interface Round {
  /** Undefined: there shall be no such virtual server. */
  readonly desired: DesiredVirtualServer | undefined;
  /** Something changed since the last round: where the table is known, writing that does not wait until all of it was read. */
  readonly isUrgent: boolean;
  /**
   * When this one finds nothing to do, nothing but a change of the table by others calls for another: then somebody else may
   * read it.
   */
  readonly isLasting: boolean;
  /** How often the table is read, in milliseconds: the kernel does not report what others do to it. */
  readonly readEveryMs: number;
}

export interface RoundReport {
  /** What was done. */
  readonly operations: readonly Operation[];
  /** Operations that repair what others changed. */
  readonly repairs: readonly Operation[];
  /** What could not be done; undefined when everything was. */
  readonly failure: LvscareError | undefined;
  /** The table when it was read, or as it was known when the round began: it shows what others put there. */
  readonly observed: ObservedVirtualServer | undefined;
  /** Whether the table was read in this round: only then does it have present connection counts and others' changes. */
  readonly hasRead: boolean;
  /** The table after the round; undefined when that is not known. */
  readonly known: ObservedVirtualServer | undefined;
  /** The table was read and found as it should be. */
  readonly isQuiet: boolean;
  /**
   * When to read the table again, on the clock that the reconciler was given. Infinite when it is read by others, who
   * tell when it deviates.
   */
  readonly readAtMs: number;
}
