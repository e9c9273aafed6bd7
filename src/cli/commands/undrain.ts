import { OPERATOR_OPTION_ROWS, readOperatorLine } from "../../config/operator-line.ts";
import { command } from "../command.ts";
import { tellHolds } from "../hold-text.ts";

/** `lvscare undrain`: ends what `lvscare drain` began. */
export const undrainCommand = command(
  {
    name: "undrain",
    about:
      "Has a real server that `lvscare drain` took out take connections again, as soon as its checks find it healthy.",
    synopsis: "<IP:port|name> [flags]",
    rows: OPERATOR_OPTION_ROWS,
    operands: 1,
    operandSuggests: "real-servers",
    examples: [{ about: "after the upgrade", command: "lvscare undrain 192.168.0.2:6443" }],
  },
  {
    read: (values, { operands }) => readOperatorLine(values, operands),
    async run(line, context) {
      const { holdRealServer } = await import("../../app/operate.ts");
      return tellHolds(await holdRealServer(line, { kind: "undrain" }), line.format, context);
    },
  },
);
