/** What is probably wrong where YAML's structure is. `code`: the parser's, at the beginning of `rest`, which ends `line`. */
export function syntaxHint(code: string, line: string, rest: string): string | undefined {
  if (BARE_IPV6.test(line)) return "write it in quotes: a bracket begins a list";
  const [, what] = LACKS.find(([pattern]) => pattern.test(rest.trim())) ?? [];
  switch (code) {
    case "MULTILINE_IMPLICIT_KEY":
      return what ?? "a blank is missing after : or -, or the : itself";
    case "MISSING_CHAR":
      return what;
    case "BLOCK_AS_IMPLICIT_KEY":
      if (ITEM.test(rest)) return "items of one list begin in the same column";
      return SECOND_COLON.test(rest)
        ? "write it in quotes: a colon with a blank makes it a key"
        : "this line or the next is indented otherwise than its neighbours";
    case "BAD_SCALAR_START":
      return "write it in quotes";
    default:
      return undefined;
  }
}

// --- internal ---

/** An IPv6 address in brackets after a blank or the beginning of a list. */
const BARE_IPV6 = /(?:^|[\s,[{-])\[[\da-f]*:[\da-f:.]*\]:\d/i;

/** What a line lacks by the look of it. */
const LACKS: readonly (readonly [pattern: RegExp, what: string])[] = [
  [/^-[^\s-]/, "a blank is missing after -"],
  [/^[a-z][\w-]*:[^\s:]/i, "a blank is missing after :"],
  [/^[a-z][\w-]*(?:\s+#.*)?$/i, "a : is missing after it"],
];

const ITEM = /^\s*-\s/;

/** A plain value with what makes it a key. */
const SECOND_COLON = /^[^\s"'{[][^#]*:(?:\s|$)/;
