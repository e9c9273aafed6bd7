import { oneLine } from "../config/one-line.ts";
import { formatDuration } from "../domain/duration.ts";
import type { ServerFault, SimulatedServer, SimulationReport, TimelineEntry } from "../domain/simulation-report.ts";
import type { Colour, Paint } from "./colour.ts";
import { alignTable, type Cell, type Column } from "./text-table.ts";

/** The report for people: what happened when, and the results. */
export function renderSimulation(report: SimulationReport, paint: Paint): string {
  const { virtualServer, scheduler, durationMs, seed, realServers } = report;
  const title = `${virtualServer} (${scheduler}), ${realServers.length} real servers, ${formatDuration(durationMs)}, seed ${seed}`;
  const blocks = [
    [paint("bold", title)],
    report.timeline.map((entry) => renderEntry(entry, paint)),
    renderServers(report, paint),
    summary(report),
  ];
  return `${blocks.map((lines) => lines.map((line) => line.trimEnd()).join("\n")).join("\n\n")}\n`;
}

// --- internal ---

const KIND_COLOURS: Readonly<Record<TimelineEntry["kind"], Colour>> = {
  script: "bold",
  daemon: "cyan",
  check: "grey",
  health: "yellow",
  "fail-open": "red",
  "last resort": "red",
  write: "grey",
  repair: "yellow",
  error: "red",
  clients: "red",
};
const KIND_WIDTH = Math.max(...Object.keys(KIND_COLOURS).map((kind) => kind.length));

function renderEntry({ atMs, kind, text }: TimelineEntry, paint: Paint): string {
  return `${formatMoment(atMs)}  ${paint(KIND_COLOURS[kind], kind.padEnd(KIND_WIDTH))}  ${oneLine(text)}`;
}

/** `01:30.250`, and hours in front where there are any. */
function formatMoment(atMs: number): string {
  const ms = Math.round(atMs);
  const two = (value: number): string => String(Math.floor(value)).padStart(2, "0");
  const hours = ms >= 3_600_000 ? `${Math.floor(ms / 3_600_000)}:` : "";
  return `${hours}${two((ms / 60_000) % 60)}:${two((ms / 1000) % 60)}.${String(ms % 1000).padStart(3, "0")}`;
}

const COLUMNS: readonly Column[] = [
  { title: "REAL SERVER", align: "left" },
  { title: "FAULTS", align: "right" },
  { title: "TIMES OUT", align: "right" },
  { title: "OUT AFTER", align: "right" },
  { title: "REMOVED AFTER", align: "right" },
  { title: "BACK AFTER", align: "right" },
];

const REQUEST_COLUMNS: readonly Column[] = [
  { title: "REQUESTS", align: "right" },
  { title: "FAILED", align: "right" },
];

function renderServers({ realServers, requests }: SimulationReport, paint: Paint): readonly string[] {
  const columns = requests === undefined ? COLUMNS : [...COLUMNS, ...REQUEST_COLUMNS];
  const rows = realServers.map((server) => serverRow(server, requests !== undefined));
  return alignTable(columns, rows, paint).lines;
}

function serverRow(server: SimulatedServer, hasClients: boolean): Cell[] {
  const { address, faults, timesOut, requests, failed } = server;
  const longest = (key: "outAfterMs" | "removedAfterMs" | "backAfterMs"): Cell => ({ text: longestOf(faults, key) });
  return [
    { text: oneLine(address) },
    { text: String(faults.length) },
    { text: String(timesOut) },
    longest("outAfterMs"),
    longest("removedAfterMs"),
    longest("backAfterMs"),
    ...(hasClients
      ? [{ text: requests.toFixed(0) }, { text: failed.toFixed(0), ...(failed >= 1 && { colour: "red" as const }) }]
      : []),
  ];
}

/** Of several faults the worst. */
function longestOf(faults: readonly ServerFault[], key: "outAfterMs" | "removedAfterMs" | "backAfterMs"): string {
  const times = faults.map((fault) => fault[key]).filter((ms) => ms !== undefined);
  return times.length === 0 ? "-" : formatDuration(Math.max(...times));
}

function summary({ requests, writes, rounds, failOpenMs, lastResortMs }: SimulationReport): string[] {
  const lines = [`${count(writes, "write")} to the table in ${count(rounds, "round")}`];
  if (failOpenMs > 0) lines.push(`fail-open for ${formatDuration(failOpenMs)}`);
  if (lastResortMs > 0) lines.push(`last resort for ${formatDuration(lastResortMs)}`);
  if (requests !== undefined) {
    const share = requests.requests === 0 ? 0 : (100 * requests.failed) / requests.requests;
    lines.push(
      `${requests.failed.toFixed(0)} of ${requests.requests.toFixed(0)} requests failed (${Number(share.toFixed(2))}%)`,
    );
    if (requests.cut >= 1) lines.push(`${requests.cut.toFixed(0)} open connections were cut by a removal`);
  }
  return lines;
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}
