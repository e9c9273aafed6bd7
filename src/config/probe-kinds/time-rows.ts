import type { OptionRow } from "../option-row.ts";
import type { OptionValues } from "../option-values.ts";
import { parseTimeout } from "../value-parsers.ts";
import { CHECKS, type ProbeContext } from "./probe-kind.ts";

/** How long a check may take, of every kind that connects. */
export interface ProbeTimes {
  /** For the whole check. */
  readonly timeoutMs: number;
  /** For connecting alone; never longer than `timeoutMs` or the interval. */
  readonly connectTimeoutMs: number;
}

export const TIME_ROWS = [
  {
    flag: "health-timeout",
    kind: "text",
    valueName: "duration",
    default: "10s",
    help: "for a whole check: connecting, TLS, headers and body",
    group: CHECKS,
    inFile: { place: "probe", key: "timeout", type: "time" },
  },
  {
    flag: "health-connect-timeout",
    kind: "text",
    valueName: "duration",
    default: "3s",
    help: "for connecting alone; never longer than --health-timeout or --interval",
    group: CHECKS,
    inFile: {
      place: "probe",
      key: "connect-timeout",
      type: "time",
      help: "for connecting alone; never longer than timeout or interval",
    },
  },
] as const satisfies readonly OptionRow[];

/** The interval bounds the time for connecting, so that a dead link never outlasts a round. */
export function resolveTimes(values: OptionValues<string>, { intervalMs }: ProbeContext): ProbeTimes {
  const timeoutMs = values.read("health-timeout", parseTimeout);
  const connectTimeoutMs = values.read("health-connect-timeout", parseTimeout);
  return { timeoutMs, connectTimeoutMs: Math.min(connectTimeoutMs, timeoutMs, intervalMs) };
}
