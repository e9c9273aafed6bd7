import { countPairs } from "./count-pairs.ts";
import type { FindingCode } from "./finding.ts";

/** A file of a configuration. */
export interface ConfigSource {
  /** As problems name it. */
  readonly name: string;
  readonly text: string;
}

/** What a text says, as plain values. */
export interface ParsedDocument extends ConfigSource {
  readonly value: unknown;
  /** Why there is no value. */
  readonly failure?: {
    readonly code: FindingCode;
    readonly message: string;
    /** Where in the text, when that is known by itself. */
    readonly offset?: number;
  };
  /** A key may be given twice, of which the value holds the last alone, or `<<` be used: the text must be looked at. */
  readonly mayHide: boolean;
}

/** Of all files together, in bytes. */
export const MOST_BYTES = 8 * 1024 * 1024;

/** Reads YAML 1.2 or JSON, quickly and without places. Never throws. */
export function parseDocument(source: ConfigSource): ParsedDocument {
  try {
    const value = parse(source.text);
    const { pairs, excess } = measure(value);
    if (excess !== undefined) return failed(source, "limit", excess);
    return { ...source, value, mayHide: source.text.includes("<<") || countPairs(source.text) > pairs };
  } catch (error) {
    if (error instanceof JsonComment) return failed(source, "syntax", error.message, error.offset);
    if (error instanceof RangeError) return failed(source, "limit", TOO_DEEP);
    if (!(error instanceof SyntaxError)) throw error;
    const message = error.message.replace(/^YAML Parse error: /, "");
    const nul = source.text.indexOf("\0");
    if (nul >= 0) return failed(source, "encoding", "a NUL is no part of a text", nul);
    return /aliasing/i.test(message) ? failed(source, "limit", TOO_MANY) : failed(source, "syntax", message);
  }
}

// --- internal ---

const MOST_NODES = 2_000_000;
const DEEPEST = 16;
const TOO_DEEP = `it is nested more than ${DEEPEST} deep`;
const TOO_MANY = `it has more than ${MOST_NODES} values, aliases included`;

function failed(source: ConfigSource, code: FindingCode, message: string, offset?: number): ParsedDocument {
  const failure = { code, message, ...(offset !== undefined && { offset }) };
  return { ...source, value: undefined, failure, mayHide: false };
}

/** A line that begins as a comment of other languages does. */
const COMMENT_LINE = /^[ \t]*(?:\/\/|\/\*)/m;
const COMMENT_SIGN_LENGTH = 2;

class JsonComment extends SyntaxError {
  readonly offset: number;

  constructor(offset: number) {
    super("comments are no part of JSON; of YAML they are, after #");
    this.offset = offset;
  }
}

function parse(text: string): unknown {
  // Faster, and right about tabs; what is no JSON may still be YAML in braces.
  if (/^\s*\{/.test(text)) {
    try {
      return JSON.parse(text);
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
    }
    // To YAML it would be part of the next key.
    const comment = COMMENT_LINE.exec(text);
    if (comment !== null) throw new JsonComment(comment.index + comment[0].length - COMMENT_SIGN_LENGTH);
  }
  return Bun.YAML.parse(text);
}

/** Counts keys as they are written, each alias as what it stands for only towards the limit. */
function measure(value: unknown): { readonly pairs: number; readonly excess?: string } {
  const seen = new Set<object>();
  let [pairs, nodes] = [0, 0];
  const visit = (node: unknown, depth: number): string | undefined => {
    nodes++;
    if (nodes > MOST_NODES) return TOO_MANY;
    if (typeof node !== "object" || node === null) return undefined;
    if (depth > DEEPEST) return TOO_DEEP;
    const isNew = !seen.has(node);
    seen.add(node);
    if (Array.isArray(node)) {
      for (const item of node) {
        const excess = visit(item, depth + 1);
        if (excess !== undefined) return excess;
      }
      return undefined;
    }
    for (const item of Object.values(node)) {
      if (isNew) pairs++;
      const excess = visit(item, depth + 1);
      if (excess !== undefined) return excess;
    }
    return undefined;
  };
  const excess = visit(value, 1);
  return excess === undefined ? { pairs } : { pairs, excess };
}
