import type { Histogram } from "./histogram.ts";

export type Labels = Readonly<Record<string, string>>;

/** Prometheus' text format, version 0.0.4. */
export class Exposition {
  readonly #common: Labels;
  readonly #lines: string[] = [];

  /** Labels that every sample bears. */
  constructor(common: Labels) {
    this.#common = common;
  }

  /** A metric with all its samples; one without samples is left out. */
  family(name: string, type: "gauge" | "counter", help: string, samples: readonly (readonly [Labels, number])[]): void {
    if (samples.length === 0) return;
    this.#head(name, type, help);
    for (const [labels, value] of samples) this.#sample(name, labels, value);
  }

  histogram(name: string, help: string, histogram: Histogram): void {
    this.#head(name, "histogram", help);
    for (const [bound, count] of histogram.cumulative()) this.#sample(`${name}_bucket`, { le: String(bound) }, count);
    this.#sample(`${name}_bucket`, { le: "+Inf" }, histogram.count);
    this.#sample(`${name}_sum`, {}, histogram.sum);
    this.#sample(`${name}_count`, {}, histogram.count);
  }

  toString(): string {
    return `${this.#lines.join("\n")}\n`;
  }

  // --- internal ---

  #head(name: string, type: string, help: string): void {
    this.#lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`);
  }

  #sample(name: string, labels: Labels, value: number): void {
    const pairs = Object.entries({ ...this.#common, ...labels }).map(([key, text]) => `${key}="${escape(text)}"`);
    this.#lines.push(`${name}{${pairs.join(",")}} ${value}`);
  }
}

// --- internal ---

function escape(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
