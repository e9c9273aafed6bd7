import type { CombinationOptions } from "../../config/combination.ts";
import type { CertificateFacts } from "../../domain/certificate.ts";
import { shareOfWeight, type CheckPart, type ProbeOutcome, type WeightAdvice } from "../../domain/health.ts";
import { heard, standingOf, UNHEARD, type MemberHealth } from "./member-health.ts";

/** One of several checks, by its name. */
export interface NamedHealth {
  readonly name: string;
  readonly health: MemberHealth;
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
  const standing = Map.groupBy(all, ({ health }) => standingOf(health));
  const [ups = [], downs = [], leaving = [], unknown = []] = (["up", "down", "leaving", "unknown"] as const).map(
    (state) => standing.get(state),
  );
  const parts = all.map(partOf);
  const { latencyMs } = newest;
  if (ups.length < atLeast && ups.length + unknown.length >= atLeast) {
    const lacking = unknown.filter(({ health: { last } }) => last?.passed === undefined && last !== undefined);
    return lacking.length === 0
      ? undefined
      : { passed: undefined, reason: reasonsOf(lacking, all.length, lastReason), latencyMs, parts };
  }
  const timings = newest.passed === undefined ? undefined : newest.timings;
  const certificate = endingFirst(all);
  const measured = { latencyMs, ...(timings && { timings }), parts, ...(certificate && { certificate }) };
  if (ups.length >= atLeast) {
    const advice = combinedAdvice(ups);
    const notice = reasonsOf(ups, all.length, ({ good }) => good?.notice);
    return {
      passed: true,
      reason: reasonsOf(ups, all.length, ({ good }) => good?.reason),
      ...(notice !== "" && { notice }),
      ...(advice && { advice }),
      atOnce: true,
      ...measured,
    };
  }
  const isLeaving = ups.length + leaving.length >= atLeast;
  const blamed = isLeaving ? leaving : [...downs, ...leaving];
  const why = reasonsOf(blamed, all.length, ({ bad }) => bad?.reason);
  const reason = atLeast === all.length ? why : `${ups.length} of ${all.length} pass: ${why}`;
  if (isLeaving) return { passed: false, reason, leaving: true, ...measured };
  const isUnreachable = blamed.every(({ health: { last } }) => last?.passed === false && last.unreachable === true);
  return { passed: false, reason, ...(isUnreachable && { unreachable: true }), atOnce: true, ...measured };
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

function partOf({ name, health }: NamedHealth): CheckPart {
  const reason = lastReason(health);
  return { name, state: standingOf(health), ...(reason !== undefined && { reason }) };
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
