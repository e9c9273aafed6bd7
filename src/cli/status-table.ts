import { oneLine } from "../config/one-line.ts";
import { describeHold } from "../domain/hold.ts";
import { isListedDrained, outOfService } from "../domain/in-service.ts";
import { describeNamed } from "../domain/name.ts";
import {
  describeElsewhere,
  type RealServerStatus,
  type StatusReport,
  type VirtualServerStatus,
} from "../domain/status.ts";
import { keyOf } from "../domain/virtual-server-name.ts";
import type { Colour } from "./colour.ts";
import { describeDiscovery } from "./members-text.ts";
import { isBrief, nothingIn, renderBrief } from "./status-brief.ts";
import { isAnyFound } from "./status-filter.ts";
import { describeFolded, foldServers } from "./status-fold.ts";
import { inOrderOfTrouble, isVirtualServerTroubled } from "./status-order.ts";
import { describeOut, renderSummary } from "./status-summary.ts";
import type { StatusView } from "./status-view.ts";
import {
  age,
  describeAsked,
  describeCertificate,
  describeChecked,
  describeChecksWait,
  describeConfiguration,
  describeDaemon,
  describeFailOpen,
  describeLastResort,
  describeParts,
  describeReach,
  describeRequested,
  describeServerBudget,
  describeState,
  describeSuspicion,
  describeTransition,
  describeTrial,
  describeUnchecked,
  describeVerdict,
  describeWay,
  endsSoon,
} from "./status-text.ts";
import { alignTable, type Cell, type Column } from "./text-table.ts";
import { wrapBeside } from "./wrap-beside.ts";
import { cutText } from "./wrap-text.ts";

/** The report for people. Every state is a word, so that nothing is lost without colour. */
export function renderStatus(report: StatusReport, view: StatusView): string {
  const ordered = inOrderOfTrouble(report.virtualServers);
  const wanted = ordered.filter(
    (server) => (view.onlyBad !== true || isVirtualServerTroubled(server)) && isAnyFound(server, view.filter),
  );
  const blocks = isBrief(wanted, view)
    ? [renderBrief(wanted, view)]
    : wanted.map((server) => renderVirtualServer(server, view));
  const notes = [...report.notes, ...(report.elsewhere ?? []).map(describeElsewhere)].map((note) =>
    wrapBeside("note: ", oneLine(note), view),
  );
  const nothing = blocks.length + notes.length === 0 ? [[nothingIn(report, view)]] : [];
  return `${[...blocks, ...notes, ...nothing].map((lines) => lines.map((line) => line.trimEnd()).join("\n")).join("\n\n")}\n`;
}

// --- internal ---

/** Of what is told below the table, where not all real servers are in it. */
const MOST_DETAILS = 3;
/** What changed before is told by how long each has been as it is. */
const LATELY_MS = 600_000;

const NEVER = new Date(0).toISOString();

const INDENT = "  ";
/** With less room than this beside the table, the last check moves below it. */
const NARROWEST_CHECK = 28;

/** Of what is told of a check; longer than what this program itself has to say. */
const LONGEST_CHECK = 160;
const NARROWEST_WORD = 20;

const COLUMNS: readonly Column[] = [
  { title: "REAL SERVER", align: "left" },
  { title: "STATE", align: "left" },
  { title: "FOR", align: "left" },
  { title: "WEIGHT", align: "right" },
  { title: "ACTIVE", align: "right" },
  { title: "INACTIVE", align: "right" },
];

const WIDE_COLUMNS: readonly Column[] = [
  { title: "FORWARDING", align: "left" },
  { title: "CONNECTIONS", align: "right" },
  { title: "PACKETS IN", align: "right" },
  { title: "OUT", align: "right" },
  { title: "BYTES IN", align: "right" },
  { title: "OUT", align: "right" },
];

/** What is in none of them is grey. */
const STATE_COLOURS: ReadonlyMap<string, Colour> = new Map([
  ["healthy", "green"],
  ["draining", "yellow"],
  ["removed", "red"],
  ["recovering", "cyan"],
]);

function renderVirtualServer(server: VirtualServerStatus, view: StatusView): string[] {
  const title = oneLine(describeNamed({ ...server, address: keyOf(server) }));
  const facts = Object.entries(virtualServerFacts(server, view)).flatMap(([name, text]) =>
    wrapBeside(`${INDENT}${name.padEnd(12)}`, oneLine(text), view),
  );
  const kept = view.wide === true ? renderReach(server, view) : [];
  return [
    ...wrapBeside(`${view.paint("bold", title)}  `, renderSummary(server, view.paint), view),
    ...facts,
    "",
    ...renderRealServers(server, view),
    ...kept,
  ];
}

function renderReach({ reach }: VirtualServerStatus, view: StatusView): string[] {
  if (reach === undefined || reach.objects.length === 0) return [];
  const lines = reach.objects.map(
    ({ name, state, since, problem }) =>
      `${name}: ${state} for ${age(since, view.now)}${problem === undefined ? "" : `: ${problem}`}`,
  );
  return [
    "",
    INDENT + view.paint("bold", "REACH"),
    ...lines.flatMap((line) => wrapBeside(INDENT, oneLine(line), view)),
  ];
}

function virtualServerFacts(server: VirtualServerStatus, { now, wide = false }: StatusView): Record<string, string> {
  const { scheduler, dataPlane, daemon, failOpen, lastResort, reach, trial, suspicion, way, discovery } = server;
  const because = dataPlane.because === undefined ? "" : `, because ${dataPlane.because}`;
  const facts = { scheduler, "data plane": `${dataPlane.kind} (${dataPlane.via})${because}` };
  if (daemon === undefined) return { ...facts, daemon: "none" };
  const error = daemon.lastError;
  const { host, page, checked, intervalMs } = daemon;
  return {
    ...facts,
    ...(wide && host !== undefined && { host }),
    ...(wide && checked && { checked: describeChecked(checked, intervalMs) }),
    ...(reach && { reach: describeReach(reach) }),
    ...(way && { way: describeWay(way, now) }),
    daemon: describeDaemon(daemon, now),
    ...(wide && page !== undefined && { page }),
    ...(daemon.configuration && { file: describeConfiguration(daemon.configuration, now) }),
    ...(daemon.checksWait && { checks: describeChecksWait(daemon.checksWait) }),
    ...(daemon.serverBudget && { budget: describeServerBudget(daemon.serverBudget) }),
    ...(discovery && { members: describeDiscovery(discovery, now) }),
    ...(trial && { probe: describeTrial(trial, now) }),
    ...(suspicion && { probe: describeSuspicion(suspicion, now) }),
    ...(failOpen && { "fail-open": describeFailOpen(failOpen, now) }),
    ...(lastResort && { "last resort": describeLastResort(lastResort, now) }),
    applies: `${daemon.applies}, ${daemon.repairs} of them repairs`,
    ...(daemon.failing && { failing: `for ${age(daemon.failing.since, now)}: nothing can be written` }),
    ...(error === undefined ? {} : { "last error": `${age(error.at, now)} ago: ${error.message}` }),
  };
}

function renderRealServers(server: VirtualServerStatus, view: StatusView): string[] {
  const { realServers } = server;
  if (realServers.length === 0) return [`${INDENT}no real servers`];
  const { servers, folded } = foldServers(server, view);
  const isAsked = view.onlyBad === true || (view.filter ?? "") !== "";
  const hint = isAsked ? "" : " (--all shows them)";
  const remainder = folded.length === 0 ? [] : [`${INDENT}${describeFolded(folded, servers.length)}${hint}`];
  if (servers.length === 0) return remainder;
  const isFolded = folded.length > 0 && !isAsked;
  const { paint, now, width = Number.POSITIVE_INFINITY } = view;
  const table = alignTable(
    view.wide === true ? [...COLUMNS, ...WIDE_COLUMNS] : COLUMNS,
    servers.map((server) => [...renderCells(server, now), ...(view.wide === true ? renderTraffic(server) : [])]),
    paint,
  );
  const checks = servers.map(({ lastVerdict, unchecked }) => {
    if (unchecked !== undefined) return brief(describeUnchecked(unchecked, now));
    return lastVerdict && brief(describeVerdict(lastVerdict, now));
  });
  const changes = servers.map(({ lastTransition, lastRequest }) => {
    const isRequestLater = Date.parse(lastRequest?.at ?? "") >= Date.parse(lastTransition?.at ?? NEVER);
    const last = isRequestLater ? lastRequest : lastTransition;
    if (last === undefined || now.getTime() - Date.parse(last.at) > LATELY_MS) return undefined;
    return brief("asks" in last ? describeRequested(last, now) : describeTransition(last, now));
  });
  const holds = servers.map((one) => describeHeld(one, now));
  const certificates = servers.map(({ certificate }) => {
    if (certificate === undefined || (view.wide !== true && !endsSoon(certificate, now))) return undefined;
    return oneLine(describeCertificate(certificate, now));
  });
  const parts = servers.map(({ checks: all }) => all && oneLine(describeParts(all)));
  const column = INDENT.length + table.width + 2;
  const beside = checks.some((check) => check !== undefined) && width - column >= NARROWEST_CHECK;

  const lines = table.lines.flatMap((line, at) => {
    if (!beside) return [INDENT + line];
    if (at === 0) return [`${INDENT}${line}  ${paint("bold", "LAST CHECK")}`];
    const text = checks[at - 1] ?? "-";
    if (isFolded) return [`${INDENT}${line}  ${cutText(text, width - column)}`];
    return wrapBeside(`${INDENT}${line}  `, inWords(text, width - column), view);
  });
  const details = (title: string, texts: readonly (string | undefined)[]): string[] =>
    renderDetails(title, servers, texts, isFolded ? MOST_DETAILS : undefined, view);
  return [
    ...lines,
    ...remainder,
    ...(beside ? [] : details("LAST CHECK", checks)),
    ...details("CHECKS", parts),
    ...details("CERTIFICATE", certificates),
    ...details("HELD", holds),
    ...details("LAST CHANGE", changes),
  ];
}

/** `drained, 7s ago by alice`, and who else wants it so. */
function describeHeld(server: RealServerStatus, now: Date): string | undefined {
  const { hold, asked, stateSince } = server;
  const held = hold && `${describeHold(hold)}, ${age(hold.since, now)} ago by ${hold.by ?? "an operator"}`;
  const out = isListedDrained(server) && hold?.drained !== true ? outOfService(server) : undefined;
  const listed = out && describeOut(out) + (stateSince === undefined ? "" : `, ${age(stateSince, now)} ago`);
  const all = [held, listed, asked && describeAsked(asked)].filter((one) => one !== undefined);
  return all.length === 0 ? undefined : all.join("; ");
}

/** What a check found may have been written by a program or a server: JSON has all of it. */
function brief(text: string): string {
  return cutText(oneLine(text), LONGEST_CHECK);
}

/** No word is longer than the room for it. */
function inWords(text: string, room: number): string {
  const longest = Math.max(room, NARROWEST_WORD);
  return text
    .split(" ")
    .map((word) => cutText(word, longest))
    .join(" ");
}

function renderCells(server: RealServerStatus, now: Date): Cell[] {
  const { state, stateSince, weight, activeConnections, inactiveConnections } = server;
  return [
    { text: oneLine(describeNamed(server)) },
    { text: describeState(server), colour: STATE_COLOURS.get(state) ?? "grey" },
    { text: stateSince === undefined ? "-" : age(stateSince, now) },
    { text: weight === undefined ? "-" : String(weight) },
    { text: String(activeConnections) },
    { text: String(inactiveConnections) },
  ];
}

function renderTraffic({ forwarding, stats }: RealServerStatus): Cell[] {
  const numbers = stats && [stats.connections, stats.inPackets, stats.outPackets, stats.inBytes, stats.outBytes];
  const figures = WIDE_COLUMNS.slice(1).map((_, at) => ({ text: numbers === undefined ? "-" : String(numbers[at]) }));
  return [{ text: forwarding ?? "-" }, ...figures];
}

/** A section with a line for each real server that has an entry in it. */
function renderDetails(
  title: string,
  servers: readonly RealServerStatus[],
  texts: readonly (string | undefined)[],
  most: number | undefined,
  view: StatusView,
): string[] {
  const titles = servers.map((server) => oneLine(describeNamed(server)));
  const widest = Math.max(...titles.map(({ length }) => length));
  const told = titles.flatMap((name, at) => {
    const text = texts[at];
    return text === undefined ? [] : [{ prefix: `${INDENT}${name.padEnd(widest)}  `, text }];
  });
  if (told.length === 0) return [];
  const room = view.width ?? Number.POSITIVE_INFINITY;
  const lines =
    most === undefined
      ? told.flatMap(({ prefix, text }) => wrapBeside(prefix, inWords(text, room - prefix.length), view))
      : told.slice(0, most).map(({ prefix, text }) => cutText(prefix + text, room));
  const more = most !== undefined && told.length > most ? [`${INDENT}… ${told.length - most} more of those above`] : [];
  return ["", INDENT + view.paint("bold", title), ...lines, ...more];
}
