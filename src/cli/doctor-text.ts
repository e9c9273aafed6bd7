import { oneLine } from "../config/one-line.ts";
import type { DoctorReport, Finding, FindingState } from "../domain/finding.ts";
import type { Colour, Paint } from "./colour.ts";
import { wrapWords } from "./wrap-text.ts";

export interface DoctorView {
  /** Columns to stay within; undefined for as many as it takes. */
  readonly width: number | undefined;
  readonly paint: Paint;
}

/** The report for people: problems last, where they are seen, each followed by what to do. Every state is a word. */
export function renderDoctor(report: DoctorReport, view: DoctorView): string {
  const { findings } = report;
  const column = Math.max(...findings.map(({ check }) => check.length), 0) + STATE_WIDTH + 2 * GAP.length;
  const lines = ORDER.flatMap((state) => findings.filter((finding) => finding.state === state)).flatMap((finding) =>
    renderFinding(finding, column, view),
  );
  return [...lines, "", ...summary(report, view), ""].join("\n");
}

// --- internal ---

const GAP = "  ";
const STATE_WIDTH = "problem".length;
const ORDER: readonly FindingState[] = ["ok", "unknown", "note", "problem"];
const COLOURS: Readonly<Record<FindingState, Colour>> = {
  ok: "green",
  unknown: "grey",
  note: "yellow",
  problem: "red",
};

function renderFinding(
  finding: Finding,
  column: number,
  { width = Number.POSITIVE_INFINITY, paint }: DoctorView,
): string[] {
  const { state, check, message, remedy, virtualServer, realServer } = finding;
  const target = [virtualServer, realServer].filter((one) => one !== undefined).join(" → ");
  const text = target === "" ? message : `${target}: ${message}`;
  const room = width - column;
  const texts = [
    ...wrapWords(words(oneLine(text)), room),
    ...(remedy === undefined ? [] : wrapWords(words(`→ ${oneLine(remedy)}`), room)),
  ];
  const heading = `${paint(COLOURS[state], state)}${" ".repeat(STATE_WIDTH - state.length)}${GAP}${check}`;
  const indent = " ".repeat(column - STATE_WIDTH - GAP.length - check.length);
  return texts.map((line, at) => (at === 0 ? heading + indent : " ".repeat(column)) + line);
}

/** A command is copied as a whole, so it is not broken where it fits on a line at all. */
function words(text: string): string[] {
  return text.match(/(?:`[^`]*`|\S)+/g) ?? [];
}

function summary(
  { counts, virtualServers }: DoctorReport,
  { paint, width = Number.POSITIVE_INFINITY }: DoctorView,
): string[] {
  const examined = virtualServers.length === 0 ? "no virtual server stands on this host" : virtualServers.join(", ");
  const { problem, note, unknown, ok } = counts;
  const line = `${plural(problem, "problem")}, ${plural(note, "note")}, ${unknown} unknown, ${ok} ok`;
  return [...wrapWords(`examined: this host; ${oneLine(examined)}`.split(" "), width), paint("bold", line)];
}

function plural(count: number, noun: string): string {
  return count === 1 ? `1 ${noun}` : `${count === 0 ? "no" : count} ${noun}s`;
}
