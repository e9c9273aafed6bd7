import { formatEndpoint } from "../domain/endpoint.ts";
import { describeError, LvscareError } from "../domain/errors.ts";
import { afterOperations, describeOperation, plan, type DesiredVirtualServer, type Operation } from "../domain/plan.ts";
import type { ObservedVirtualServer, RealServer, ServiceKey } from "../domain/virtual-server.ts";
import type { DataPlane, FailedOperation } from "./data-plane.ts";
import { asKnown, recognized, sameEntries } from "./known-table.ts";
import type { Round, RoundReport, RoundRunner } from "./round.ts";
import type { Look, QuietWatch, Watched } from "./quiet-watch.ts";

/**
 * Brings one virtual server of a data plane to its desired state, one round at a time. It owns what is known of the
 * table between two readings, and decides when to read.
 */
export class Reconciler implements RoundRunner {
  readonly #dataPlane: DataPlane;
  readonly #key: ServiceKey;
  readonly #now: () => number;
  #memory: Memory = NOTHING_KNOWN;
  /** When the last round began that read the table, and how long it took. */
  #read = { atMs: Number.NEGATIVE_INFINITY, tookMs: 0 };
  readonly #watching: Watching | undefined;
  #watched: Watched | undefined;

  /** With `watching`, lasting rounds that find nothing have the table watched until it deviates. */
  constructor(dataPlane: DataPlane, key: ServiceKey, now: () => number, watching?: Watching) {
    this.#dataPlane = dataPlane;
    this.#key = key;
    this.#now = now;
    this.#watching = watching;
  }

  async apply({ desired, isUrgent, isLasting, readEveryMs }: Round): Promise<RoundReport> {
    this.#endWatch();
    const beganMs = this.#now();
    // A timer may fire a little early. While every round writes, reading a large table would delay the writes.
    const isDue = beganMs + 1 >= this.#readAtMs(readEveryMs) + (isUrgent ? readEveryMs : 0);
    const memory = desired === undefined ? NOTHING_KNOWN : this.#memory;
    this.#memory = NOTHING_KNOWN;
    const done = await round(this.#dataPlane, this.#key, desired, memory, isDue);
    const { operations, repairs, failure, observed, hasRead, known, established, isPostponed } = done;
    const isQuiet = hasRead && operations.length === 0 && failure === undefined;
    this.#memory = { known, established, isQuiet, isPostponed };
    if (hasRead && failure === undefined) this.#read = { atMs: beganMs, tookMs: this.#now() - beganMs };
    const isWatched = isQuiet && isLasting && this.#beginWatch(readEveryMs);
    const readAtMs = isWatched ? Number.POSITIVE_INFINITY : this.#readAtMs(readEveryMs);
    return { operations, repairs, failure, observed, hasRead, known, isQuiet, readAtMs };
  }

  close(): void {
    this.#endWatch();
  }

  // --- internal ---

  /** False where nobody watches. */
  #beginWatch(everyMs: number): boolean {
    const { known } = this.#memory;
    if (this.#watching === undefined || known === undefined) return false;
    const { looks, deviates } = this.#watching;
    this.#watched = looks.join(everyMs, this.#lookFor(known), () => {
      this.#watched = undefined;
      this.#read = { ...this.#read, atMs: Number.NEGATIVE_INFINITY };
      deviates();
    });
    return true;
  }

  /** The whole table now and then, and in between only whether its outline is what it was at that time. */
  #lookFor(known: ObservedVirtualServer): Look {
    let outline: bigint | undefined;
    let wholeAtMs = Number.NEGATIVE_INFINITY;
    return {
      isAsBefore: () => {
        if (outline === undefined || this.#now() >= wholeAtMs) return false;
        return this.#dataPlane.outline?.(this.#key) === outline;
      },
      isAsKnown: async () => {
        // Before the table is read: what is changed in between then makes it another one.
        const before = this.#dataPlane.outline?.(this.#key);
        // Measured: what is read is what a round goes by, and this is none.
        const read = await this.#dataPlane.measure(this.#key);
        const isAsKnown = read !== undefined && sameEntries(asKnown(read, known), known);
        outline = before;
        wholeAtMs = this.#now() + WHOLE_EVERY_MS;
        return isAsKnown;
      },
    };
  }

  #endWatch(): void {
    if (this.#watched === undefined) return;
    this.#read = { ...this.#read, atMs: Math.max(this.#read.atMs, this.#watched.seenAtMs) };
    this.#watched.leave();
    this.#watched = undefined;
  }

  /** Sooner where removals wait for it, but not so often that reading a large table delays urgent writes. */
  #readAtMs(readEveryMs: number): number {
    const { atMs, tookMs } = this.#read;
    return atMs + (this.#memory.isPostponed ? Math.min(readEveryMs, READING_SHARE * tookMs) : readEveryMs);
  }
}

/** Who reads the table between rounds. */
export interface Watching {
  readonly looks: QuietWatch;
  /** It is time for a round. */
  readonly deviates: () => void;
}

/** One round for callers that have only one: nothing is known before it. */
export function reconcileOnce(
  dataPlane: DataPlane,
  key: ServiceKey,
  desired: DesiredVirtualServer | undefined,
): Promise<RoundReport> {
  return new Reconciler(dataPlane, key, () => 0).apply({ desired, isUrgent: false, isLasting: false, readEveryMs: 0 });
}

// --- internal ---

/** What an outline does not show, such as thresholds, is changed by hardly anybody. */
const WHOLE_EVERY_MS = 30_000;

/** Where removals wait for it, reading takes at most this part of the time. */
const READING_SHARE = 4;

/** What is known between two rounds. */
interface Memory {
  /** The table as last read, with the writes since then; undefined when that is not known. */
  readonly known: ObservedVirtualServer | undefined;
  /**
   * What the last round established: the desired entries, except those whose operations failed. Any deviation from it
   * was made by others. Undefined where nothing is established, or the virtual server itself is missing.
   */
  readonly established: DesiredVirtualServer | undefined;
  /** The last round read the table and found it as `established` says, with nothing left to do. */
  readonly isQuiet: boolean;
  /** Removals wait for a round that reads. */
  readonly isPostponed: boolean;
}

const NOTHING_KNOWN: Memory = { known: undefined, established: undefined, isQuiet: false, isPostponed: false };

type Done = Omit<RoundReport, "isQuiet" | "readAtMs"> & Omit<Memory, "isQuiet">;

/**
 * Where the table is known, our own weights and scheduler do not wait for a reading: they are written first. If others have changed
 * the table since, either the write is refused and this round reads, or the next reading round repairs it. Everything
 * else waits for a round with a reading: a server to which others gave a weight has clients.
 */
async function round(
  dataPlane: DataPlane,
  key: ServiceKey,
  desired: DesiredVirtualServer | undefined,
  memory: Memory,
  isDue: boolean,
): Promise<Done> {
  const { known } = memory;
  if (known === undefined) return writeAll(dataPlane, key, desired, memory, await dataPlane.read(key));
  const first = await writeOurs(dataPlane, key, desired, memory, known);
  if (first.failure === undefined && !isDue) return first;
  let hasRead = false;
  try {
    const read = await dataPlane.read(key);
    hasRead = true;
    const then = await writeAll(dataPlane, key, desired, memory, read);
    return { ...then, operations: [...first.operations, ...then.operations] };
  } catch (error) {
    // What was written is reported in any case. If even the reading failed, the next round uses what is known, as
    // this round did.
    const failure = new LvscareError("APPLY_FAILED", describeError(error), { cause: error });
    return hasRead ? { ...first, known: undefined, established: undefined, failure } : { ...first, failure };
  }
}

/** Brings our own entries to their desired state, by what is known of the table. */
async function writeOurs(
  dataPlane: DataPlane,
  key: ServiceKey,
  desired: DesiredVirtualServer | undefined,
  memory: Memory,
  known: ObservedVirtualServer,
): Promise<Done> {
  const isDone = isSettled(desired, memory);
  const table = isDone ? known : recognized(known, desired);
  const planned = isDone ? [] : plan(desired, table);
  const ofOurs = planned.length === 0 ? [] : onlyOurs(planned, desired);
  const failed = ofOurs.length === 0 ? [] : await dataPlane.apply(key, ofOurs);
  const operations = without(ofOurs, refusedOf(failed));
  return {
    operations,
    repairs: [],
    failure: summary(failed, ofOurs.length),
    observed: known,
    hasRead: false,
    known: failed.length === 0 ? afterOperations(table, operations) : undefined,
    isPostponed: ofOurs.length < planned.length,
    established: desired && establishedWithout(desired, without(planned, operations)),
  };
}

async function writeAll(
  dataPlane: DataPlane,
  key: ServiceKey,
  desired: DesiredVirtualServer | undefined,
  memory: Memory,
  read: ObservedVirtualServer | undefined,
): Promise<Done> {
  const { known, established } = memory;
  const found = read !== undefined && known !== undefined ? asKnown(read, known) : read;
  const isDone = isSettled(desired, memory) && found !== undefined && known !== undefined && sameEntries(found, known);
  const observed = isDone ? found : found && recognized(found, desired);
  const operations = isDone ? [] : plan(desired, observed);
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

/**
 * A server that this round lowered to 0 on its way out may still be in the table at the next reading: its removal
 * then is no repair.
 */
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

/** What others put there counts as theirs until it is gone again, unless it was already on its way out. */
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

/**
 * The last round read the table and found nothing to do, and the same is desired now. While the table stays as known,
 * that is so again: this is the usual case, and a thousand entries need no comparison for it.
 */
function isSettled(desired: DesiredVirtualServer | undefined, { established, isQuiet }: Memory): boolean {
  return isQuiet && desired === established;
}

/**
 * Operations that bring what is there of ours to its state: the virtual server itself and desired real servers, but
 * not servers that leave.
 */
function onlyOurs(operations: readonly Operation[], desired: DesiredVirtualServer | undefined): readonly Operation[] {
  const ours = new Set(desired?.realServers);
  return operations.filter((one) => one.kind === "service.update" || ("server" in one && ours.has(one.server)));
}

function refusedOf(failed: readonly FailedOperation[]): readonly Operation[] {
  return failed.map(({ operation }) => operation);
}

function without(operations: readonly Operation[], others: readonly Operation[]): readonly Operation[] {
  if (others.length === 0) return operations;
  const excluded = new Set(others);
  return operations.filter((operation) => !excluded.has(operation));
}

/** Nothing is known of servers whose operations were not done: they are neither in nor out nor unlisted. */
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
    unlisted: "keep",
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
