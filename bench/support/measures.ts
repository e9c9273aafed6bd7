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

const MARK = "RESULT ";

/** To be called once by each bench, at its end. */
export function report(measures: readonly Measure[]): void {
  process.stdout.write(`${MARK}${JSON.stringify(measures)}\n`);
}

export function readReport(output: string): readonly Measure[] | undefined {
  const line = output.split("\n").findLast((text) => text.startsWith(MARK));
  return line === undefined ? undefined : (JSON.parse(line.slice(MARK.length)) as Measure[]);
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? Number.NaN;
}
