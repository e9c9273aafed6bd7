import type { HealthPolicy } from "../domain/health-policy.ts";
import { MOST_CHECKS, type CareFlag } from "./care-option-rows.ts";
import type { OptionValues } from "./option-values.ts";
import {
  parseBoolean,
  parseChoice,
  parseInteger,
  parseInterval,
  parseIntervalOrNone,
  parseTimeout,
} from "./value-parsers.ts";

/** How verdicts become weights. */
export function resolveHealthPolicy(values: OptionValues<CareFlag>): HealthPolicy {
  const intervalMs = values.read("interval", parseInterval);
  const fastIntervalMs = values.readOptional("interval-fast", parseInterval) ?? intervalMs;
  if (fastIntervalMs > intervalMs)
    values.refuse("interval-fast", "it is longer than --interval, which is for calmer times");
  return {
    fall: values.read("fall", parseInteger(1, MOST_CHECKS)),
    rise: values.read("rise", parseInteger(1, MOST_CHECKS)),
    intervalMs,
    fastIntervalMs,
    downIntervalMs: values.readOptional("interval-down", parseInterval) ?? intervalMs,
    drain: values.read("drain", parseChoice(["next-check", "connections"])),
    drainTimeoutMs: values.read("drain-timeout", parseTimeout),
    slowStartMs: values.read("slow-start", parseIntervalOrNone),
    panicThreshold: values.read("panic-threshold", parsePercentage),
    lastResort: values.read("last-resort", parseBoolean),
  };
}

// --- internal ---

function parsePercentage(text: string): number {
  return parseInteger(0, 100)(text.replace(/%$/, ""));
}
