import { defineCommand, type CommandDef } from "citty";
import { DRAIN_OPTION_ROWS, type DrainFlag } from "../../config/operator-option-rows.ts";
import { readArgv } from "../../config/read-argv.ts";
import { readOperatorLine, type OperatorLine } from "../../config/read-operator-line.ts";
import { UsageError } from "../../config/usage-error.ts";
import { parseInterval } from "../../config/value-parsers.ts";
import { formatDuration } from "../../domain/duration.ts";
import type { CliContext } from "../cli-context.ts";
import { createPaint } from "../colour.ts";
import { exitNow } from "../exit.ts";
import { connections } from "../hold-text.ts";
import { pause } from "../pause.ts";
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
      const waitMs = values.readOptional("wait", parseInterval);
      if (values.problems.length > 0) throw new UsageError(values.problems);
      const { holdRealServer } = await import("../../app/operate.ts");
      const code = await tellHolds(await holdRealServer(line, { kind: "drain" }), line.format, context);
      return code === 0 && waitMs !== undefined ? untilDrained(line, waitMs, context) : code;
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

async function untilDrained(line: OperatorLine, waitMs: number, context: CliContext): Promise<number> {
  const { openConnections } = await import("../../app/operate.ts");
  const deadlineMs = performance.now() + waitMs;
  using stop = listenForStop(() => exitNow(1));
  for (;;) {
    const open = await openConnections(line);
    if (open === 0) return 0;
    if (performance.now() >= deadlineMs || (await pause(PAUSE_MS, stop.signal))) {
      await context.err.write(
        `lvscare: ${line.realServer} stays drained, and has ${connections(open)} after ${formatDuration(waitMs)}\n`,
      );
      return 1;
    }
  }
}
