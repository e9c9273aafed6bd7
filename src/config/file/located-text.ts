import type { Document, Node, YAMLMap, YAMLParseError, YAMLSeq } from "yaml";
import type { Finding } from "./finding.ts";
import type { ParsedDocument } from "./parse-document.ts";
import { formatPlace, keysOf, rootPlace, within, type Place } from "./place.ts";
import { syntaxHint } from "./syntax-hint.ts";

type Yaml = typeof import("yaml");
interface Parsed extends Pick<Document.Parsed, "contents"> {
  readonly errors: readonly Pick<YAMLParseError, "code" | "message" | "pos">[];
}

export interface LocatedFinding {
  readonly offset: number;
  readonly finding: Finding;
  /** Where it was before, when that is no place of its own. */
  readonly otherOffset?: number;
}

/** One file, with the places of what is in it. */
export class LocatedText {
  readonly name: string;
  readonly #yaml: Yaml;
  readonly #text: string;
  readonly #index: number;
  #known: Parsed | undefined;
  readonly #hidden: LocatedFinding[] = [];
  /** What aliases stand for. */
  readonly #targets = new Map<Node, Node>();
  readonly #lineStarts: readonly number[];

  /** Why there are no values, where that has a place by itself. */
  readonly #failedAt: number | undefined;

  constructor(yaml: Yaml, { name, text, failure }: ParsedDocument, index: number) {
    this.name = name;
    this.#failedAt = failure?.offset;
    this.#yaml = yaml;
    this.#text = text;
    this.#lineStarts = [0, ...Array.from(text.matchAll(/\n/g), ({ index: at }) => at + 1)];
    this.#index = index;
  }

  /**
   * Keys that are given twice, or merged in: a reading of values does not see them. A text that this parser cannot read,
   * though the quick one could, may have such keys: it is refused.
   */
  get hidden(): readonly LocatedFinding[] {
    const [error] = this.#document.errors;
    if (error === undefined) return this.#hidden;
    const place = rootPlace(this.#index);
    return [this.locate({ code: "syntax", severity: "error", place, at: "value", message: error.message })];
  }

  locate(finding: Finding): LocatedFinding {
    // Of what is too much as a whole, nobody looks for a place.
    if (finding.place.key === undefined && finding.code === "limit") return { offset: 0, finding };
    if (finding.place.key === undefined && this.#failedAt !== undefined) return { offset: this.#failedAt, finding };
    const { errors } = this.#document;
    if (finding.place.key === undefined && finding.code === "type") {
      const several = errors.find(({ code }) => code === "MULTIPLE_DOCS");
      const message = "another document begins here; a configuration is one";
      if (several !== undefined) return { offset: several.pos[0], finding: { ...finding, code: "syntax", message } };
    }
    const [error] = errors;
    if (finding.code !== "syntax" || error === undefined) return { offset: this.offsetOf(finding), finding };
    const kind = this.name.endsWith(".json") ? "JSON" : "YAML";
    const [offset] = error.pos;
    const opening = LACKS_END.test(error.message) ? this.#unclosed() : this.#openQuote();
    if (opening !== undefined)
      return {
        offset: opening,
        finding: { ...finding, message: `this is no ${kind}: ${this.#text[opening]} is not closed` },
      };
    const message = `this is no ${kind}: ${error.message.charAt(0).toLowerCase()}${error.message.slice(1)}`;
    const hint = syntaxHint(error.code, this.#lineWith(offset), this.#restFrom(offset));
    return { offset, finding: { ...finding, message, ...(hint !== undefined && { hint }) } };
  }

  /** By place, each once, with line and column from 1. */
  inOrder(
    findings: readonly LocatedFinding[],
  ): { readonly located: LocatedFinding; readonly path: string; readonly line: number; readonly column: number }[] {
    const known = new Set<string>();
    let [line, counted, column] = [0, 0, 1];
    return findings
      .toSorted((a, b) => a.offset - b.offset)
      .flatMap((located) => {
        const { offset, finding } = located;
        while ((this.#lineStarts[line + 1] ?? Number.POSITIVE_INFINITY) <= offset) {
          line++;
          [counted, column] = [this.#lineStarts[line] ?? 0, 1];
        }
        // Lines may be long, and have many problems.
        column += codePoints(this.#text.slice(counted, offset));
        counted = Math.max(counted, offset);
        const path = formatPlace(finding.place);
        const key = `${path}\n${finding.message}`;
        if (known.has(key)) return [];
        known.add(key);
        return [{ located, path, line: line + 1, column }];
      });
  }

  /** From 1. */
  lineOf(offset: number): number {
    const after = this.#lineStarts.findIndex((start) => start > offset);
    return after === -1 ? this.#lineStarts.length : after;
  }

  /** The beginning of a file when nothing is known. */
  offsetOf({ place, at }: Pick<Finding, "place" | "at">): number {
    const { isMap, isSeq } = this.#yaml;
    const keys = keysOf(place);
    let node: unknown = this.#document.contents;
    let offset = startOf(node) ?? 0;
    for (const [index, key] of keys.entries()) {
      const parent = this.#targets.get(node as Node) ?? node;
      if (isSeq(parent) && typeof key === "number") {
        node = parent.items[key];
        offset = startOf(node) ?? offset;
        continue;
      }
      const pair = isMap(parent) ? this.#pair(parent, String(key)) : undefined;
      if (pair === undefined) break;
      node = pair.value;
      const keyOffset = startOf(pair.key) ?? offset;
      const isKey = at === "key" && index === keys.length - 1;
      // A value that is not written has no place of its own.
      offset = isKey || isEmpty(node) ? keyOffset : (startOf(node) ?? keyOffset);
    }
    return offset;
  }

  // --- internal ---

  /** Read when a place is asked for: it takes time. */
  get #document(): Parsed {
    if (this.#known !== undefined) return this.#known;
    this.#known = parse(this.#yaml, this.#text);
    const { contents } = this.#known;
    if (contents !== null) this.#walk(contents, rootPlace(this.#index), new Map(), this.#hidden);
    return this.#known;
  }

  /** The last of several, since that is what the quick parser takes. */
  #pair(map: YAMLMap, key: string): YAMLMap["items"][number] | undefined {
    return map.items.findLast((pair) => keyText(pair.key) === key);
  }

  #walk(node: Node, place: Place, anchors: Map<string, Node>, hidden: LocatedFinding[]): void {
    const { isAlias, isMap, isNode, isSeq } = this.#yaml;
    if (isAlias(node)) {
      const target = anchors.get(node.source);
      if (target !== undefined) this.#targets.set(node, target);
      return;
    }
    if ("anchor" in node && typeof node.anchor === "string") anchors.set(node.anchor, node);
    if (isSeq(node)) {
      for (const [index, item] of node.items.entries())
        if (isNode(item)) this.#walk(item, within(place, index), anchors, hidden);
    } else if (isMap(node)) {
      const firsts = new Map<string, number>();
      for (const pair of node.items) {
        const key = keyText(pair.key);
        const at = within(place, key);
        this.#lookAtKey(key, at, startOf(pair.key) ?? startOf(node) ?? 0, firsts, hidden);
        if (isNode(pair.value)) this.#walk(pair.value, at, anchors, hidden);
      }
    }
  }

  #lookAtKey(key: string, place: Place, offset: number, firsts: Map<string, number>, hidden: LocatedFinding[]): void {
    const finding = { severity: "error", place, at: "key" } as const;
    const first = firsts.get(key);
    if (key === "<<") {
      const hint = "write the keys out, or put them under defaults";
      hidden.push({ offset, finding: { ...finding, code: "limit", message: "<< is refused", hint } });
    } else if (first === undefined) firsts.set(key, offset);
    else {
      const twice = { ...finding, code: "twice", message: "given twice, first" } as const;
      hidden.push({ offset, finding: twice, otherOffset: first });
    }
  }

  /** Where a bracket is that nothing closes: the last one. */
  #unclosed(): number | undefined {
    const { isNode, isMap, isSeq, isPair } = this.#yaml;
    let found: number | undefined;
    const look = (node: unknown): void => {
      if (isPair(node)) return look(node.value);
      if (!isNode(node) || !(isMap(node) || isSeq(node))) return;
      const start = startOf(node);
      if (node.flow === true && start !== undefined && !this.#isClosed(start, node)) found = start;
      for (const item of node.items) look(item);
    };
    look(this.#document.contents);
    return found;
  }

  /** Where a quote is that nothing closes: the first one. Of a text in which one is, the parser complains elsewhere as well. */
  #openQuote(): number | undefined {
    const { contents, errors } = this.#document;
    if (contents === null || !errors.some(({ code }) => code === "MISSING_CHAR")) return undefined;
    let found: number | undefined;
    this.#yaml.visit(contents, {
      Scalar: (_, { type, range }) => {
        if ((type !== "QUOTE_DOUBLE" && type !== "QUOTE_SINGLE") || !range) return undefined;
        const [start, end] = range;
        if (end > start + 1 && this.#text[end - 1] === this.#text[start]) return undefined;
        found = start;
        return this.#yaml.visit.BREAK;
      },
    });
    return found;
  }

  /** Its last character closes it, and not what is last in it. */
  #isClosed(start: number, { items, range }: Pick<YAMLMap | YAMLSeq, "items" | "range">): boolean {
    const written = this.#text.slice(start, range?.[1] ?? start).trimEnd();
    const last: unknown = items.at(-1);
    const { range: lastRange } = ((this.#yaml.isPair(last) ? last.value : last) ?? {}) as Partial<Node>;
    return /[}\]]$/.test(written) && (lastRange?.[1] ?? start) < start + written.length;
  }

  #lineWith(offset: number): string {
    const line = this.lineOf(offset);
    return this.#text.slice(this.#lineStarts[line - 1], this.#lineStarts[line]);
  }

  /** What is left of its line. */
  #restFrom(offset: number): string {
    return this.#text.slice(offset, this.#lineStarts[this.lineOf(offset)]);
  }
}

// --- internal ---

/** What the parser says of a bracket, at the place where it sees that it is not closed. */
const LACKS_END = /end with (?:a )?[\]}]/i;

/** Whatever the text is: what even this parser gives up on has no places. */
function parse({ parseDocument }: Yaml, text: string): Parsed {
  try {
    // Keys given twice are found by ourselves, in time that grows with their number alone.
    return parseDocument(text, { uniqueKeys: false, prettyErrors: false, logLevel: "error" });
  } catch (error) {
    // Its stack overflows where values are nested deeply.
    if (!(error instanceof RangeError)) throw error;
    return {
      contents: null,
      errors: [{ code: "RESOURCE_EXHAUSTION", message: "It is nested too deeply", pos: [0, 0] }],
    };
  }
}

function codePoints(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}

function startOf(node: unknown): number | undefined {
  const range = typeof node === "object" && node !== null && "range" in node ? node.range : undefined;
  return Array.isArray(range) && typeof range[0] === "number" ? range[0] : undefined;
}

function isEmpty(node: unknown): boolean {
  if (typeof node !== "object" || node === null) return true;
  return "source" in node && node.source === "" && (!("type" in node) || node.type === "PLAIN");
}

function keyText(key: unknown): string {
  if (typeof key !== "object" || key === null) return String(key);
  return "value" in key ? String(key.value) : String(key);
}
