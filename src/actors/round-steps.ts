import type { RoundReport } from "../dataplane/round.ts";
import { isChecked } from "../desired/member.ts";
import { overlayAfter } from "../desired/next.ts";
import { formatEndpoint } from "../domain/endpoint.ts";
import { describeError } from "../domain/errors.ts";
import type { CareEvent } from "../domain/events.ts";
import { formatServiceKey, type RealServer } from "../domain/virtual-server.ts";
import { stateOf, type RealServerActor } from "./real-server-machine.ts";
import { retryDelayMs } from "./retry-delay.ts";
import type { Counts, Step, Trouble, VirtualServerContext } from "./virtual-server-context.ts";

/** After a round that ended, with a failure or without. */
export function afterRound(context: VirtualServerContext, report: RoundReport): Step {
  const nowMs = context.now();
  const learned = learnedIn(context, report, nowMs);
  const now = { ...context, ...learned.changes };
  const { failure, operations } = report;
  const end =
    failure === undefined ? afterSuccess(now, report, nowMs) : afterFailure(now, failure, operations.length > 0, nowMs);
  return { changes: { ...learned.changes, ...end.changes }, events: [...learned.events, ...end.events] };
}

/** After one that could do nothing. */
export function roundFailed(context: VirtualServerContext, error: unknown): Step {
  return afterFailure(context, error, false, context.now());
}

/** Open connections of draining servers after a round that counted some; undefined: it may have got new clients. */
export function connectionsCounted(
  { policy, wanted, members }: VirtualServerContext,
  { observed, hasRead }: RoundReport,
): readonly (readonly [server: RealServerActor, active: number | undefined])[] {
  if (policy.drain === "next-check" || !hasRead) return [];
  const drained = new Set(wanted?.realServers.filter(({ weight }) => weight === 0).map(nameOf));
  return (observed?.realServers ?? []).flatMap(({ server, activeConnections }) => {
    const ref = members.get(nameOf(server))?.ref;
    if (ref === undefined || !isDraining(ref)) return [];
    // The table was read before or among this round's writes. Only a server at weight 0 got no new clients after that.
    const isDrained = server.weight === 0 && drained.has(nameOf(server));
    return [[ref, isDrained ? activeConnections : undefined]];
  });
}

/**
 * Draining servers that fail-open or the last resort retains from the running round on: they get their weight back,
 * and new clients with it.
 */
export function regained({ policy, overlay, pace, members }: VirtualServerContext): readonly RealServerActor[] {
  if (policy.drain === "next-check") return [];
  const { failOpen, lastResort } = overlay;
  const retained = failOpen?.sinceMs === pace.beganMs ? failOpen.retained : lastResort?.retained;
  return Array.from(retained ?? []).flatMap((server) => {
    const { ref } = members.get(server) ?? {};
    return ref !== undefined && isDraining(ref) ? [ref] : [];
  });
}

// --- internal ---

/** After a round that did something, whether all of it or not. */
function learnedIn(context: VirtualServerContext, report: RoundReport, nowMs: number): Step {
  const { operations, repairs, observed, hasRead, failure } = report;
  const { overlay, counts, pace } = context;
  const rule = context.wanted?.unlisted ?? "keep";
  const after = overlayAfter(overlay, rule, context.members, report, nowMs);
  const repaired = new Set(repairs.map((one) => "server" in one && formatEndpoint(one.server.endpoint)));
  // Only rounds with a reading touch the unlisted.
  const news = (rule === "remove" && hasRead ? after.unlisted : []).flatMap(({ endpoint, weight }): CareEvent[] => {
    const server = formatEndpoint(endpoint);
    const isNews = !repaired.has(server) && !overlay.unlisted.has(server);
    return isNews ? [{ type: "realServer.unlisted", server, weight }] : [];
  });
  const departed = [...overlay.departures.keys()].filter((name) => !after.overlay.departures.has(name));
  const emptiness = emptinessAfter(context, report);
  const recurrence = repairs.length === 0 ? undefined : recurrenceAfter(counts, nowMs);
  return {
    changes: {
      table: report.known ?? observed,
      overlay: after.overlay,
      pace: { ...pace, readAtMs: report.readAtMs, wasQuiet: report.isQuiet },
      counts: {
        applies: counts.applies + (operations.length > 0 ? 1 : 0),
        repairs: counts.repairs + (repairs.length > 0 ? 1 : 0),
        repairTimesMs: recurrence?.timesMs ?? counts.repairTimesMs,
      },
      // What is left to do of a withdrawal need not wait for the next reading.
      ...(context.isWithdrawn && departed.length > 0 && { dirty: true }),
      ...(emptiness !== undefined && { isEmpty: emptiness === "virtualServer.emptied" }),
    },
    events: [
      ...news,
      { type: "plan.applied", operations, repairs, complete: failure === undefined },
      ...departed.map((server) => ({ type: "realServer.departed", server }) as const),
      ...(emptiness === undefined || (emptiness === "virtualServer.refilled" && context.isEmpty !== true)
        ? []
        : [{ type: emptiness, virtualServer: formatServiceKey(context.service) } as const]),
      ...(recurrence?.isRecurring === true
        ? [{ type: "repairs.recurring", ...RECURRING, last: repairs } as const]
        : []),
    ],
  };
}

/** After a round without a failure. */
function afterSuccess({ trouble, pace }: VirtualServerContext, report: RoundReport, nowMs: number): Step {
  const { hasRead, operations } = report;
  return {
    changes: {
      // A round with nothing to do, by what is known, has proved nothing.
      trouble: { ...trouble, failedAttempts: 0, ...((hasRead || operations.length > 0) && { failing: undefined }) },
      pace: { ...pace, endedMs: nowMs, ...(!hasRead && { tookMs: nowMs - pace.beganMs }) },
    },
    events: [],
  };
}

/** `wrote`: some writes worked. */
function afterFailure({ trouble, pace }: VirtualServerContext, error: unknown, wrote: boolean, nowMs: number): Step {
  const attempt = trouble.failedAttempts + 1;
  const message = describeError(error);
  const next: Trouble = {
    failedAttempts: attempt,
    failing: wrote ? undefined : { sinceMs: trouble.failing?.sinceMs ?? nowMs, message },
    lastError: { atMs: nowMs, message },
  };
  return {
    changes: { trouble: next, pace: { ...pace, tookMs: nowMs - pace.beganMs, endedMs: nowMs } },
    events: [{ type: "plan.failed", error, attempt, retryInMs: retryDelayMs(attempt) }],
  };
}

function nameOf({ endpoint }: RealServer): string {
  return formatEndpoint(endpoint);
}

function isDraining(ref: RealServerActor): boolean {
  return stateOf(ref.getSnapshot().context) === "draining";
}

/** So many repairs within this time are no accident: another program keeps changing the table. */
const RECURRING = { repairs: 3, withinMs: 60_000 } as const;

function recurrenceAfter(
  { repairTimesMs }: Counts,
  nowMs: number,
): { isRecurring: boolean; timesMs: readonly number[] } {
  const recent = [...repairTimesMs.filter((ms) => nowMs - ms < RECURRING.withinMs), nowMs];
  const isRecurring = recent.length >= RECURRING.repairs;
  return { isRecurring, timesMs: isRecurring ? [] : recent };
}

/** Undefined when that has not changed, the table is not known, or it is being emptied on purpose. */
function emptinessAfter(
  { isEmpty: wasEmpty, seen, uncheckable, isWithdrawn }: VirtualServerContext,
  { known }: RoundReport,
): "virtualServer.emptied" | "virtualServer.refilled" | undefined {
  if (known === undefined || isWithdrawn) return undefined;
  const isEmpty = !known.realServers.some(({ server }) => server.weight > 0);
  const isKnown =
    wasEmpty !== undefined || seen.all.every(({ name, state }) => isChecked(state) || uncheckable.has(name));
  if (isEmpty === wasEmpty || (isEmpty && !isKnown)) return undefined;
  return isEmpty ? "virtualServer.emptied" : "virtualServer.refilled";
}
