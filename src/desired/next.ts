import type { Endpoint } from "../domain/endpoint.ts";
import type { CareEvent } from "../domain/events.ts";
import type { HealthPolicy } from "../domain/health-policy.ts";
import type { DesiredVirtualServer, Operation } from "../domain/plan.ts";
import type { ObservedVirtualServer, RealServer, VirtualServer } from "../domain/virtual-server.ts";
import {
  aftermathAfter,
  aftermathAt,
  NO_AFTERMATH,
  noLongerRetained,
  stillDraining,
  withAftermath,
  withoutRetained,
  type Aftermath,
} from "./aftermath.ts";
import type { MemberState } from "./member.ts";
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
}

export const NO_OVERLAY: Overlay = {
  failOpen: undefined,
  lastResort: undefined,
  aftermath: NO_AFTERMATH,
  unlisted: new Map(),
};

export interface Standpoint {
  readonly service: VirtualServer;
  readonly policy: HealthPolicy;
  /** What was asked for; see `unlistedRule`. */
  readonly unlisted: DesiredVirtualServer["unlisted"];
  readonly members: readonly MemberState[];
  readonly overlay: Overlay;
}

export interface Next {
  readonly wanted: DesiredVirtualServer;
  readonly overlay: Overlay;
  /** The members whose health decides about fail-open and the last resort. */
  readonly counted: readonly MemberState[];
}

/** What this round is to establish: the health of all, what overrides it, and the drains that are not over yet. */
export function nextDesired({ service, policy, unlisted, members, overlay }: Standpoint, nowMs: number): Next {
  const rule = unlistedRule(members, unlisted);
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
      ...placed(members, { retained: retained ?? NOBODY, draining: onTheirWayOut }, unlistedOnes(leaving, rule)),
      unlisted: rule,
    },
    overlay: { failOpen, lastResort, aftermath, unlisted: drains },
    counted,
  };
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
  const unlisted = isAsked ? unlistedIn(outcome.observed, listed) : [];
  return {
    overlay: {
      ...overlay,
      unlisted: unlistedAfter(overlay.unlisted, unlisted, rule, outcome, nowMs),
      aftermath: aftermathAfter(overlay.aftermath, outcome, nowMs),
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
  return { service, ...placed(members, { retained: NOBODY, draining: NOBODY }, []), unlisted };
}

/**
 * The last round's result depends only on the members, and on options that never change: no server is on the way out
 * or retained.
 */
export function isLasting(wanted: DesiredVirtualServer | undefined, overlay: Overlay): boolean {
  if (wanted === undefined || wanted.leaving.length > 0) return false;
  const { failOpen, lastResort, aftermath, unlisted } = overlay;
  return failOpen === undefined && lastResort === undefined && aftermath.size === 0 && unlisted.size === 0;
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

function unlistedOnes(
  drains: readonly { readonly server: RealServer }[],
  rule: DesiredVirtualServer["unlisted"],
): readonly RealServer[] {
  return drains.map(({ server }) => (rule === "keep" ? server : { ...server, weight: 0 }));
}

function placed(
  members: readonly MemberState[],
  overlay: WeightOverlay,
  unlisted: readonly RealServer[],
): Pick<DesiredVirtualServer, "realServers" | "leaving" | "absent"> {
  const leaving = [...unlisted];
  const realServers: RealServer[] = [];
  const absent: Endpoint[] = [];
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
