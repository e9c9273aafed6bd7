import { defineCommand, type CommandDef } from "citty";
import { MACHINE_OPTION_ROWS, type MachineFlag } from "../../config/machine-option-rows.ts";
import { OptionValues } from "../../config/option-values.ts";
import { readArgv } from "../../config/read-argv.ts";
import { UsageError } from "../../config/usage-error.ts";
import { parseChoice } from "../../config/value-parsers.ts";
import type { CliContext } from "../cli-context.ts";
import { createPaint } from "../colour.ts";
import { formatData } from "../format-data.ts";
import { renderDot, renderMermaid } from "../machine-text.ts";
import { renderUsage, type CommandUsage } from "../usage.ts";

/** `lvscare machine`: the state machines, drawn from themselves. */
export function machineCommand(context: CliContext): CommandDef {
  return defineCommand({
    meta: { name: MACHINE_USAGE.name },
    async run({ rawArgs }) {
      const reading = readArgv(rawArgs, MACHINE_OPTION_ROWS, 1);
      if (reading.help) {
        await context.out.write(renderUsage(MACHINE_USAGE, createPaint(context.outColour)));
        return 0;
      }
      const values = new OptionValues<MachineFlag>(MACHINE_OPTION_ROWS, reading.given, reading.problems);
      const format = values.read("format", parseChoice(["mermaid", "dot", "json"]));
      const [name = "real-server"] = reading.operands;
      const { machineGraph, MACHINES } = await import("../../app/machine.ts");
      const known = Object.keys(MACHINES) as (keyof typeof MACHINES)[];
      const machine = known.find((one) => one === name);
      if (machine === undefined) values.problems.push(`there is no machine "${name}"; there are ${known.join(", ")}`);
      if (machine === undefined || values.problems.length > 0) throw new UsageError(values.problems);
      const graph = machineGraph(machine);
      const text = { mermaid: renderMermaid, dot: renderDot, json: (one: object) => formatData(one, "json") }[format](
        graph,
      );
      await context.out.write(text);
      return 0;
    },
  });
}

export const MACHINE_USAGE: CommandUsage = {
  name: "machine",
  about:
    "Draws a state machine of the daemon, taken from the machine itself: real-server (the health of one server), virtual-server (the one " +
    "writer), reach (how this host gets to the address) or daemon.",
  synopsis: "[real-server|virtual-server|reach|daemon] [flags]",
  rows: MACHINE_OPTION_ROWS,
  operands: 1,
  operandChoices: ["real-server", "virtual-server", "reach", "daemon"],
  examples: [
    { about: "the health of a real server, for a document", command: "lvscare machine" },
    { about: "as a picture, by Graphviz", command: "lvscare machine virtual-server --format dot" },
  ],
};
