import { systemFacts, type SystemFacts } from "./machine-facts.ts";

/** One line of a result: what was measured of us and of the peer, in the same run. */
export interface Measure {
  readonly what: string;
  readonly unit: string;
  readonly ours: number;
  /** Of another program beside ours. */
  readonly third?: number;
  /** Undefined where there is nobody to compare with. */
  readonly peer?: number;
  /** What we want, in words. */
  readonly goal?: string;
  readonly isMet?: boolean;
}

/** One of what may never have been, as a server that is out of service before anybody has found it dead. */
export interface Sought extends Omit<Measure, "ours" | "peer"> {
  readonly ours: number | undefined;
  readonly peer: number | undefined;
  /** What to say of whoever has no number. */
  readonly never: string;
}

/** What a bench tells whoever started it. */
export interface Report {
  readonly system: SystemFacts;
  readonly measures: readonly (Measure | Sought)[];
}

const MARK = "RESULT ";

/** To be called once by each bench, at its end. */
export function report(measures: readonly (Measure | Sought)[]): void {
  const told: Report = { system: systemFacts(), measures };
  process.stdout.write(`${MARK}${JSON.stringify(told)}\n`);
}

/** Of a line that a bench printed. */
export function isReport(line: string): boolean {
  return line.startsWith(MARK);
}

export function readReport(output: string): Report | undefined {
  const line = output.split("\n").findLast(isReport);
  return line === undefined ? undefined : (JSON.parse(line.slice(MARK.length)) as Report);
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const [low, high] = [sorted[Math.ceil(sorted.length / 2) - 1], sorted[Math.floor(sorted.length / 2)]];
  return low === undefined || high === undefined ? Number.NaN : (low + high) / 2;
}
