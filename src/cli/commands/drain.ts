import { defineCommand, type CommandDef } from "citty";
import { DRAIN_OPTION_ROWS, type DrainFlag } from "../../config/operator-option-rows.ts";
import { readArgv } from "../../config/read-argv.ts";
import { readOperatorLine, type OperatorLine } from "../../config/read-operator-line.ts";
import { UsageError } from "../../config/usage-error.ts";
import { parseIntervalOrNone } from "../../config/value-parsers.ts";
import { formatDuration } from "../../domain/duration.ts";
import { LvscareError, type ErrorCode } from "../../domain/errors.ts";
import type { CliContext } from "../cli-context.ts";
import { createPaint } from "../colour.ts";
import { exitNow } from "../exit.ts";
import { connections } from "../hold-text.ts";
import { isCutShort, pause } from "../pause.ts";
import { listenForStop } from "../stop-signal.ts";
import { renderUsage, type CommandUsage } from "../usage.ts";
import { tellHolds } from "./tell-holds.ts";

/** `lvscare drain`: a real server takes no new connections, until `lvscare undrain`. */
export function drainCommand(context: CliContext): CommandDef {
  return defineCommand({
    meta: { name: DRAIN_USAGE.name },
    async run({ rawArgs }) {
      const reading = readArgv(rawArgs, DRAIN_OPTION_ROWS, 1);
      if (reading.help) {
        await context.out.write(renderUsage(DRAIN_USAGE, createPaint(context.outColour)));
        return 0;
      }
      const { line, values } = readOperatorLine<DrainFlag>(reading, DRAIN_OPTION_ROWS);
      const waitMs = values.readOptional("wait", parseIntervalOrNone);
      if (values.problems.length > 0) throw new UsageError(values.problems);
      const { holdRealServer } = await import("../../app/operate.ts");
      const outcome = await holdRealServer(line, { kind: "drain" });
      if (waitMs === undefined) return tellHolds(outcome, line.format, context);
      await context.neverBlock();
      using stop = listenForStop(() => exitNow(1));
      const telling = tellHolds(outcome, line.format, context);
      if (await isCutShort(telling, stop.signal)) return 1;
      const code = await telling;
      if (code !== 0) return code;
      const virtualServers = outcome.reports.map(({ virtualServer }) => virtualServer);
      return await untilDrained({ ...line, virtualServers }, waitMs, stop.signal, context);
    },
  });
}

export const DRAIN_USAGE: CommandUsage = {
  name: "drain",
  about:
    "Has a real server take no new connections, whatever its health, and lets its open ones go on: before maintenance. It stays so, also when " +
    "the daemon is started anew, until `lvscare undrain` or the next boot.",
  synopsis: "<IP:port> [flags]",
  rows: DRAIN_OPTION_ROWS,
  operands: 1,
  examples: [
    { about: "before an API server is upgraded", command: "lvscare drain 192.168.0.2:6443 --wait 5m" },
    {
      about: "behind one of several virtual servers",
      command: "lvscare drain 192.168.0.2:6443 --vs 10.103.97.12:6443",
    },
  ],
};

// --- internal ---

const PAUSE_MS = 500;

/** What passes while a daemon is started anew. */
const PASSING: readonly unknown[] = ["NOT_RUNNING", "NOT_LISTED", "CONTROL_FAILED"] satisfies ErrorCode[];

async function untilDrained(
  line: OperatorLine,
  waitMs: number,
  stop: AbortSignal,
  { err }: CliContext,
): Promise<number> {
  const { drainProgress } = await import("../../app/operate.ts");
  // Not for longer than one is to go on: the reader may be stuck.
  const tell = (text: string): Promise<boolean> => isCutShort(err.remark(`lvscare: ${text}\n`), stop);
  const startMs = performance.now();
  let problem: string | undefined;
  for (;;) {
    const progress = await drainProgress(line).catch((error: unknown) => {
      if (!(error instanceof LvscareError) || !PASSING.includes(error.code)) throw error;
      return error.message;
    });
    if (typeof progress !== "string") {
      problem = undefined;
      if (!progress.isDrained) {
        await tell(`${line.realServer} is no longer drained: somebody let it go meanwhile`);
        return 1;
      }
      if (progress.connections === 0) return 0;
    } else if (problem === undefined) {
      problem = progress;
      await tell(`${problem}; waiting for it`);
    }
    const isOver = performance.now() - startMs >= waitMs;
    if (isOver || (await pause(PAUSE_MS, stop))) {
      const spent = formatDuration(isOver ? waitMs : Math.round(performance.now() - startMs));
      const known =
        typeof progress === "string"
          ? "nobody tells how many connections it has"
          : `has ${connections(progress.connections)}`;
      await tell(`${line.realServer} stays drained, and ${known} after ${spent}`);
      return 1;
    }
  }
}
