import { OPERATOR_OPTION_ROWS, readOperatorLine } from "../../config/operator-line.ts";
import { command } from "../command.ts";
import { renderCheck } from "../hold-text.ts";
import { ownLines } from "../output.ts";

/** `lvscare check`: what a real server answers now. */
export const checkCommand = command(
  {
    name: "check",
    about:
      "Has the daemon check a real server now, as it was told to check, over a connection of its own, and prints what was found and how long " +
      "each step took. The daemon's own check follows at once, so that it acts on what there is to see. Exits with 1 when the check failed.",
    synopsis: "<IP:port|name> [flags]",
    rows: OPERATOR_OPTION_ROWS,
    operands: 1,
    operandSuggests: "real-servers",
    examples: [{ about: "is it well again?", command: "lvscare check 192.168.0.2:6443" }],
  },
  {
    read: (values, { operands }) => readOperatorLine(values, operands),
    async run(line, { out, err }) {
      const { checkRealServer } = await import("../../app/operate.ts");
      const { reports, mentions } = await checkRealServer(line);
      const texts = reports.map((report) =>
        line.format === "json" ? `${JSON.stringify(report)}\n` : renderCheck(report),
      );
      await out.write(texts.join(""));
      await err.remark(ownLines(mentions));
      return reports.every(({ verdict }) => verdict.passed) ? 0 : 1;
    },
  },
);
