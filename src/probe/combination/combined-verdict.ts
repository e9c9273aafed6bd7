import type { CombinationOptions } from "../../config/combination.ts";
import type { CertificateFacts } from "../../domain/certificate.ts";
import {
  shareOfWeight,
  type AskedOf,
  type CheckPart,
  type ProbeOutcome,
  type WeightAdvice,
} from "../../domain/health.ts";
import { heard, standingOf, UNHEARD, type MemberHealth } from "./member-health.ts";

/** One of several checks, by its name. */
export interface NamedHealth {
  readonly name: string;
  readonly health: MemberHealth;
  /** It is not made for the time being. */
  readonly isPaused?: boolean;
}

/**
 * What several checks of a real server say together, by where each of them stands. `newest`: the outcome that was heard
 * last, whose times are told. Undefined as long as it depends on one that has found nothing yet.
 */
export function combinedVerdict(
  all: readonly NamedHealth[],
  atLeast: number,
  newest: ProbeOutcome,
): ProbeOutcome | undefined {
  const asked = askedOf(all);
  const counted = countedOf(all, asked);
  const wanted = Math.min(atLeast, counted.length);
  const [ups, downs, leaving, unknown] = (["up", "down", "leaving", "unknown"] as const).map((state) =>
    counted.filter(({ health, isPaused }) => (isPaused === true ? health.state : countedAs(health)) === state),
  ) as [NamedHealth[], NamedHealth[], NamedHealth[], NamedHealth[]];
  const checks = all.map(partOf);
  const { latencyMs } = newest;
  if (ups.length < wanted && ups.length + unknown.length >= wanted) {
    const lacking = unknown.filter(({ health: { last } }) => last?.passed === undefined && last !== undefined);
    return lacking.length === 0
      ? undefined
      : { passed: undefined, reason: reasonsOf(lacking, all.length, lastReason), latencyMs, checks };
  }
  const timings = newest.passed === undefined ? undefined : newest.timings;
  const certificate = endingFirst(all);
  const expired = reasonsOf(all, all.length, ({ verdict }) => verdict?.expired);
  const besides = {
    ...(asked && { asked }),
    ...(expired !== "" && { expired }),
    latencyMs,
    ...(timings && { timings }),
    checks,
    ...(certificate && { certificate }),
  };
  if (ups.length >= wanted) {
    const advice = combinedAdvice(ups);
    const notice = reasonsOf(ups, all.length, ({ good }) => good?.notice);
    return {
      passed: true,
      reason: reasonsOf(ups, all.length, ({ good }) => good?.reason),
      ...(notice !== "" && { notice }),
      ...(advice && { advice }),
      atOnce: true,
      ...besides,
    };
  }
  const isLeaving = ups.length + leaving.length >= wanted;
  const blamed = isLeaving ? leaving : [...downs, ...leaving];
  const why = reasonsOf(blamed, all.length, ({ bad }) => bad?.reason);
  const reason = wanted === counted.length ? why : `${ups.length} of ${counted.length} pass: ${why}`;
  if (isLeaving) return { passed: false, reason, leaving: true, ...besides };
  const isUnreachable = blamed.every(({ health: { last } }) => last?.passed === false && last.unreachable === true);
  const isDecided = downs.some(({ health: { bad } }) => bad?.decided === true);
  return {
    passed: false,
    reason,
    ...(isUnreachable && { unreachable: true }),
    ...(isDecided && { decided: true }),
    atOnce: true,
    ...besides,
  };
}

/** What agents among them ask for: the most cautious of it. */
export function askedOf(all: readonly NamedHealth[]): AskedOf | undefined {
  const asked = all.flatMap(({ health: { verdict } }) => verdict?.asked ?? []);
  if (asked.length === 0) return undefined;
  const holds = asked.flatMap(({ hold }) => hold ?? []);
  const hold = holds.includes("maintenance") ? "maintenance" : holds[0];
  const limits = asked.flatMap(({ limit }) => limit ?? []);
  // 0 is none.
  const [limit] = limits.toSorted((one, other) => (one || Number.MAX_VALUE) - (other || Number.MAX_VALUE));
  return { ...(hold && { hold }), ...(limit !== undefined && { limit }) };
}

/** The same of one outcome of each, which counts whatever `fall` and `rise` say. */
export function verdictAtOnce(
  { members, atLeast }: CombinationOptions,
  outcomes: readonly ProbeOutcome[],
  latencyMs: number,
): ProbeOutcome {
  const all = members.flatMap(({ name, pace }, at) => {
    const outcome = outcomes[at];
    return outcome === undefined ? [] : [{ name, health: heard(UNHEARD, outcome, { ...pace, fall: 1 }) }];
  });
  const nothing: ProbeOutcome = { passed: undefined, reason: "nothing was found out", latencyMs };
  return combinedVerdict(all, atLeast, nothing) ?? nothing;
}

// --- internal ---

/**
 * Those by which it is decided: not the agents that are not heard any more, as long as there are others. A server that
 * is to have no clients waits for nobody who has found nothing yet.
 */
function countedOf(all: readonly NamedHealth[], asked: AskedOf | undefined): readonly NamedHealth[] {
  const heardOf = all.filter(({ health }) => standingOf(health) !== "expired");
  const counted = heardOf.length === 0 ? all : heardOf;
  if (asked?.hold === undefined) return counted;
  const known = counted.filter(({ health }) => health.state !== "unknown");
  return known.length === 0 ? counted : known;
}

/** One that expired counts by what its server showed since, where there is nobody else. */
function countedAs(health: MemberHealth): CheckPart["state"] {
  const standing = standingOf(health);
  return standing === "expired" ? health.state : standing;
}

function partOf({ name, health, isPaused }: NamedHealth): CheckPart {
  const reason = lastReason(health);
  return { name, state: isPaused === true ? "paused" : standingOf(health), ...(reason !== undefined && { reason }) };
}

function lastReason({ last }: MemberHealth): string | undefined {
  return last?.reason;
}

/** `web: status 503; agent: down`; of a single check, what it says. */
function reasonsOf(
  members: readonly NamedHealth[],
  count: number,
  reasonOf: (health: MemberHealth) => string | undefined,
): string {
  return members
    .flatMap(({ name, health }) => {
      const reason = reasonOf(health);
      return reason === undefined ? [] : [count === 1 ? reason : `${name}: ${reason}`];
    })
    .join("; ");
}

/** A share is one of the weight that another one asks for, else of the configured one; of several weights, the least. */
function combinedAdvice(ups: readonly NamedHealth[]): WeightAdvice | undefined {
  const all = ups.flatMap(({ health: { good } }) => good?.advice ?? []);
  if (all.length === 0) return undefined;
  const shares = all.flatMap((advice) => ("percent" in advice ? [advice.percent] : []));
  const percent = shares.reduce((product, share) => (product * share) / 100, 100);
  const weights = all.flatMap((advice) => ("weight" in advice ? [advice.weight] : []));
  return weights.length === 0 ? { percent } : { weight: shareOfWeight(Math.min(...weights), percent) };
}

function endingFirst(all: readonly NamedHealth[]): CertificateFacts | undefined {
  let first: CertificateFacts | undefined;
  for (const { health } of all) {
    const { last } = health;
    const certificate = last?.passed === undefined ? undefined : last.certificate;
    if (certificate !== undefined && (first === undefined || certificate.notAfterMs < first.notAfterMs))
      first = certificate;
  }
  return first;
}
