/**
 * Makes untrusted text fit for one line of a terminal: characters that are invisible there, or would be obeyed,
 * become visible escapes.
 */
export function oneLine(text: string): string {
  return text.replaceAll(UNPRINTABLE, (character) => {
    const code = character.codePointAt(0) ?? 0;
    if (code > 0xffff) return `\\u{${code.toString(16)}}`;
    return NAMED.get(character) ?? (code <= 0xff ? `\\x${hex(code, 2)}` : `\\u${hex(code, 4)}`);
  });
}

// --- internal ---

/**
 * Format characters (Cf) are included because they make a terminal show a different text from the real one, or the
 * same for two different texts: bidirectional marks, blanks without a width. Of the separators only the space is what
 * it looks like.
 */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]|(?! )\p{Zs}/gu;

const NAMED: ReadonlyMap<string, string> = new Map([
  ["\n", "\\n"],
  ["\r", "\\r"],
  ["\t", "\\t"],
]);

function hex(code: number, digits: number): string {
  return code.toString(16).padStart(digits, "0");
}
