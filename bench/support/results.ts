import { join } from "node:path";
import type { MachineFacts } from "./machine-facts.ts";
import type { Measure } from "./measures.ts";

/** What one bench measured, as it is kept. */
export interface Result {
  readonly date: string;
  readonly machine: MachineFacts;
  readonly seconds: number;
  /** One round of each only: a glance, not a measurement. */
  readonly isQuick: boolean;
  readonly measures: readonly Measure[];
}

/** What there is to say of a bench beside its numbers. */
export interface Described {
  readonly about: string;
  /** Why it may miss a goal. */
  readonly why?: string;
}

const FOLDER = join(import.meta.dir, "..");

export async function writeResult(name: string, result: Result): Promise<void> {
  await Bun.write(join(FOLDER, "results", `${name}.json`), `${JSON.stringify(result, undefined, 2)}\n`);
}

/** `RESULTS.md` anew, from what is kept of each bench. */
export async function writeSummary(benches: Readonly<Record<string, Described>>): Promise<void> {
  const parts = [
    "# Benchmarks",
    "",
    "The last run of each, as `bun run bench <name> --write` makes it; `results/` has the same as JSON. Where there is a peer, it and ours take",
    "turns in one run: compare them with each other only, above all where processors are emulated.",
    "",
  ];
  for (const [name, { about, why }] of Object.entries(benches)) {
    const file = Bun.file(join(FOLDER, "results", `${name}.json`));
    if (!(await file.exists())) continue;
    const result = (await file.json()) as Result;
    const { machine, date, seconds, isQuick } = result;
    parts.push(
      `## ${name}`,
      "",
      `${about[0]?.toUpperCase()}${about.slice(1)}.`,
      "",
      resultTable(result.measures),
      "",
      ...(why !== undefined && result.measures.some(({ isMet }) => isMet === false)
        ? [`What is missed: ${why}`, ""]
        : []),
      `${isQuick ? "**A quick run: one round of each.** " : ""}${date}, ${Math.round(seconds)} s, commit ${machine.commit}, ${machine.where === "vm" ? "in the test VM (QEMU, processors emulated in software) on " : ""}` +
        `${machine.processors} × ${machine.model}, ${machine.memoryGib} GiB, Linux ${machine.kernel}, Bun ${machine.bun}` +
        `${Object.entries(machine.peers)
          .map(([peer, version]) => `, ${peer} ${version}`)
          .join("")}.`,
      "",
    );
  }
  await Bun.write(join(FOLDER, "RESULTS.md"), parts.join("\n"));
}

export function resultTable(measures: readonly Measure[]): string {
  const hasThird = measures.some(({ third }) => third !== undefined);
  const rows = measures.map(({ what, unit, ours, peer, third, goal, isMet }) => {
    const cell = (value: number | undefined): string => (value === undefined ? "" : `${rounded(value)} ${unit}`.trim());
    const verdict = goal === undefined ? "" : `${goal}: ${isMet === true ? "reached" : "**missed**"}`;
    return `| ${[what, cell(ours), cell(peer), ...(hasThird ? [cell(third)] : []), verdict].join(" | ")} |`;
  });
  const heads = ["measure", "ours", "peer", ...(hasThird ? ["third"] : []), "goal"];
  return [`| ${heads.join(" | ")} |`, `|${heads.map(() => "---").join("|")}|`, ...rows].join("\n");
}

// --- internal ---

function rounded(value: number): string {
  if (!Number.isFinite(value)) return "?";
  return Math.abs(value) >= 100 ? String(Math.round(value)) : String(Number(value.toPrecision(3)));
}
