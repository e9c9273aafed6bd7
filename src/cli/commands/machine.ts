import { parseChoice } from "../../config/value-parsers.ts";
import { command } from "../command.ts";
import { renderDot, renderMermaid } from "../machine-text.ts";
import { formatData } from "../output.ts";

/** `lvscare machine`: the state machines, drawn from themselves. */
export const machineCommand = command(
  {
    name: "machine",
    about:
      "Draws a state machine of the daemon, taken from the machine itself: real-server (the health of one server), virtual-server (the one " +
      "writer), reach (how this host gets to the address) or daemon.",
    synopsis: "[real-server|virtual-server|reach|daemon] [flags]",
    rows: [
      {
        flag: "format",
        kind: "text",
        valueName: "format",
        choices: ["mermaid", "dot", "json"],
        default: "mermaid",
        help: "mermaid for documents, dot for Graphviz, json for programs",
        group: "Flags",
      },
    ],
    operands: 1,
    operandChoices: ["real-server", "virtual-server", "reach", "daemon"],
    examples: [
      { about: "the health of a real server, for a document", command: "lvscare machine" },
      { about: "as a picture, by Graphviz", command: "lvscare machine virtual-server --format dot" },
    ],
  },
  {
    async read(values, { operands: [name = "real-server"] }) {
      const format = values.read("format", parseChoice(["mermaid", "dot", "json"]));
      const { machineGraph, MACHINES } = await import("../../app/machine.ts");
      const known = Object.keys(MACHINES) as (keyof typeof MACHINES)[];
      const machine = known.find((one) => one === name);
      if (machine !== undefined) return { graph: machineGraph(machine), format };
      values.problems.push(`there is no machine "${name}"; there are ${known.join(", ")}`);
      return undefined;
    },
    async run({ graph, format }, { out }) {
      const render = { mermaid: renderMermaid, dot: renderDot, json: (one: object) => formatData(one, "json") }[format];
      await out.write(render(graph));
      return 0;
    },
  },
);
