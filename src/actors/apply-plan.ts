import { formatEndpoint } from "../domain/endpoint.ts";
import { describeError, LvscareError } from "../domain/errors.ts";
import {
  afterOperations,
  asKnown,
  compare,
  NO_DIFFERENCE,
  describeOperation,
  plan,
  recognized,
  sameEntries,
  type Comparison,
  type DesiredVirtualServer,
  type Operation,
} from "../domain/plan.ts";
import type { ObservedVirtualServer, RealServer, ServiceKey } from "../domain/virtual-server.ts";
import type { DataPlane, FailedOperation } from "../dataplane/data-plane.ts";

export interface ApplyInput {
  readonly key: ServiceKey;
  /** Undefined: there shall be no such virtual server. */
  readonly desired: DesiredVirtualServer | undefined;
  /** What the last successful round made so; undefined when unknown. A deviation from it is someone else's doing. */
  readonly established: DesiredVirtualServer | undefined;
  /** The table as it was last read, with what was written since; undefined when that is not known. */
  readonly known: ObservedVirtualServer | undefined;
  /** The last round read the table and found it as `established` says, with nothing left to do. */
  readonly isQuiet: boolean;
  /** Where the table is known, too. */
  readonly mustRead: boolean;
}

/** Of a round before which nothing is known. */
export const UNKNOWN_TABLE = {
  established: undefined,
  known: undefined,
  isQuiet: false,
  mustRead: true,
} as const satisfies Partial<ApplyInput>;

export interface ApplyReport {
  /** What was done. */
  readonly operations: readonly Operation[];
  /** Those of the operations that repair what someone else changed. */
  readonly repairs: readonly Operation[];
  /** What could not be done; undefined when everything was. */
  readonly failure: LvscareError | undefined;
  /** As it stood when it was read, or was known when the round began: what others put there is seen here. */
  readonly observed: ObservedVirtualServer | undefined;
  /** Whether that was read in this round: only then are its connections counted, and what others did is in it. */
  readonly hasRead: boolean;
  /** As it stands after the round; undefined when that is not known. */
  readonly known: ObservedVirtualServer | undefined;
  /** Removals wait for a round that reads. */
  readonly isPostponed: boolean;
  /** What stands now as it was desired, those apart whose operations failed; undefined where the virtual server itself does not. */
  readonly established: DesiredVirtualServer | undefined;
}

/**
 * One round: read what stands, plan, write. Where single operations fail, what the others did stays done, and the next round plans
 * again from what is really there; rejects when nothing could be done and nothing is known of the table.
 *
 * The weights of our own do not wait for that where the table is known: they are written first. Should others have changed it since, the write is
 * refused and the round reads, or the next one that does repairs it. All else waits for a round that reads: whoever others gave a weight has
 * clients.
 */
export async function applyPlan(dataPlane: DataPlane, input: ApplyInput): Promise<ApplyReport> {
  const { key, known, mustRead } = input;
  if (known === undefined) return applyAll(dataPlane, input, await dataPlane.read(key));
  const first = await applyOurs(dataPlane, input, known);
  if (first.failure === undefined && !mustRead) return first;
  let isRead = false;
  try {
    const observed = await dataPlane.read(key);
    isRead = true;
    const then = await applyAll(dataPlane, input, observed);
    return { ...then, operations: [...first.operations, ...then.operations] };
  } catch (error) {
    // What was written is told all the same. Where not even reading worked, what is known serves the next round as it served this one.
    const failure = new LvscareError("APPLY_FAILED", describeError(error), { cause: error });
    return isRead ? { ...first, known: undefined, established: undefined, failure } : { ...first, failure };
  }
}

// --- internal ---

/** Brings our own to what they should be, by what is known of the table. */
async function applyOurs(dataPlane: DataPlane, input: ApplyInput, known: ObservedVirtualServer): Promise<ApplyReport> {
  const { key, desired } = input;
  const { operations: planned, ofOurs, alike } = differences(input, known);
  const failed = ofOurs.length === 0 ? [] : await dataPlane.apply(key, ofOurs);
  const operations = without(ofOurs, refusedOf(failed));
  const isKnown = failed.length === 0;
  return {
    operations,
    repairs: [],
    failure: summary(failed, ofOurs.length),
    observed: known,
    hasRead: false,
    known: isKnown ? afterOperations(recognized(known, alike), operations) : undefined,
    isPostponed: ofOurs.length < planned.length,
    established: desired && establishedWithout(desired, without(planned, operations)),
  };
}

async function applyAll(
  dataPlane: DataPlane,
  input: ApplyInput,
  read: ObservedVirtualServer | undefined,
): Promise<ApplyReport> {
  const { key, desired, established, known } = input;
  const found = read !== undefined && known !== undefined ? asKnown(read, known) : read;
  const { operations, alike } = differences(input, found);
  const observed = found && recognized(found, alike);
  const failed = operations.length === 0 ? [] : await dataPlane.apply(key, operations);
  const refused = refusedOf(failed);
  const done = without(operations, refused);
  const repairs = established === undefined || done.length === 0 ? [] : common(done, plan(established, observed));
  return {
    operations: done,
    repairs,
    failure: summary(failed, operations.length),
    observed,
    hasRead: true,
    known: failed.length === 0 ? afterOperations(observed, operations) : undefined,
    isPostponed: false,
    established: desired && establishedBy(desired, withoutIntruders(done, repairs, established), refused),
  };
}

/** Whom this round lowered to 0 on his way out may stand so when the next one reads: that it removes him then repairs nothing. */
function establishedBy(
  desired: DesiredVirtualServer,
  done: readonly Operation[],
  undone: readonly Operation[],
): DesiredVirtualServer | undefined {
  const established = establishedWithout(desired, undone);
  if (established === undefined || done.length === 0) return established;
  const known = new Set([...desired.realServers, ...desired.leaving]);
  const lowered = done.flatMap((one) =>
    one.kind === "server.update" && one.server.weight === 0 && !known.has(one.server) ? [one.server] : [],
  );
  return lowered.length === 0 ? established : { ...established, leaving: [...established.leaving, ...lowered] };
}

/** Whom others put there is their doing until he is gone again: not so one who was on his way out before. */
function withoutIntruders(
  done: readonly Operation[],
  repairs: readonly Operation[],
  established: DesiredVirtualServer | undefined,
): readonly Operation[] {
  if (repairs.length === 0) return done;
  const known = new Set([
    ...(established?.leaving ?? []).map(keyOf),
    ...(established?.absent ?? []).map(formatEndpoint),
  ]);
  const intruders = repairs.filter((one) => one.kind === "server.update" && !known.has(keyOf(one.server)));
  return without(done, intruders);
}

function keyOf({ endpoint }: RealServer): string {
  return formatEndpoint(endpoint);
}

/** None where the last round found none and nothing changed since: so it mostly is, and a thousand need not be compared for that. */
function differences(
  { desired, established, known, isQuiet }: ApplyInput,
  table: ObservedVirtualServer | undefined,
): Comparison {
  const isWanted = isQuiet && desired === established;
  return isWanted && table !== undefined && known !== undefined && sameEntries(table, known)
    ? NO_DIFFERENCE
    : compare(desired, table);
}

function refusedOf(failed: readonly FailedOperation[]): readonly Operation[] {
  return failed.map(({ operation }) => operation);
}

function without(operations: readonly Operation[], others: readonly Operation[]): readonly Operation[] {
  if (others.length === 0) return operations;
  const excluded = new Set(others);
  return operations.filter((operation) => !excluded.has(operation));
}

/** What is known of those whose operations were not done is nothing: they are neither in nor out nor strangers. */
function establishedWithout(
  desired: DesiredVirtualServer,
  undone: readonly Operation[],
): DesiredVirtualServer | undefined {
  if (undone.length === 0) return desired;
  const servers = new Set<string>();
  for (const operation of undone) {
    if ("server" in operation) servers.add(formatEndpoint(operation.server.endpoint));
    else if ("endpoint" in operation) servers.add(formatEndpoint(operation.endpoint));
    else return undefined;
  }
  return {
    ...desired,
    realServers: desired.realServers.filter(({ endpoint }) => !servers.has(formatEndpoint(endpoint))),
    leaving: desired.leaving.filter(({ endpoint }) => !servers.has(formatEndpoint(endpoint))),
    absent: desired.absent.filter((endpoint) => !servers.has(formatEndpoint(endpoint))),
    foreign: "keep",
  };
}

function summary(failed: readonly FailedOperation[], tried: number): LvscareError | undefined {
  const [first] = failed;
  if (first === undefined) return undefined;
  const more = failed.length === 1 ? "" : ` (and ${failed.length - 1} more of ${tried} operations)`;
  return new LvscareError("APPLY_FAILED", `${describeError(first.error)}${more}`, { cause: first.error });
}

function common(operations: readonly Operation[], others: readonly Operation[]): Operation[] {
  const described = new Set(others.map(describeOperation));
  return operations.filter((operation) => described.has(describeOperation(operation)));
}
