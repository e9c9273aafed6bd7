import type { DesiredVirtualServer } from "../domain/plan.ts";
import {
  departuresAt,
  desiredState,
  foreignRule,
  mayStillStand,
  type Departure,
  type MemberState,
} from "./desired-state.ts";
import { accountable, nextFailOpen, type FailOpen } from "./fail-open.ts";
import { nextLastResort, type LastResort } from "./last-resort.ts";
import { seeMembers } from "./member-states.ts";
import {
  isNobody,
  letGo,
  NOBODY,
  releasesAt,
  stillDraining,
  withoutHeld,
  withReleases,
  type Releases,
} from "./releases.ts";
import type { VirtualServerContext } from "./virtual-server-context.ts";

/** What a round sets out from. */
export interface Round {
  readonly wanted: DesiredVirtualServer;
  readonly departures: ReadonlyMap<string, Departure>;
  readonly failOpen: FailOpen | undefined;
  /** Undefined while fail-open decides. */
  readonly lastResort: LastResort | undefined;
  readonly releases: Releases;
  readonly seen: VirtualServerContext["seen"];
  /** Those by whose health fail-open and the last resort go. */
  readonly counted: readonly MemberState[];
}

/**
 * What the round that begins now is to establish: the health of all, and what is still owed to those that leave. Undefined when that is what the
 * last one was to establish.
 */
export function nextRound(context: VirtualServerContext, nowMs: number): Round | undefined {
  const { policy } = context;
  const seen = seeMembers(context);
  if (seen === context.seen && isLasting(context)) return undefined;
  const members = seen.all.map(({ state }) => state);
  const foreign = foreignRule(members, context.foreign);
  const departures = departuresAt(context.departures, foreign, nowMs);
  const leaving = [...departures.values()].filter((one) => mayStillStand(one, nowMs, policy.intervalMs));
  const earlier = releasesAt(context.releases, members);
  const draining = stillDraining(earlier, members, policy, nowMs);
  const counted = accountable(members);
  const inService = withReleases(counted, draining, context.lastResort?.held);
  const failOpen = nextFailOpen(context.failOpen, inService, policy.panicThreshold, nowMs);
  const isLastResort = policy.lastResort && failOpen === undefined;
  const lastResort = isLastResort ? nextLastResort(context.lastResort, members, nowMs) : undefined;
  const round = { seen, departures, failOpen, lastResort, counted };
  const held = (failOpen ?? lastResort)?.held;
  const want = (released: Releases): DesiredVirtualServer =>
    desiredState(context.service, members, leaving, foreign, held, new Set(released.keys()));
  // It holds everybody in service: nobody is on the way out.
  if (failOpen !== undefined) return { ...round, releases: NOBODY, wanted: want(NOBODY) };
  const justLetGo = letGo((context.failOpen ?? context.lastResort)?.held, held, members);
  return {
    ...round,
    releases: withoutHeld(new Map([...earlier, ...justLetGo]), held),
    wanted: want(new Map([...draining, ...justLetGo])),
  };
}

// --- internal ---

/** What the last round was to establish goes by the members alone, beside options that never change: nobody is on the way out, and nobody is held. */
function isLasting({ wanted, departures, failOpen, lastResort, releases }: VirtualServerContext): boolean {
  if (wanted === undefined || wanted.leaving.length > 0) return false;
  if (failOpen !== undefined || lastResort !== undefined) return false;
  return departures.size === 0 && isNobody(releases);
}
