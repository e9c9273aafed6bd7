import type { AskedOf, Verdict, WeightAdvice } from "./health.ts";

/** All that a real server's check asks for beside its health. */
export interface CheckRequest extends AskedOf {
  readonly advice?: WeightAdvice;
}

/** After this verdict: a failed check takes back no weight. */
export function requestAfter(before: CheckRequest | undefined, verdict: Verdict): CheckRequest | undefined {
  const advice = verdict.passed ? withoutWhole(verdict.advice) : before?.advice;
  const { asked } = verdict;
  if (advice === undefined && asked === undefined) return undefined;
  return { ...asked, ...(advice && { advice }) };
}

/**
 * Worth a word. A weight that an agent measures drifts with each check: it is, once it is a quarter away from the one
 * that was told.
 */
export function isNewRequest(told: CheckRequest | undefined, now: CheckRequest | undefined): boolean {
  if (told?.hold !== now?.hold || told?.limit !== now?.limit) return true;
  const [before, after] = [told?.advice, now?.advice];
  if (before === undefined || after === undefined) return before !== after;
  if ("percent" in before !== "percent" in after) return true;
  const [was, is] = [amountOf(before), amountOf(after)];
  return was !== is && Math.abs(was - is) >= Math.max(was, is) / 4;
}

/** `in maintenance, weight 30, at most 30 connections`, `nothing any more`. */
export function describeRequest(request: CheckRequest | undefined): string {
  if (request === undefined) return "nothing any more";
  const { hold, advice, limit } = request;
  return [
    ...(hold === undefined ? [] : [hold === "drain" ? "drained" : "in maintenance"]),
    ...(advice === undefined
      ? []
      : ["percent" in advice ? `${advice.percent}% of its weight` : `weight ${advice.weight}`]),
    ...(limit === undefined ? [] : [describeLimit(limit)]),
  ].join(", ");
}

/** `at most 30 connections` */
export function describeLimit(limit: number): string {
  return limit === 0 ? "any number of connections" : `at most ${limit} connection${limit === 1 ? "" : "s"}`;
}

// --- internal ---

/** Of the whole weight it is what it would be anyway. */
function withoutWhole(advice: WeightAdvice | undefined): WeightAdvice | undefined {
  return advice !== undefined && "percent" in advice && advice.percent === 100 ? undefined : advice;
}

function amountOf(advice: WeightAdvice): number {
  return "percent" in advice ? advice.percent : advice.weight;
}
