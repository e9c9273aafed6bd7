import { clusterRows, readClusterWork } from "../../config/cluster-rows.ts";
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
    rows: [
      ...OPERATOR_OPTION_ROWS,
      ...clusterRows("end what `lvscare drain --cluster` began, on every node: an IP without a port"),
    ],
    operands: MOST_NAMED_AT_ONCE,
    operandSuggests: "real-servers",
    examples: [
      { about: "after the upgrade", command: "lvscare undrain 192.168.0.2:6443" },
      { about: "on every node", command: "lvscare undrain 192.168.0.2 --cluster" },
    ],
  },
  {
    read(values, { operands }, { environment }) {
      const cluster = readClusterWork(values, operands, environment);
      if (cluster !== undefined) return { cluster: { change: "undrain" as const, waitMs: undefined, ...cluster } };
      return { line: readOperatorLines(values, operands) };
    },
    async run(options, context) {
      if ("cluster" in options) {
        const { runOnCluster } = await import("../cluster-drain.ts");
        return runOnCluster(options.cluster, context);
      }
      const { line } = options;
      const { holdRealServers } = await import("../../app/operate.ts");
      const told = await tellHolds(await holdRealServers(line, { kind: "undrain" }), line.format, context);
      return told.isIncomplete ? 1 : 0;
    },
  },
);
