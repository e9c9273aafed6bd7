import { nearestName } from "../../config/nearest-name.ts";
import type { WeightAdvice } from "../../domain/health.ts";

/** What a program of `output: json` says. */
export interface ScriptWords {
  readonly isHealthy: boolean;
  readonly reason?: string;
  readonly advice?: WeightAdvice;
  /** A key that means nothing, and the one that it resembles. */
  readonly slip?: { readonly key: string; readonly meant: string };
}

/**
 * `{"healthy": true, "weight": 10, "drain": false, "reason": "…"}`; all but `healthy` may be missing, and what has other
 * names is left alone, and told where it resembles one of them. A text: why it is nothing of that kind.
 */
export function readScriptWords(output: string): ScriptWords | string {
  const words = parse(output);
  if (typeof words !== "object" || words === null || Array.isArray(words)) return "its output is no JSON object";
  const { healthy, weight, drain, reason } = words as Readonly<Record<string, unknown>>;
  if (typeof healthy !== "boolean") return `its output has no "healthy" that is true or false`;
  if (weight !== undefined && !isWeight(weight))
    return `its output has a "weight" that is no whole number from 0 to ${MOST_WEIGHT}`;
  if (drain !== undefined && typeof drain !== "boolean")
    return `its output has a "drain" that is neither true nor false`;
  if (reason !== undefined && typeof reason !== "string") return `its output has a "reason" that is no text`;
  const advice = drain === true ? 0 : weight;
  const line = reason === undefined ? undefined : firstLine(reason);
  return {
    isHealthy: healthy,
    ...(line !== undefined && { reason: line }),
    ...(advice !== undefined && { advice: { weight: advice } }),
    ...slipIn(words),
  };
}

/** The first line with something in it, as it may stand in a log. */
export function firstLine(output: string): string | undefined {
  const line = output
    .split("\n")
    .map((text) => text.replaceAll(/\p{Cc}+/gu, " ").trim())
    .find((text) => text !== "");
  return line === undefined || line.length <= LONGEST_REASON ? line : `${line.slice(0, LONGEST_REASON)}…`;
}

// --- internal ---

const KEYS = ["healthy", "weight", "drain", "reason"];

function slipIn(words: object): Pick<ScriptWords, "slip"> {
  for (const key of Object.keys(words)) {
    const meant = KEYS.includes(key) || !/^\w+$/.test(key) ? undefined : nearestName(key, KEYS);
    if (meant !== undefined) return { slip: { key, meant } };
  }
  return {};
}

/** As an operator's. */
const MOST_WEIGHT = 65_535;

const LONGEST_REASON = 200;

function isWeight(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= MOST_WEIGHT;
}

/** Undefined for what is no JSON. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
