import { OPERATOR_OPTION_ROWS, readOperatorLine } from "../../config/operator-line.ts";
import { LARGEST_WEIGHT } from "../../domain/virtual-server.ts";
import { command } from "../command.ts";
import { tellHolds } from "../hold-text.ts";

/** `lvscare weight`: another weight for a real server than the configured one. */
export const weightCommand = command(
  {
    name: "weight",
    about:
      "Gives a real server another weight than the configured one, whenever it is in service. It stays so, also when the daemon is started anew, " +
      "until `lvscare weight <IP:port> configured` or the next boot.",
    synopsis: "<IP:port|name> <weight>|configured [flags]",
    rows: OPERATOR_OPTION_ROWS,
    operands: 2,
    operandSuggests: "real-servers",
    examples: [
      { about: "a fifth of what one with weight 50 gets", command: "lvscare weight 192.168.0.2:6443 10" },
      { about: "as its daemon was told again", command: "lvscare weight 192.168.0.2:6443 configured" },
    ],
  },
  {
    read(values, { operands }) {
      const line = readOperatorLine(values, operands);
      const [, text] = operands;
      const weight = text === undefined ? undefined : readWeight(text);
      if (weight === undefined) {
        values.problems.push(weightProblem(text));
        return undefined;
      }
      return { ...line, weight };
    },
    async run({ weight, ...line }, context) {
      const { holdRealServers } = await import("../../app/operate.ts");
      const change = { kind: "weight", weight: weight === CONFIGURED ? undefined : weight } as const;
      const told = await tellHolds(
        await holdRealServers({ ...line, realServers: [line.realServer] }, change),
        line.format,
        context,
      );
      return told.isIncomplete ? 1 : 0;
    },
  },
);

// --- internal ---

const CONFIGURED = "configured";

function readWeight(text: string): number | typeof CONFIGURED | undefined {
  if (text === CONFIGURED) return text;
  const weight = /^[1-9]\d{0,4}$/.test(text) ? Number(text) : Number.NaN;
  return weight <= LARGEST_WEIGHT ? weight : undefined;
}

function weightProblem(text: string | undefined): string {
  const wanted = `a whole number from 1 to ${LARGEST_WEIGHT}, or ${CONFIGURED}`;
  if (text === undefined) return `name a weight: ${wanted}`;
  if (text === "0") return `weight "0" is a drain: write lvscare drain <IP:port>`;
  return `weight "${text}" is not ${wanted}`;
}
