import { MOST_NAMED_AT_ONCE, OPERATOR_OPTION_ROWS, readOperatorLines } from "../../config/operator-line.ts";
import { command } from "../command.ts";
import { tellHolds } from "../hold-text.ts";

/** `lvscare undrain`: ends what `lvscare drain` began. */
export const undrainCommand = command(
  {
    name: "undrain",
    about:
      "Has real servers that `lvscare drain` took out take connections again, each as soon as its checks find it healthy.",
    synopsis: "<IP:port|name> … [flags]",
    rows: OPERATOR_OPTION_ROWS,
    operands: MOST_NAMED_AT_ONCE,
    operandSuggests: "real-servers",
    examples: [{ about: "after the upgrade", command: "lvscare undrain 192.168.0.2:6443" }],
  },
  {
    read: (values, { operands }) => readOperatorLines(values, operands),
    async run(line, context) {
      const { holdRealServers } = await import("../../app/operate.ts");
      return tellHolds(await holdRealServers(line, { kind: "undrain" }), line.format, context);
    },
  },
);
