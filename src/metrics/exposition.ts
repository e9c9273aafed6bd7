import type { Histogram } from "./histogram.ts";

export type Labels = Readonly<Record<string, string>>;

/** Prometheus' text format, version 0.0.4. A family appears once, with the samples of all its sources. */
export class Exposition {
  #common: Labels = {};
  /** By the family's name: its head, and its samples. */
  readonly #families = new Map<string, string[]>();

  /** Labels of every sample from now on. */
  label(common: Labels): void {
    this.#common = common;
  }

  /** A metric with its samples; one without samples is left out. */
  family(name: string, type: "gauge" | "counter", help: string, samples: readonly (readonly [Labels, number])[]): void {
    if (samples.length === 0) return;
    const lines = this.#linesOf(name, type, help);
    for (const [labels, value] of samples) lines.push(this.#sample(name, labels, value));
  }

  histogram(name: string, help: string, histogram: Histogram): void {
    const lines = this.#linesOf(name, "histogram", help);
    for (const [bound, count] of histogram.cumulative())
      lines.push(this.#sample(`${name}_bucket`, { le: String(bound) }, count));
    lines.push(
      this.#sample(`${name}_bucket`, { le: "+Inf" }, histogram.count),
      this.#sample(`${name}_sum`, {}, histogram.sum),
      this.#sample(`${name}_count`, {}, histogram.count),
    );
  }

  toString(): string {
    return `${[...this.#families.values()].flat().join("\n")}\n`;
  }

  // --- internal ---

  #linesOf(name: string, type: string, help: string): string[] {
    let lines = this.#families.get(name);
    if (lines === undefined) this.#families.set(name, (lines = [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`]));
    return lines;
  }

  #sample(name: string, labels: Labels, value: number): string {
    const pairs = Object.entries({ ...this.#common, ...labels }).map(([key, text]) => `${key}="${escape(text)}"`);
    return `${name}{${pairs.join(",")}} ${value}`;
  }
}

// --- internal ---

function escape(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
