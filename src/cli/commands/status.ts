import { clusterRows, readCluster, type ClusterLine } from "../../config/cluster-rows.ts";
import { outputRow, readVirtualServers, virtualServersRow } from "../../config/shared-option-rows.ts";
import { parseBoolean, parseChoice } from "../../config/value-parsers.ts";
import { LvscareError } from "../../domain/errors.ts";
import { healthCode } from "../../domain/in-service.ts";
import { NO_DAEMON, type StatusReport } from "../../domain/status.ts";
import { isVirtualServerCalled } from "../../domain/virtual-server-name.ts";
import type { CliContext } from "../cli-context.ts";
import { createPaint } from "../colour.ts";
import { command } from "../command.ts";
import { formatData } from "../output.ts";
import { SORTS } from "../status-order.ts";
import { renderStatus } from "../status-table.ts";
import type { StatusView } from "../status-view.ts";
import { watchStatus } from "../watch-status.ts";

/** `lvscare status`: the virtual servers on this host and their state. */
export const statusCommand = command(
  {
    name: "status",
    about:
      "Shows the virtual servers of this host, their real servers and, where a daemon cares for them, the health of each and what " +
      "happened to it last. Where no daemon runs, it shows what stands in the kernel's table.",
    synopsis: "[flags]",
    rows: [
      virtualServersRow("show only this virtual server"),
      outputRow(
        ["table", "wide", "json", "yaml"],
        "table for people, wide for one with traffic, certificates and all that is kept on the host, json or yaml for programs",
      ),
      {
        flag: "all",
        kind: "boolean",
        help: "each virtual and each real server, however many there are; without it those without trouble are only counted beyond 20",
        group: "Flags",
      },
      {
        flag: "only-bad",
        kind: "boolean",
        help: "only virtual servers with trouble, and of real servers those that fail or are out",
        group: "Flags",
      },
      {
        flag: "sort",
        kind: "text",
        valueName: "order",
        choices: SORTS,
        help: "of real servers: trouble (those that fail first), latency (of the last check, the longest first), connections (the most first), name (default: as they are listed, beyond 20 by trouble)",
        group: "Flags",
      },
      {
        flag: "watch",
        alias: "w",
        kind: "boolean",
        help: "go on until Ctrl-C or q: on a terminal in place, to scroll, sort and filter with the keys that it tells, elsewhere a line (or, as json or yaml, a report) for each change",
        group: "Flags",
      },
      {
        flag: "exit-code",
        kind: "boolean",
        help: "tell health by the exit code: 0 all healthy, 1 some are not or a changed probe is suspicious, 2 none is (also with a last resort), or none is in service, or fail-open, or nothing can be written, or nobody answers through the virtual address, 3 no daemon answers; those that an operator drained do not count",
        group: "Flags",
      },
      {
        flag: "need-daemon",
        kind: "boolean",
        help: "exit with 3 unless a daemon answers, whatever the health it tells of: for liveness probes",
        group: "Flags",
      },
      ...clusterRows(
        "what all nodes of a cluster report, and whom `lvscare drain --cluster` drains, instead of this host",
      ),
    ],
    examples: [
      { about: "one virtual server", command: "lvscare status --vs 10.103.97.12:6443" },
      { about: "for scripts", command: "lvscare status -o json" },
      { about: "what needs a look", command: "lvscare status --only-bad" },
      { about: "a table that keeps itself up to date", command: "lvscare status --watch" },
      { about: "how far all nodes are with a drain", command: "lvscare status --cluster" },
      { about: "is all well?", command: "lvscare status --vs 10.103.97.12:6443 --exit-code" },
    ],
  },
  {
    read: (values, _, { environment }) => ({
      cluster: readCluster(values, environment, ["vs", "all", "only-bad", "sort", "watch", "exit-code", "need-daemon"]),
      format: values.read("output", parseChoice(["table", "wide", "json", "yaml"])),
      only: readVirtualServers(values),
      exitCode: values.read("exit-code", parseBoolean),
      needDaemon: values.read("need-daemon", parseBoolean),
      watch: values.read("watch", parseBoolean),
      shown: {
        all: values.read("all", parseBoolean),
        onlyBad: values.read("only-bad", parseBoolean),
        sort: values.readOptional("sort", parseChoice(SORTS)),
      },
    }),
    async run({ cluster, format, only, exitCode, needDaemon, watch, shown }, context) {
      if (cluster !== undefined) {
        await context.out.write(await readClusterText(cluster, format, context));
        return 0;
      }
      const { collectStatus } = await import("../../app/status.ts");
      const isAsked = exitCode || needDaemon;
      const read = async (): Promise<StatusReport> => select(await collectStatus(only), only, isAsked || watch);
      const report = watch ? await watchStatus(read, { format, ...shown }, context) : await read();
      if (!watch) await context.out.write(render(report, format, shown, context));
      if (!isAsked) return 0;
      const code = healthCode(report, only);
      return exitCode || code === NO_DAEMON ? code : 0;
    },
  },
);

// --- internal ---

async function readClusterText(line: ClusterLine, format: Format, { outColour }: CliContext): Promise<string> {
  const [{ collectCluster }, { renderCluster }] = await Promise.all([
    import("../../app/cluster.ts"),
    import("../cluster-text.ts"),
  ]);
  const status = await collectCluster(line);
  return format === "json" || format === "yaml"
    ? formatData(status, format)
    : renderCluster(status, new Date(), createPaint(outColour));
}

type Shown = Pick<StatusView, "all" | "onlyBad" | "sort">;
type Format = "table" | "wide" | "json" | "yaml";

function render(report: StatusReport, format: Format, shown: Shown, context: CliContext): string {
  if (format === "json" || format === "yaml") return formatData(report, format);
  const paint = createPaint(context.outColour);
  return renderStatus(report, { now: new Date(), width: context.columns, paint, wide: format === "wide", ...shown });
}

/** Throws for a virtual server that is not there, unless the exit code will say so. */
function select(report: StatusReport, only: readonly string[], isTolerant: boolean): StatusReport {
  const missing = only.find((asked) => !report.virtualServers.some((one) => isVirtualServerCalled(asked, one)));
  if (missing !== undefined && !isTolerant) {
    throw new LvscareError("USAGE", [`no virtual server ${missing} stands on this host`, ...report.notes].join("; "));
  }
  if (only.length === 0) return report;
  const virtualServers = report.virtualServers.filter((one) => only.some((asked) => isVirtualServerCalled(asked, one)));
  const notes = missing === undefined ? [] : [`no virtual server ${missing} stands on this host`];
  return { ...report, notes: [...notes, ...report.notes], virtualServers };
}
