import { join } from "node:path";
import { labNamed } from "../../test/kernel/harness/labs.ts";
import type { MachineFacts } from "./machine-facts.ts";
import type { Measure, Sought } from "./measures.ts";

/** What one bench measured, as it is kept. */
export interface Result {
  readonly date: string;
  readonly machine: MachineFacts;
  readonly seconds: number;
  /** One round of each only: a glance, not a measurement. */
  readonly isQuick: boolean;
  readonly measures: readonly (Measure | Sought)[];
}

/** What there is to say of a bench beside its numbers. */
export interface Described {
  readonly about: string;
  /** Where it runs: names of labs, and `here` for this machine itself. */
  readonly where: readonly string[];
  /** Why it may miss a goal. */
  readonly why?: string;
}

const FOLDER = join(import.meta.dir, "..");

export async function writeResult(name: string, result: Result): Promise<void> {
  await Bun.write(pathOf(name, result.machine.where), `${JSON.stringify(result, undefined, 2)}\n`);
}

/** `RESULTS.md` anew, from what is kept of each bench. */
export async function writeSummary(benches: Readonly<Record<string, Described>>): Promise<void> {
  const parts = [
    "# Benchmarks",
    "",
    "The last run of each, as `bun run bench <name> --write` makes it; `results/` has the same as JSON. Where there is a peer, it and ours take",
    "turns in one run: compare them with each other only, within one lab.",
    "",
  ];
  for (const [name, bench] of Object.entries(benches)) {
    const kept = (await Promise.all(bench.where.map((where) => readResult(name, where)))).filter(
      (one) => one !== undefined,
    );
    if (kept.length === 0) continue;
    const { about } = bench;
    parts.push(`## ${name}`, "", `${about[0]?.toUpperCase()}${about.slice(1)}.`, "");
    for (const result of kept) parts.push(...describe(result, bench, kept.length > 1));
  }
  await Bun.write(join(FOLDER, "RESULTS.md"), parts.join("\n"));
}

export function resultTable(measures: readonly (Measure | Sought)[]): string {
  const hasThird = measures.some(({ third }) => third !== undefined);
  const rows = measures.map((measure) => {
    const { what, unit, ours, peer, third, goal, isMet } = measure;
    const nothing = "never" in measure ? measure.never : "";
    const cell = (value: number | undefined): string =>
      value === undefined ? nothing : `${rounded(value)} ${unit}`.trim();
    const verdict = goal === undefined ? "" : `${goal}: ${isMet === true ? "reached" : "**missed**"}`;
    return `| ${[what, cell(ours), cell(peer), ...(hasThird ? [third === undefined ? "" : cell(third)] : []), verdict].join(" | ")} |`;
  });
  const heads = ["measure", "ours", "peer", ...(hasThird ? ["third"] : []), "goal"];
  return [`| ${heads.join(" | ")} |`, `|${heads.map(() => "---").join("|")}|`, ...rows].join("\n");
}

// --- internal ---

function pathOf(name: string, where: string): string {
  return join(FOLDER, "results", `${name}.${where}.json`);
}

async function readResult(name: string, where: string): Promise<Result | undefined> {
  const file = Bun.file(pathOf(name, where));
  return (await file.exists()) ? ((await file.json()) as Result) : undefined;
}

function describe(
  { machine, date, seconds, isQuick, measures }: Result,
  { why }: Described,
  isOneOfSeveral: boolean,
): string[] {
  const isMissed = measures.some(({ isMet }) => isMet === false);
  const peers = Object.entries(machine.peers).map(([peer, version]) => `, ${peer} ${version}`);
  return [
    ...(isOneOfSeveral ? [`### ${name(machine.where)}`, ""] : []),
    resultTable(measures),
    "",
    ...(why !== undefined && isMissed ? [`What is missed: ${why}`, ""] : []),
    `${isQuick ? "**A quick run: one round of each.** " : ""}${date}, ${Math.round(seconds)} s, commit ${machine.commit}, ` +
      `${machine.where === "here" ? "" : `in the lab ${name(machine.where)} on `}` +
      `${machine.processors} × ${machine.model}, ${machine.memoryGib} GiB, Linux ${machine.kernel}, Bun ${machine.bun}${peers.join("")}.`,
    "",
  ];
}

function name(where: string): string {
  return where === "here" ? "this machine" : `\`${where}\` (${labNamed(where).about})`;
}

function rounded(value: number): string {
  if (!Number.isFinite(value)) return "?";
  return Math.abs(value) >= 100 ? String(Math.round(value)) : String(Number(value.toPrecision(3)));
}
