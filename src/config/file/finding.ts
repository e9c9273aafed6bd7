import type { Place } from "./place.ts";

/** Every kind of problem with a configuration; programs may rely on them. */
export type FindingCode =
  | "syntax"
  | "encoding"
  | "twice"
  | "unknown"
  | "type"
  | "range"
  | "choice"
  | "missing"
  | "version"
  | "limit"
  | "include"
  | "file"
  | "identity"
  | "same-vs"
  | "same-name"
  | "same-rs"
  | "self"
  | "family"
  | "loopback"
  | "plane"
  | "conflict"
  | "weightless"
  | "meaningless"
  | "probe-time"
  | "probe-none"
  | "unknown-probe";

/** A problem with a configuration, before anybody looked where its place is in the text. */
export interface Finding {
  readonly code: FindingCode;
  readonly severity: "error" | "warning";
  readonly place: Place;
  /** What of the place is meant: its key (an item's beginning), or its value. */
  readonly at: "key" | "value";
  readonly message: string;
  readonly hint?: string;
  /** Another place, which ends the message: `first in line 4`. */
  readonly other?: Place;
  /** The key that is meant by this unknown one. */
  readonly meant?: string;
  /** Keys that are missing at the place, one of which would do. */
  readonly lacks?: readonly string[];
}

/** A problem with a configuration and where it is. */
export interface ConfigProblem {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** From 1, in code points. */
  readonly column: number;
  /** `virtual-servers[1].real-servers[0].weight`; empty for a whole file. */
  readonly path: string;
  readonly severity: "error" | "warning";
  readonly code: FindingCode;
  readonly message: string;
  /** What to do about it. */
  readonly hint?: string;
}

/** One line: `care.yaml:3:5: error: virtual-servers[0].fall: 0 is less than 1`. */
export function formatProblem({ file, line, column, path, severity, message, hint }: ConfigProblem): string {
  const what = `${path === "" ? "" : `${path}: `}${message}${hint === undefined ? "" : `; ${hint}`}`;
  return `${file}:${line}:${column}: ${severity}: ${what}`;
}

/** The first of them, and how many more there are. */
export function formatProblems(problems: readonly ConfigProblem[]): string[] {
  return listFindings(problems.map(formatProblem));
}

/** The same of lines. */
export function listFindings(lines: readonly string[]): string[] {
  const more = lines.length - MOST_SHOWN;
  return more > 0 ? [...lines.slice(0, MOST_SHOWN), `… and ${more} more`] : [...lines];
}

/** What was found so far; the same thing may be found twice. */
export class Findings {
  readonly #list: Finding[];

  constructor(found: readonly Finding[] = []) {
    this.#list = [...found];
  }

  /** Who misspelt a key is not told as well that it is missing. */
  get list(): readonly Finding[] {
    const misspelt = new Map<Place | "defaults", Set<string>>();
    for (const { meant, place } of this.#list) {
      if (meant === undefined || place.parent === undefined) continue;
      const level = isDefaults(place.parent) ? "defaults" : place.parent;
      misspelt.set(level, (misspelt.get(level) ?? new Set()).add(meant));
    }
    if (misspelt.size === 0) return this.#list;
    return this.#list.filter(({ place, lacks = [] }) => {
      const levels = isVirtualServer(place) ? ([place, "defaults"] as const) : [place];
      return !lacks.some((key) => levels.some((level) => misspelt.get(level)?.has(key) === true));
    });
  }

  error(code: FindingCode, place: Place, message: string, more: Partial<Finding> = {}): void {
    this.#list.push({ code, severity: "error", place, at: "value", message, ...more });
  }

  warning(code: FindingCode, place: Place, message: string, more: Partial<Finding> = {}): void {
    this.#list.push({ code, severity: "warning", place, at: "value", message, ...more });
  }
}

// --- internal ---

const MOST_SHOWN = 100;

function isDefaults({ key, parent }: Place): boolean {
  return key === "defaults" && parent !== undefined && parent.key === undefined;
}

function isVirtualServer({ key, parent }: Place): boolean {
  return typeof key === "number" && parent?.key === "virtual-servers";
}
