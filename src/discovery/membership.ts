import type { DiscoveryEvent } from "../domain/discovery-event.ts";
import type { ClusterDrains } from "../domain/cluster-drain.ts";
import { formatEndpoint, type Endpoint } from "../domain/endpoint.ts";
import type { Proposed } from "./source.ts";

/** A member of the list that counts. */
export interface Known extends Proposed {
  /** Since when. */
  readonly sinceMs: number;
}

/** One that was a member. */
export interface Former extends Known {
  readonly leftMs: number;
}

/** What counts of all that a source has told so far. Members are known by their formatted endpoints. */
export interface Membership {
  /** Undefined until somebody was listed, or remembered. */
  readonly members: ReadonlyMap<string, Known> | undefined;
  /** They come from an earlier daemon, and the source has listed nobody since. */
  readonly isRemembered: boolean;
  /** An answer that lost too many to be believed at once. */
  readonly doubt: Doubt | undefined;
  /** Since when the source lists nobody. */
  readonly emptySinceMs: number | undefined;
  /** Those of the last answer that cannot be members, and why. */
  readonly ignored: ReadonlyMap<string, string>;
  readonly attic: ReadonlyMap<string, Former>;
  /** Whom operators drain on every node of the cluster. */
  readonly drains: ClusterDrains;
}

interface Doubt {
  /** Members that the source lists no longer. */
  readonly kept: ReadonlySet<string>;
  readonly sinceMs: number;
  /** How many there were before. */
  readonly of: number;
}

export const UNKNOWN: Membership = {
  members: undefined,
  isRemembered: false,
  doubt: undefined,
  emptySinceMs: undefined,
  ignored: new Map(),
  attic: new Map(),
  drains: new Map(),
};

/** How far a list is believed. */
export interface Rules {
  readonly source: string;
  readonly removeAtMost: number;
  readonly confirmMs: number;
  /** Why this cannot be a real server here, after its address; undefined where it can. */
  readonly unfit: (endpoint: Endpoint) => string | undefined;
  /** Its checks pass. */
  readonly isPassing: (name: string) => boolean;
}

export interface Step {
  readonly membership: Membership;
  readonly news: readonly DiscoveryEvent[];
}

/** What an answer makes of the membership. */
export function takeAnswer(before: Membership, answer: readonly Proposed[], rules: Rules, nowMs: number): Step {
  const { fit, leaving, ignored } = sortedOut(answer, rules);
  const news: DiscoveryEvent[] = [...ignored]
    .filter(([server, reason]) => before.ignored.get(server) !== reason)
    .map(([server, reason]) => ({ type: "members.ignored", source: rules.source, server, reason }));
  const members = before.members ?? new Map<string, Known>();
  if (fit.size === 0) {
    if (before.emptySinceMs === undefined) news.push(kept("empty", [...members.keys()], rules));
    return { membership: { ...before, ignored, emptySinceMs: before.emptySinceMs ?? nowMs }, news };
  }
  const doubt = doubtOf(before, fit, leaving, rules, nowMs);
  if (doubt !== undefined && doubt !== before.doubt) news.push(kept("too-many", [...doubt.kept], rules));
  const now = new Map<string, Known>();
  for (const [name, member] of fit) now.set(name, { ...member, sinceMs: members.get(name)?.sinceMs ?? nowMs });
  for (const [name, member] of members) if (doubt?.kept.has(name)) now.set(name, member);
  return {
    membership: {
      members: now,
      isRemembered: false,
      doubt,
      emptySinceMs: undefined,
      ignored,
      attic: atticOf(before, now, nowMs),
      drains: before.drains,
    },
    news: [...news, ...listed(before, now, rules)],
  };
}

/** Of those that stay only because too many vanished, the ones whose checks fail go at once. */
export function dropFailing(before: Membership, rules: Rules, nowMs: number): Step {
  const { doubt, members } = before;
  if (doubt === undefined || members === undefined) return { membership: before, news: [] };
  const still = new Set([...doubt.kept].filter(rules.isPassing));
  if (still.size === doubt.kept.size) return { membership: before, news: [] };
  const now = new Map([...members].filter(([name]) => !doubt.kept.has(name) || still.has(name)));
  return {
    membership: {
      ...before,
      members: now,
      doubt: still.size === 0 ? undefined : { ...doubt, kept: still },
      attic: atticOf(before, now, nowMs),
    },
    news: listed(before, now, rules),
  };
}

/** Who is drained from now on. */
export function takeDrains(before: Membership, drains: ClusterDrains, source: string): Step {
  if (Bun.deepEquals(before.drains, drains)) return { membership: before, news: [] };
  const added = [...drains].filter(([address]) => !before.drains.has(address));
  const over = [...before.drains.keys()].filter((address) => !drains.has(address));
  const news = [...Map.groupBy(added, ([, { by }]) => by)].map(([by, some]): DiscoveryEvent => ({
    type: "members.drained",
    source,
    addresses: some.map(([address]) => address),
    ...(by !== undefined && { by }),
  }));
  return {
    membership: { ...before, drains },
    news: over.length === 0 ? news : [...news, { type: "members.undrained", source, addresses: over }],
  };
}

// --- internal ---

/** For so long whoever left is remembered. */
const ATTIC_MS = 24 * 3_600_000;

interface Sorted {
  readonly fit: ReadonlyMap<string, Proposed>;
  /** Of them it is known for sure that they go. */
  readonly leaving: ReadonlyMap<string, Proposed>;
  readonly ignored: ReadonlyMap<string, string>;
}

function sortedOut(answer: readonly Proposed[], { unfit }: Rules): Sorted {
  const [fit, leaving, ignored] = [new Map<string, Proposed>(), new Map<string, Proposed>(), new Map<string, string>()];
  for (const member of answer) {
    const name = formatEndpoint(member.endpoint);
    const reason = unfit(member.endpoint);
    if (reason !== undefined) ignored.set(name, reason);
    else if (member.isLeaving) leaving.set(name, member);
    else fit.set(name, member);
  }
  // With nobody else there, those who leave are better than nobody.
  return fit.size === 0 ? { fit: leaving, leaving: new Map(), ignored } : { fit, leaving, ignored };
}

/** Undefined where the answer is to be believed. */
function doubtOf(
  { members = new Map(), doubt: before }: Membership,
  fit: ReadonlyMap<string, Proposed>,
  leaving: ReadonlyMap<string, Proposed>,
  { removeAtMost, confirmMs, isPassing }: Rules,
  nowMs: number,
): Doubt | undefined {
  const vanished = [...members.keys()].filter((name) => !fit.has(name) && !leaving.has(name));
  const of = before?.of ?? members.size;
  if (vanished.length <= Math.floor((of * removeAtMost) / 100)) return undefined;
  const kept = new Set(vanished.filter(isPassing));
  if (kept.size === 0) return undefined;
  const isSame = before !== undefined && [...kept].every((name) => before.kept.has(name));
  if (!isSame) return { kept, sinceMs: nowMs, of };
  if (nowMs - before.sinceMs >= confirmMs) return undefined;
  return kept.size === before.kept.size ? before : { ...before, kept };
}

function listed(before: Membership, now: ReadonlyMap<string, Known>, rules: Rules): DiscoveryEvent[] {
  const was = before.members ?? new Map<string, Known>();
  const added = [...now.keys()].filter((name) => !was.has(name));
  const removed = [...was.keys()].filter((name) => !now.has(name));
  const isNews = added.length + removed.length > 0 || before.isRemembered || before.members === undefined;
  const lost = removed.filter(rules.isPassing);
  const isLast = lost.length > 0 && ![...now.keys()].some(rules.isPassing);
  return [
    ...(isNews ? [{ type: "members.listed", source: rules.source, added, removed, total: now.size } as const] : []),
    ...(isLast ? [kept("last-healthy", lost, rules)] : []),
  ];
}

function kept(
  guard: Extract<DiscoveryEvent, { type: "members.kept" }>["guard"],
  servers: readonly string[],
  { source, confirmMs }: Rules,
): DiscoveryEvent {
  return { type: "members.kept", source, guard, servers, ...(guard === "too-many" && { confirmMs }) };
}

function atticOf(before: Membership, now: ReadonlyMap<string, Known>, nowMs: number): ReadonlyMap<string, Former> {
  const former = [...(before.members ?? [])].map(([name, member]): [string, Former] => [
    name,
    { ...member, leftMs: nowMs },
  ]);
  const all = [...before.attic, ...former];
  return new Map(all.filter(([name, { leftMs }]) => !now.has(name) && nowMs - leftMs < ATTIC_MS));
}
