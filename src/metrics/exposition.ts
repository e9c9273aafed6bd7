import type { MetricsFormat } from "../domain/metrics-format.ts";
import type { Histogram } from "./histogram.ts";
import { FAMILIES, unitOf, type Family, type FamilyOf, type OwnLabels, type Subject } from "./families.ts";

/** Metrics in a format that Prometheus reads. A family appears once, with the samples of all its sources. */
export class Exposition {
  readonly #format: MetricsFormat;
  /** As they are written, each followed by a comma. */
  #ofVirtualServer = "";
  /** The one of the last sample, and how that is written: mostly the next one is of it, too. */
  #realServer: string | undefined;
  #ofRealServer = "";
  /** By the family's name: its head, and its samples. */
  readonly #families = new Map<FamilyOf<Subject>, string[]>();

  constructor(format: MetricsFormat) {
    this.#format = format;
  }

  /** Whose samples follow. */
  begin(virtualServer: { readonly address: string; readonly protocol: string }): void {
    this.#realServer = undefined;
    this.#ofVirtualServer = written({ virtual_server: virtualServer.address, protocol: virtualServer.protocol });
  }

  ofProcess<Name extends FamilyOf<"process">>(name: Name, labels: OwnLabels<Name>, value: number): void {
    this.#sample(name, written(labels), value);
  }

  ofVirtualServer<Name extends FamilyOf<"virtual server">>(name: Name, labels: OwnLabels<Name>, value: number): void {
    this.#sample(name, `${this.#ofVirtualServer}${written(labels)}`, value);
  }

  ofRealServer<Name extends FamilyOf<"real server">>(
    name: Name,
    realServer: string,
    labels: OwnLabels<Name>,
    value: number,
  ): void {
    if (this.#realServer !== realServer) {
      this.#realServer = realServer;
      this.#ofRealServer = `${this.#ofVirtualServer}${written({ real_server: realServer })}`;
    }
    this.#sample(name, `${this.#ofRealServer}${written(labels)}`, value);
  }

  histogram(name: FamilyOf<"virtual server">, histogram: Histogram): void {
    const lines = this.#linesOf(name);
    const labels = this.#ofVirtualServer;
    for (const [bound, count] of histogram.cumulative())
      lines.push(sample(`${name}_bucket`, `${labels}le="${this.#bound(bound)}",`, count));
    lines.push(
      sample(`${name}_bucket`, `${labels}le="+Inf",`, histogram.count),
      sample(`${name}_sum`, labels, histogram.sum),
      sample(`${name}_count`, labels, histogram.count),
    );
  }

  toString(): string {
    const end = this.#format === "openmetrics" ? "# EOF\n" : "";
    return `${[...this.#families.values()].map((lines) => `${lines.join("\n")}\n`).join("")}${end}`;
  }

  // --- internal ---

  #sample(name: FamilyOf<Subject>, labels: string, value: number): void {
    this.#linesOf(name).push(sample(name, labels, value));
  }

  #linesOf(name: FamilyOf<Subject>): string[] {
    let lines = this.#families.get(name);
    if (lines === undefined) this.#families.set(name, (lines = this.#head(familyOf(name))));
    return lines;
  }

  #head(family: Family): string[] {
    const { name, type, help } = family;
    if (this.#format === "text")
      return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type === "info" ? "gauge" : type}`];
    // What the kind of a metric adds to its name there is not part of the name.
    const bare = name.replace(type === "counter" ? /_total$/ : /_info$/, "");
    const unit = unitOf(family);
    return [
      `# TYPE ${bare} ${type}`,
      ...(unit === undefined ? [] : [`# UNIT ${bare} ${unit}`]),
      `# HELP ${bare} ${help}`,
    ];
  }

  /** In OpenMetrics a bound is written as what it is, a number with a fraction. */
  #bound(bound: number): string {
    return this.#format === "openmetrics" && Number.isInteger(bound) ? bound.toFixed(1) : String(bound);
  }
}

// --- internal ---

const BY_NAME: ReadonlyMap<string, Family> = new Map(
  Object.values(FAMILIES).flatMap((families) => families.map((family) => [family.name, family])),
);

function familyOf(name: FamilyOf<Subject>): Family {
  const family = BY_NAME.get(name);
  if (family === undefined) throw new Error(`${name} is not in the table of metrics`);
  return family;
}

function sample(name: string, labels: string, value: number): string {
  return labels === "" ? `${name} ${value}` : `${name}{${labels.slice(0, -1)}} ${value}`;
}

function written(labels: Readonly<Record<string, string>>): string {
  let text = "";
  for (const key in labels) text += `${key}="${escape(labels[key] ?? "")}",`;
  return text;
}

function escape(text: string): string {
  // Hardly any text needs it, and there are many of them.
  if (!/["\\\n]/.test(text)) return text;
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
