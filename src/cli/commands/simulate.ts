import { CARE_OPTION_ROWS } from "../../config/care-option-rows.ts";
import { outputRow } from "../../config/shared-option-rows.ts";
import { parseChoice } from "../../config/value-parsers.ts";
import { createPaint } from "../colour.ts";
import { command } from "../command.ts";
import { formatData } from "../output.ts";
import { SCENARIO_FORMAT } from "../scenario-format.ts";
import { renderSimulation } from "../simulation-text.ts";

/** `lvscare simulate`: what settings would do, without a kernel, a network or a wait. */
export const simulateCommand = command(
  {
    name: "simulate",
    about:
      "Shows what settings would do: runs the daemon's own checks and decisions against servers that fail as a file says, in no time and without " +
      "touching anything. Prints what happens when, and how long each real server took to go out and to come back.",
    synopsis: "<scenario.yaml> [flags]",
    rows: [outputRow(["text", "json"], "text for people, json for programs")],
    operands: 1,
    operandIsFile: true,
    borrowed: CARE_OPTION_ROWS,
    examples: [
      { about: "one of three API servers reboots", command: "lvscare simulate examples/one-master-reboots.yaml" },
      { about: "servers that are upgraded one by one", command: "lvscare simulate examples/rolling-upgrade.yaml" },
      {
        about: "a link that comes and goes, with other thresholds",
        command: "lvscare simulate examples/flapping-link.yaml --fall 3 --interval-fast 1s",
      },
    ],
    lists: SCENARIO_FORMAT,
    notes: ["Flags of lvscare care win over those that the file has under care. Variables are not read."],
  },
  {
    read(values, { given, operands: [path] }) {
      const format = values.read("output", parseChoice(["text", "json"]));
      const care = new Map([...given].filter(([flag]) => CARE_OPTION_ROWS.some((row) => row.flag === flag)));
      if (path !== undefined) return { format, path, care };
      values.problems.push("name a scenario file; `lvscare simulate --help` shows what is in one");
      return undefined;
    },
    async run({ format, path, care }, { out, outColour }) {
      const { simulateFile } = await import("../../app/simulate.ts");
      const report = await simulateFile(path, care);
      await out.write(
        format === "text" ? renderSimulation(report, createPaint(outColour)) : formatData(report, format),
      );
      return 0;
    },
  },
);
