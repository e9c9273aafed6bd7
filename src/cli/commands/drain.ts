import type { DrainedServer } from "../../app/operate.ts";
import { clusterRows, readClusterWork } from "../../config/cluster-rows.ts";
import { MOST_NAMED_AT_ONCE, OPERATOR_OPTION_ROWS, readOperatorLines } from "../../config/operator-line.ts";
import { parseIntervalOrNone } from "../../config/value-parsers.ts";
import { formatDuration } from "../../domain/duration.ts";
import { LvscareError, type ErrorCode } from "../../domain/errors.ts";
import { listFirst } from "../../domain/name.ts";
import { keyOf, virtualServerOf } from "../../domain/virtual-server-name.ts";
import type { CliContext } from "../cli-context.ts";
import { command } from "../command.ts";
import { exitNow } from "../exit.ts";
import { connections, tellHolds } from "../hold-text.ts";
import { ownLines } from "../output.ts";
import { isCutShort, listenForStop, pause } from "../stopping.ts";

/** `lvscare drain`: real servers take no new connections, until `lvscare undrain`. */
export const drainCommand = command(
  {
    name: "drain",
    about:
      "Has real servers take no new connections, whatever their health, and lets their open ones go on: before maintenance. It stays so, also when " +
      "the daemon is started anew, until `lvscare undrain` or the next boot. Where that leaves nobody in service behind a virtual server, it is done, said and the exit code is 1.",
    synopsis: "<IP:port|name> … [flags]",
    rows: [
      {
        flag: "wait",
        kind: "text",
        valueName: "time",
        help: "wait until they have no open connections any more, at most so long; exit with 1 when one still has",
        group: "Flags",
      },
      ...OPERATOR_OPTION_ROWS,
      ...clusterRows(
        "on every node of a cluster whose daemons discover their real servers by --service: an IP without a port, until `lvscare undrain --cluster`. With --wait, until all nodes that report have no open connections to it",
      ),
    ],
    operands: MOST_NAMED_AT_ONCE,
    operandSuggests: "real-servers",
    examples: [
      { about: "before an API server is upgraded", command: "lvscare drain 192.168.0.2:6443 --wait 5m" },
      { about: "before a rack is moved", command: "lvscare drain web-1 web-2 web-3 --wait 5m" },
      {
        about: "behind one of several virtual servers",
        command: "lvscare drain 192.168.0.2:6443 --vs 10.103.97.12:6443",
      },
      {
        about: "on every node, before a master is taken down",
        command: "lvscare drain 192.168.0.2 --cluster --wait 10m",
      },
    ],
  },
  {
    read(values, { operands }, { environment }) {
      const waitMs = values.readOptional("wait", parseIntervalOrNone);
      const cluster = readClusterWork(values, operands, environment);
      if (cluster !== undefined) return { cluster: { change: "drain" as const, waitMs, ...cluster } };
      return { line: readOperatorLines(values, operands), waitMs };
    },
    async run(options, context) {
      if ("cluster" in options) {
        const { runOnCluster } = await import("../cluster-drain.ts");
        return runOnCluster(options.cluster, context);
      }
      const { line, waitMs } = options;
      const { holdRealServers } = await import("../../app/operate.ts");
      const outcome = await holdRealServers(line, { kind: "drain" });
      if (waitMs === undefined) {
        const { isIncomplete, isEmptied } = await tellHolds(outcome, line.format, context);
        return isIncomplete || isEmptied ? 1 : 0;
      }
      await context.neverBlock();
      using stop = listenForStop(() => exitNow(1));
      const telling = tellHolds(outcome, line.format, context);
      if (await isCutShort(telling, stop.signal)) return 1;
      const { isIncomplete, isEmptied } = await telling;
      if (isIncomplete) return 1;
      const drained = outcome.reports.map((report) => ({
        virtualServer: keyOf(virtualServerOf(report)),
        realServer: report.realServer.address,
      }));
      const code = await untilDrained(line.realServers, drained, waitMs, stop.signal, context);
      return isEmptied ? 1 : code;
    },
  },
);

// --- internal ---

const PAUSE_MS = 500;

/** Failures that pass while a daemon restarts. */
const PASSING: readonly unknown[] = ["NOT_RUNNING", "NOT_LISTED", "CONTROL_FAILED"] satisfies ErrorCode[];

async function untilDrained(
  called: readonly string[],
  drained: readonly DrainedServer[],
  waitMs: number,
  stop: AbortSignal,
  { err }: CliContext,
): Promise<number> {
  const { drainProgress } = await import("../../app/operate.ts");
  // Not for longer than one is to go on: the reader may be stuck.
  const tell = (text: string): Promise<boolean> => isCutShort(err.remark(ownLines([text])), stop);
  const startMs = performance.now();
  const who = listFirst(called);
  const isOne = called.length === 1;
  let problem: string | undefined;
  for (;;) {
    const progress = await drainProgress(drained).catch((error: unknown) => {
      if (!(error instanceof LvscareError) || !PASSING.includes(error.code)) throw error;
      return error.message;
    });
    if (typeof progress !== "string") {
      problem = undefined;
      if (!progress.isDrained) {
        await tell(
          isOne
            ? `${who} is no longer drained: somebody let it go meanwhile`
            : `one of ${who} is no longer drained: somebody let it go meanwhile`,
        );
        return 1;
      }
      if (progress.connections === 0) return 0;
    } else if (problem === undefined) {
      problem = progress;
      await tell(`${problem}; waiting for it`);
    }
    const isOver = performance.now() - startMs >= waitMs;
    if (isOver || (await pause(PAUSE_MS, stop))) {
      const spent = formatDuration(isOver ? waitMs : Math.round(performance.now() - startMs));
      const known =
        typeof progress === "string"
          ? `nobody tells how many connections ${isOne ? "it has" : "they have"}`
          : `${isOne ? "has" : "have"} ${connections(progress.connections)}`;
      await tell(`${who} ${isOne ? "stays" : "stay"} drained, and ${known} after ${spent}`);
      return 1;
    }
  }
}
