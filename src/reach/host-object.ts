import { LvscareError, type ErrorCode } from "../domain/errors.ts";

/**
 * One object of this host that a reach mode keeps as it should be: an address, a route, a sysctl, a table of rules. A
 * mode is a list of them: established in order, removed in reverse.
 */
export interface HostObject {
  /** For people: `route 10.103.97.2/32 via 10.0.0.1 metric 50`. It may change by `inspect`, with what is wanted. */
  readonly name: string;
  /**
   * Rejections of `establish` that are no failure: the object is left as it is, which is reported, and the usual pace
   * of tries stays.
   */
  readonly tolerates?: readonly ErrorCode[];
  /** `HostChanges` hears of what others do to it; to look at it now and then is for what is missed. */
  readonly isHeardOf?: true;
  /** How it deviates from what should be, for people (`missing`, `is 0`); undefined when it does not. Changes nothing. */
  inspect(): Promise<string | undefined>;
  /**
   * The same for somebody who will not establish it: nothing is tried out, and what would keep `establish` from its
   * work is told. Absent where `inspect` does for that.
   */
  foresee?(): Promise<Foresight>;
  /**
   * Establishes it. Idempotent. Rejects with NOT_PERMITTED, KERNEL_REFUSED, or IN_THE_WAY when something of others is
   * in its place. Resolves to false where nothing was left to do: several virtual servers need one setting, and another
   * one's turn came first.
   */
  establish(): Promise<false | void>;
  /**
   * Takes back what `establish` made, in any process and with any options, and leaves what others made or still use. Resolves to
   * whether there was anything to take back.
   */
  remove(): Promise<boolean>;
  /** Whether `remove` would take anything back. Changes nothing. */
  isRemovable(): Promise<boolean>;
}

export interface Foresight {
  readonly deviation: string | undefined;
  /** What `establish` would reject with, as far as that can be seen. */
  readonly obstacle?: LvscareError;
}

/** Whether it deviates, without trying anything out. A failure to look at it is an obstacle, too. */
export async function foresee(object: HostObject): Promise<Foresight> {
  try {
    return object.foresee === undefined ? { deviation: await object.inspect() } : await object.foresee();
  } catch (error) {
    if (!(error instanceof LvscareError)) throw error;
    return { deviation: "cannot be looked at", obstacle: error };
  }
}
