import { localIso } from "../../app/local-iso.ts";
import { outputRow, readVirtualServers, virtualServersRow } from "../../config/shared-option-rows.ts";
import { parseBoolean, parseChoice } from "../../config/value-parsers.ts";
import { LvscareError } from "../../domain/errors.ts";
import { healthCode } from "../../domain/in-service.ts";
import { NO_DAEMON, type StatusReport } from "../../domain/status.ts";
import { isVirtualServerCalled } from "../../domain/virtual-server-name.ts";
import type { CliContext } from "../cli-context.ts";
import { createPaint } from "../colour.ts";
import { command } from "../command.ts";
import { exitNow } from "../exit.ts";
import { formatData } from "../output.ts";
import { renderStatus } from "../status-table.ts";
import { changedServers } from "../status-text.ts";
import { isCutShort, listenForStop, pause, watchReader } from "../stopping.ts";

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
        flag: "watch",
        alias: "w",
        kind: "boolean",
        help: "go on until Ctrl-C: redrawn in place on a terminal, elsewhere a line (or, as json or yaml, a report) for each change",
        group: "Flags",
      },
      {
        flag: "exit-code",
        kind: "boolean",
        help: "tell health by the exit code: 0 all healthy, 1 some are not or a changed probe is suspicious, 2 none is (also with a last resort), or none is in service, or fail-open, or nothing can be written, 3 no daemon answers; those that an operator drained do not count",
        group: "Flags",
      },
      {
        flag: "need-daemon",
        kind: "boolean",
        help: "exit with 3 unless a daemon answers, whatever the health it tells of: for liveness probes",
        group: "Flags",
      },
    ],
    examples: [
      { about: "one virtual server", command: "lvscare status --vs 10.103.97.12:6443" },
      { about: "for scripts", command: "lvscare status -o json" },
      { about: "a table that keeps itself up to date", command: "lvscare status --watch" },
      { about: "is all well?", command: "lvscare status --vs 10.103.97.12:6443 --exit-code" },
    ],
  },
  {
    read: (values) => ({
      format: values.read("output", parseChoice(["table", "wide", "json", "yaml"])),
      only: readVirtualServers(values),
      exitCode: values.read("exit-code", parseBoolean),
      needDaemon: values.read("need-daemon", parseBoolean),
      watch: values.read("watch", parseBoolean),
    }),
    async run({ format, only, exitCode, needDaemon, watch }, context) {
      const { collectStatus } = await import("../../app/status.ts");
      const isAsked = exitCode || needDaemon;
      const read = async (): Promise<StatusReport> => select(await collectStatus(only), only, isAsked || watch);
      const report = watch ? await watchStatus(read, format, context) : await read();
      if (!watch) await context.out.write(render(report, format, context));
      if (!isAsked) return 0;
      const code = healthCode(report, only);
      return exitCode || code === NO_DAEMON ? code : 0;
    },
  },
);

// --- internal ---

type Format = "table" | "wide" | "json" | "yaml";

const WATCH_MS = 1000;
/** To the upper left corner, and clear what is below (ECMA-48: CUP, ED). */
const REDRAW = "\u001B[H\u001B[J";

function render(report: StatusReport, format: Format, context: CliContext): string {
  if (format === "json" || format === "yaml") return formatData(report, format);
  const paint = createPaint(context.outColour);
  return renderStatus(report, { now: new Date(), width: context.columns, paint, wide: format === "wide" });
}

/** What would scroll cannot be redrawn in place. The last row is the cursor's. */
function fitted(text: string, rows: number = Number.POSITIVE_INFINITY): string {
  const lines = text.trimEnd().split("\n");
  const room = Math.max(2, rows - 1);
  if (lines.length <= room) return text;
  const hidden = lines.length - (room - 1);
  return `${[...lines.slice(0, room - 1), `… ${hidden} more lines in a larger window`].join("\n")}\n`;
}

/** Until Ctrl-C, or until the reader is gone; returns the last report. */
async function watchStatus(
  read: () => Promise<StatusReport>,
  format: Format,
  context: CliContext,
): Promise<StatusReport> {
  await context.neverBlock();
  using stop = listenForStop(() => exitNow(1));
  using readers = watchReader(context.out);
  const over = AbortSignal.any([stop.signal, readers.signal]);
  let before: StatusReport | undefined;
  for (;;) {
    const report = await read();
    const changes = changedServers(before, report);
    const isNews = before === undefined || changes.length > 0;
    let text = "";
    if (format === "json" || format === "yaml") {
      if (isNews) text = format === "json" ? `${JSON.stringify(report)}\n` : `---\n${formatData(report, format)}`;
    } else if (context.columns !== undefined)
      text = `${REDRAW}${fitted(render(report, format, context), context.rows)}`;
    else text = changes.map((line) => `${localIso(new Date().toISOString())}  ${line}\n`).join("");
    before = report;
    if (await isCutShort(context.out.write(text), over)) return report;
    if (context.out.isUnread || (await pause(WATCH_MS, over))) return report;
  }
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
