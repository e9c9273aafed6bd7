import { LvscareError } from "../domain/errors.ts";

/**
 * A YAML document as plain values. For invalid YAML, the error says after which line. A key that comes twice in a
 * block is refused, because the parser would silently take the last.
 */
export function parseYaml(text: string): unknown {
  const lines = text.split("\n");
  try {
    const value: unknown = Bun.YAML.parse(text);
    const twice = keyGivenTwice(lines);
    if (twice !== undefined) throw new LvscareError("USAGE", twice);
    return value;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    const what = error.message.replace(/^YAML Parse error: /, "");
    throw new LvscareError("USAGE", `it is no YAML after line ${lastGoodLine(lines)}: ${what}`, { cause: error });
  }
}

// --- internal ---

/** The parser does not say where it failed: the longest valid beginning ends before that line. */
function lastGoodLine(lines: readonly string[]): number {
  return lines.findLastIndex((_, index) => isYaml(lines.slice(0, index + 1).join("\n"))) + 1;
}

function isYaml(text: string): boolean {
  try {
    Bun.YAML.parse(text);
    return true;
  } catch (error) {
    if (error instanceof SyntaxError) return false;
    throw error;
  }
}

/** Keys of blocks, one to a line; flow mappings and block scalars are not examined. */
function keyGivenTwice(lines: readonly string[]): string | undefined {
  let blocks: { readonly indent: number; readonly keys: Set<string> }[] = [];
  let scalarIndent = Number.POSITIVE_INFINITY;
  for (const [index, line] of lines.entries()) {
    const indent = line.search(/\S/);
    if (indent === -1 || line[indent] === "#" || indent > scalarIndent) continue;
    scalarIndent = /[|>][+-]?\d?\s*(#.*)?$/.test(line) ? indent : Number.POSITIVE_INFINITY;
    const key = /^\s*("[^"]*"|'[^']*'|[^\s"'#[{-][^\s]*?):(\s|$)/.exec(line)?.[1]?.replaceAll(/^["']|["']$/g, "");
    blocks = blocks.filter((block) => block.indent <= indent);
    if (key === undefined) continue;
    const block = blocks.find((one) => one.indent === indent) ?? { indent, keys: new Set() };
    if (block.keys.has(key)) return `line ${index + 1}: ${key} is given twice`;
    block.keys.add(key);
    if (!blocks.includes(block)) blocks.push(block);
  }
  return undefined;
}
