import { defineCommand, type CommandDef } from "citty";
import { CARE_OPTION_ROWS } from "../../config/care-option-rows.ts";
import { OptionValues } from "../../config/option-values.ts";
import { readArgv } from "../../config/read-argv.ts";
import { SIMULATE_OPTION_ROWS, type SimulateFlag } from "../../config/simulate-option-rows.ts";
import { UsageError } from "../../config/usage-error.ts";
import { parseChoice } from "../../config/value-parsers.ts";
import type { CliContext } from "../cli-context.ts";
import { createPaint } from "../colour.ts";
import { formatData } from "../format-data.ts";
import { renderSimulation } from "../simulation-text.ts";
import { renderUsage, type CommandUsage } from "../usage.ts";

/** `lvscare simulate`: what settings would do, without a kernel, a network or a wait. */
export function simulateCommand(context: CliContext): CommandDef {
  return defineCommand({
    meta: { name: SIMULATE_USAGE.name },
    async run({ rawArgs }) {
      const paint = createPaint(context.outColour);
      const reading = readArgv(rawArgs, [...SIMULATE_OPTION_ROWS, ...CARE_OPTION_ROWS], 1);
      if (reading.help) {
        await context.out.write(renderUsage(SIMULATE_USAGE, paint));
        return 0;
      }
      const values = new OptionValues<SimulateFlag>(SIMULATE_OPTION_ROWS, reading.given, reading.problems);
      const format = values.read("output", parseChoice(["text", "json"]));
      const [path] = reading.operands;
      if (path === undefined)
        values.problems.push("name a scenario file; `lvscare simulate --help` shows what is in one");
      if (path === undefined || values.problems.length > 0) throw new UsageError(values.problems);

      const { simulateFile } = await import("../../app/simulate.ts");
      const own: readonly string[] = SIMULATE_OPTION_ROWS.map(({ flag }) => flag);
      const care = new Map([...reading.given].filter(([flag]) => !own.includes(flag)));
      const report = await simulateFile(path, care);
      await context.out.write(format === "text" ? renderSimulation(report, paint) : formatData(report, format));
      return 0;
    },
  });
}

export const SIMULATE_USAGE: CommandUsage = {
  name: "simulate",
  about:
    "Shows what settings would do: runs the daemon's own checks and decisions against servers that fail as a file says, in no time and without " +
    "touching anything. Prints what happens when, and how long each real server took to go out and to come back.",
  synopsis: "<scenario.yaml> [flags]",
  rows: SIMULATE_OPTION_ROWS,
  operands: 1,
  operandIsFile: true,
  borrowed: CARE_OPTION_ROWS,
  examples: [
    { about: "one of three API servers reboots", command: "lvscare simulate examples/one-master-reboots.yaml" },
    {
      about: "the same link with other thresholds",
      command: "lvscare simulate examples/flapping-link.yaml --fall 3 --interval-fast 1s",
    },
  ],
  notes: [
    "Flags of lvscare care win over those that the file has under care.",
    'An event such as "30s 10.0.0.1:80 answers 503" says when, who and what. A real server answers, refuses, hangs or vanishes, or goes round ' +
      '("answers for 8s, vanishes for 4s"). After answers may come a status, "in 2s", and what is odd about it: "over 2s" (the answer trickles), ' +
      '"kept 500" (to all but the first request of a connection), "closes-idle 5s", "one-at-a-time", "half-open" (connections from before are lost).',
    'Others "delete service", "delete" or "put IP:port weight 3"; the data-plane "works", "takes 100ms", "refuses reads", "refuses writes" or ' +
      '"refuses IP:port"; the daemon "stalls 3s" or "restarts after 1s".',
  ],
};
