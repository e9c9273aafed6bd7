import { oneLine } from "../config/one-line.ts";
import { countSteps, type DryRun, type DryRunPlan, type DryRunSign, type DryRunStep } from "../domain/dry-run.ts";
import type { Colour, Paint } from "./colour.ts";

/** What would be done, a line for each step, and in the last line how many there are. */
export function renderDryRun(dryRun: DryRun, paint: Paint): string {
  const { plans, warnings } = dryRun;
  const lines = [
    ...warnings.map((warning) => `${paint(COLOURS["!"], "!")} ${oneLine(warning)}`),
    ...plans.flatMap((plan) => renderPlan(plan, paint)),
    paint("bold", summary(dryRun)),
  ];
  return lines.map((line) => `${line}\n`).join("");
}

// --- internal ---

const COLOURS: Readonly<Record<DryRunSign, Colour>> = {
  "+": "green",
  "~": "yellow",
  "-": "red",
  "=": "grey",
  "!": "red",
};

/** Short subjects are filled up to this. */
const SUBJECT_WIDTH = 10;
/** Remarks stand below each other as far as what is before them is no longer. */
const LONGEST_ALIGNED = 56;

function renderPlan({ virtualServer, caretaker, steps }: DryRunPlan, paint: Paint): string[] {
  const heading = caretaker === undefined ? virtualServer : `${virtualServer}, ${caretaker} cares for it`;
  const beginnings = steps.map((step) => (step.remark === undefined ? 0 : Bun.stringWidth(beginningOf(step))));
  const width = Math.max(0, ...beginnings.filter((one) => one <= LONGEST_ALIGNED));
  return [oneLine(heading), ...steps.map((step) => renderStep(step, width, paint))];
}

function renderStep(step: DryRunStep, width: number, paint: Paint): string {
  const sign = paint(COLOURS[step.sign], step.sign);
  const beginning = beginningOf(step);
  if (step.remark === undefined) return `  ${sign} ${beginning}`;
  if (beginning === "") return `  ${sign} ${oneLine(step.remark)}`;
  const fill = " ".repeat(Math.max(0, width - Bun.stringWidth(beginning)));
  return `  ${sign} ${beginning}${fill}  ${oneLine(step.remark)}`;
}

function beginningOf({ subject, change }: DryRunStep): string {
  return oneLine(change === undefined ? subject : `${subject.padEnd(SUBJECT_WIDTH)}  ${change}`);
}

/** `4 changes, 1 warning; nothing was done` */
function summary(dryRun: DryRun): string {
  const { changes, warnings } = countSteps(dryRun);
  const warned = warnings === 0 ? "" : `, ${count(warnings, "warning")}`;
  return changes === 0 ? `nothing to do${warned}` : `${count(changes, "change")}${warned}; nothing was done`;
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}
