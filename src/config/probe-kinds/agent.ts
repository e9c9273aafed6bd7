import type { OptionRow } from "../option-row.ts";
import { parseTimeout } from "../value-parsers.ts";
import { CHECKS, type ProbeKind } from "./probe-kind.ts";
import { resolveTarget, TARGET_ROWS, type ProbeTarget } from "./target-rows.ts";
import { hexOfText, SEND_ROW } from "./tcp.ts";
import { resolveTimes, TIME_ROWS, type ProbeTimes } from "./time-rows.ts";

/** A program at the real server that says in a line how many clients it is to have, by HAProxy's agent protocol. */
export interface AgentProbeOptions extends ProbeTimes, ProbeTarget {
  readonly type: "agent";
  /** What to send first, as bytes in hexadecimal; empty for nothing. */
  readonly sendHex: string;
  /** For how long what it said counts, once it is not heard any more. */
  readonly staleAfterMs: number;
}

const AGENT_FILE_ROWS = [
  {
    flag: "agent-stale-after",
    kind: "text",
    valueName: "duration",
    help: "for how long what the agent said counts once it is not heard any more (default: ten times its interval)",
    group: CHECKS,
    inFile: { place: "probe", key: "stale-after", type: "time" },
  },
] as const satisfies readonly OptionRow[];

export const AGENT_KIND: ProbeKind<AgentProbeOptions> = {
  type: "agent",
  help: "agent asks a program at the real server, by HAProxy's agent protocol",
  schemes: [],
  rows: [SEND_ROW, ...AGENT_FILE_ROWS, ...TIME_ROWS, ...TARGET_ROWS],
  flagRows: [],
  ownPace: { interval: "2s" },
  resolve(values, context) {
    const target = resolveTarget(values);
    if (values.isMissing("probe-port"))
      values.refuse("probe-port", "a probe of type agent needs the port that its agent listens at");
    return {
      type: "agent",
      sendHex: values.readOptional("tcp-send", hexOfText) ?? "",
      staleAfterMs: values.readOptional("agent-stale-after", parseTimeout) ?? INTERVALS * context.intervalMs,
      ...resolveTimes(values, context),
      ...target,
    };
  },
};

// --- internal ---

/** One that is not heard so often is not heard any more. */
const INTERVALS = 10;
