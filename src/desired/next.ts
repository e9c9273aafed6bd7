import { formatEndpoint, type Endpoint } from "../domain/endpoint.ts";
import type { CareEvent } from "../domain/events.ts";
import type { HealthPolicy } from "../domain/health-policy.ts";
import type { DesiredVirtualServer, Operation } from "../domain/plan.ts";
import type { ObservedVirtualServer, RealServer, VirtualServer } from "../domain/virtual-server.ts";
import {
  drainsAfter,
  aftermathAt,
  NO_AFTERMATH,
  noLongerRetained,
  stillDraining,
  withAftermath,
  withoutRetained,
  type Aftermath,
} from "./aftermath.ts";
import { departing, NO_DEPARTURES, stillDeparting, withDepartures, type Departures } from "./departure.ts";
import { isServing, type MemberState } from "./member.ts";
import { accountable, nextFailOpen, nextLastResort, type FailOpen, type LastResort } from "./retained.ts";
import { mayStillStand, unlistedAfter, unlistedAt, unlistedIn, unlistedRule, type UnlistedDrains } from "./unlisted.ts";
import { placementOf, type WeightOverlay } from "./weight.ts";

// What should stand, and what is remembered of it from round to round: all of it is asked here. Who decides a single
// weight is in `weight.ts`; fail-open and the last resort in `retained.ts`; how those drain that they retained in
// `aftermath.ts`; those in the table that nobody lists in `unlisted.ts`.

/** What lies over the health of the real servers, from round to round. */
export interface Overlay {
  readonly failOpen: FailOpen | undefined;
  /** Undefined while fail-open decides. */
  readonly lastResort: LastResort | undefined;
  /** Servers that fail-open or the last resort retained until it ended, or until it no longer retained them. */
  readonly aftermath: Aftermath;
  readonly unlisted: UnlistedDrains;
  readonly departures: Departures;
}

export const NO_OVERLAY: Overlay = {
  failOpen: undefined,
  lastResort: undefined,
  aftermath: NO_AFTERMATH,
  unlisted: new Map(),
  departures: NO_DEPARTURES,
};

export interface Standpoint {
  readonly service: VirtualServer;
  readonly policy: HealthPolicy;
  /** What was asked for; see `unlistedRule`. */
  readonly unlisted: DesiredVirtualServer["unlisted"];
  readonly members: readonly MemberState[];
  readonly overlay: Overlay;
  /** The virtual server left the configuration: everybody departs, and then it goes. */
  readonly isWithdrawn: boolean;
}

export interface Next {
  /** Undefined: there shall be no such virtual server any more. */
  readonly wanted: DesiredVirtualServer | undefined;
  readonly overlay: Overlay;
  /** The members whose health decides about fail-open and the last resort. */
  readonly counted: readonly MemberState[];
}

/**
 * What this round is to establish: the health of all, what overrides it, and the drains that are not over yet. Who
 * departs is no member any more, but among the overlay's departures.
 */
export function nextDesired(standpoint: Standpoint, nowMs: number): Next {
  const { members, overlay, isWithdrawn } = standpoint;
  const next = establishing(standpoint, nowMs);
  const departed = departing(members, isWithdrawn, () => takingClients(next.wanted));
  if (departed.length > 0) {
    const departures = withDepartures(overlay.departures, departed);
    const staying = members.filter(({ name }) => !departures.has(name));
    return nextDesired({ ...standpoint, members: staying, overlay: { ...overlay, departures } }, nowMs);
  }
  const isGone = isWithdrawn && overlay.departures.size === 0 && overlay.unlisted.size === 0;
  return isGone ? { ...next, wanted: undefined } : next;
}

/** What became of a round. */
export interface Outcome {
  /** The table when it was read, or as it was known when the round began. */
  readonly observed: ObservedVirtualServer | undefined;
  readonly operations: readonly Operation[];
  readonly hasRead: boolean;
  /** The table was read and found as it should be. */
  readonly isQuiet: boolean;
}

/**
 * The overlay after a round: who drains since then, and who is gone. `unlisted`: the servers that it found with a
 * weight and not among the listed, by formatted endpoint.
 */
export function overlayAfter(
  overlay: Overlay,
  rule: DesiredVirtualServer["unlisted"],
  listed: { has(name: string): boolean },
  outcome: Outcome,
  nowMs: number,
): { readonly overlay: Overlay; readonly unlisted: readonly RealServer[] } {
  // A round without a reading finds no new servers, and a round that sends unlisted ones away has something to do.
  const isAsked = (outcome.hasRead && !outcome.isQuiet) || overlay.unlisted.size > 0;
  const isKnown = (name: string): boolean => listed.has(name) || overlay.departures.has(name);
  const unlisted = isAsked ? unlistedIn(outcome.observed, { has: isKnown }) : [];
  return {
    overlay: {
      ...overlay,
      unlisted: unlistedAfter(overlay.unlisted, unlisted, rule, outcome, nowMs),
      aftermath: drainsAfter(overlay.aftermath, outcome, nowMs),
      departures: drainsAfter(overlay.departures, outcome, nowMs),
    },
    unlisted,
  };
}

/** Every real server, placed by its health and its operator alone. */
export function desiredByHealth(
  service: VirtualServer,
  members: readonly MemberState[],
  unlisted: DesiredVirtualServer["unlisted"],
): DesiredVirtualServer {
  return { service, ...placed(members, { retained: NOBODY, draining: NOBODY, unanswered: NOBODY }, [], []), unlisted };
}

/**
 * The last round's result depends only on the members, and on a configuration that makes them anew when it changes: no
 * server is on the way out or retained.
 */
export function isLasting(wanted: DesiredVirtualServer | undefined, overlay: Overlay): boolean {
  if (wanted === undefined || wanted.leaving.length > 0) return false;
  const { failOpen, lastResort, aftermath, unlisted, departures } = overlay;
  const isFree = failOpen === undefined && lastResort === undefined;
  return isFree && aftermath.size === 0 && unlisted.size === 0 && departures.size === 0;
}

/** What a round begins or ends because of the health of all. `counted`: the members whose health decided. */
export function overlayNews(before: Overlay, after: Overlay, counted: readonly MemberState[]): readonly CareEvent[] {
  const total = counted.length;
  const healthy = counted.filter(({ state }) => state === "healthy").length;
  const { failOpen, lastResort } = after;
  const events: CareEvent[] = [];
  if ((failOpen === undefined) !== (before.failOpen === undefined))
    events.push(
      failOpen === undefined
        ? { type: "failOpen.left", healthy, total }
        : { type: "failOpen.entered", healthy, total, retained: [...failOpen.retained] },
    );
  if ((lastResort === undefined) !== (before.lastResort === undefined))
    events.push(
      lastResort === undefined
        ? { type: "lastResort.left", healthy, total }
        : { type: "lastResort.entered", total, retained: [...lastResort.retained] },
    );
  return events;
}

// --- internal ---

const NOBODY: ReadonlySet<string> = new Set();

/** The same, with all of these members. */
function establishing(
  { service, policy, unlisted, members, overlay, isWithdrawn }: Standpoint,
  nowMs: number,
): Next & { readonly wanted: DesiredVirtualServer } {
  const rule = isWithdrawn ? unlisted : unlistedRule(members, unlisted);
  const { departures } = overlay;
  const drains = unlistedAt(overlay.unlisted, rule, nowMs);
  const leaving = [...drains.values()].filter((one) => mayStillStand(one, nowMs, policy.intervalMs));
  const earlier = aftermathAt(overlay.aftermath, members);
  const draining = stillDraining(earlier, members, policy, nowMs);
  const counted = accountable(members);
  const inService = withAftermath(counted, draining, overlay.lastResort?.retained);
  const failOpen = nextFailOpen(overlay.failOpen, inService, policy.panicThreshold, nowMs);
  const isLastResort = policy.lastResort && failOpen === undefined;
  const lastResort = isLastResort ? nextLastResort(overlay.lastResort, members, nowMs) : undefined;
  const retained = (failOpen ?? lastResort)?.retained;
  const before = (overlay.failOpen ?? overlay.lastResort)?.retained;
  // Fail-open retains every server in service, so none is on the way out.
  const justLeft = failOpen === undefined ? noLongerRetained(before, retained, members) : NO_AFTERMATH;
  const aftermath =
    failOpen === undefined ? withoutRetained(new Map([...earlier, ...justLeft]), retained) : NO_AFTERMATH;
  const onTheirWayOut = failOpen === undefined ? new Set([...draining.keys(), ...justLeft.keys()]) : NOBODY;
  return {
    wanted: {
      service,
      ...placed(
        members,
        { retained: retained ?? NOBODY, draining: onTheirWayOut, unanswered: unansweredAmong(members) },
        [...unlistedOnes(leaving, rule), ...stillDeparting(departures, policy, nowMs)],
        [...departures.values()].map(({ drained }) => drained.endpoint),
      ),
      unlisted: rule,
    },
    overlay: { failOpen, lastResort, aftermath, unlisted: drains, departures },
    counted,
  };
}

/** Who answers nobody, as long as another one serves that does. */
function unansweredAmong(members: readonly MemberState[]): ReadonlySet<string> {
  const unanswered = members.filter(({ isUnanswered, state }) => isUnanswered === true && state === "healthy");
  if (unanswered.length === 0) return NOBODY;
  const isServed = members.some((member) => isServing(member) && member.isUnanswered !== true);
  return isServed ? new Set(unanswered.map(({ name }) => name)) : NOBODY;
}

function takingClients({ realServers }: DesiredVirtualServer): ReadonlySet<string> {
  return new Set(realServers.filter(({ weight }) => weight > 0).map(({ endpoint }) => formatEndpoint(endpoint)));
}

function unlistedOnes(
  drains: readonly { readonly server: RealServer }[],
  rule: DesiredVirtualServer["unlisted"],
): readonly RealServer[] {
  return drains.map(({ server }) => (rule === "keep" ? server : { ...server, weight: 0 }));
}

function placed(
  members: readonly MemberState[],
  overlay: WeightOverlay,
  others: readonly RealServer[],
  gone: readonly Endpoint[],
): Pick<DesiredVirtualServer, "realServers" | "leaving" | "absent"> {
  const leaving = [...others];
  const realServers: RealServer[] = [];
  const absent = [...gone];
  for (const member of members) {
    const placement = placementOf(member, overlay);
    if (typeof placement !== "string") realServers.push(placement);
    else {
      absent.push(member.drained.endpoint);
      if (placement === "leaving") leaving.push(member.drained);
    }
  }
  return { realServers, leaving, absent };
}
