import { CARE_OPTION_ROWS } from "../../config/care-option-rows.ts";
import { outputRow } from "../../config/shared-option-rows.ts";
import { parseChoice } from "../../config/value-parsers.ts";
import { createPaint } from "../colour.ts";
import { command } from "../command.ts";
import { formatData } from "../output.ts";
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
      {
        about: "the same link with other thresholds",
        command: "lvscare simulate examples/flapping-link.yaml --fall 3 --interval-fast 1s",
      },
    ],
    notes: [
      "Flags of lvscare care win over those that the file has under care. Beside care, probe is a probe as a configuration file has it, of any type: no file is " +
        "read for it, and no program run.",
      'An event such as "30s 10.0.0.1:80 answers 503" says when, who and what. A real server answers, refuses, hangs or vanishes, or goes round ' +
        '("answers for 8s, vanishes for 4s"). After answers may come a status, "in 2s", and what is odd about it: "over 2s" (the answer trickles), ' +
        '"kept 500" (to all but the first request of a connection), "closes-idle 5s", "one-at-a-time", "half-open" (connections from before are lost). ' +
        'In the words of its checks, a real server leaves (and serves on), is not-serving (and answers), or "weighs 30".',
      'Others "delete service", "delete" or "put IP:port weight 3"; the data-plane "works", "takes 100ms", "refuses reads", "refuses writes" or ' +
        '"refuses IP:port"; the daemon "stalls 3s" or "restarts after 1s".',
    ],
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
