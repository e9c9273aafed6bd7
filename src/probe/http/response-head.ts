/** The status of one response and those of its header fields that matter; names in lower case, several values of a name in order. */
export interface ResponseHead {
  readonly status: number;
  /** HTTP/1.0, whose connections end with the answer. */
  readonly isOld: boolean;
  readonly fields: ReadonlyMap<string, readonly string[]>;
}

/** Where the head ends that the text begins with, its blank line included; undefined when that has not come. No end is looked for before `from`. */
export function headLength(text: string, from: number): number | undefined {
  const end = BLANK_LINE.exec(from === 0 ? text : text.slice(from));
  return end === null ? undefined : from + end.index + end[0].length;
}

/** False as soon as the beginning shows another protocol: a binary greeting may never send a line's end. */
export function mayBecomeHead(beginning: string): boolean {
  return beginning.startsWith(PROTOCOL) || PROTOCOL.startsWith(beginning);
}

/** Reads a whole response head (RFC 9112, 4 and 5), the blank line included, with one character for each byte; undefined when it is none. */
export function readHead(text: string): ResponseHead | undefined {
  const found = STATUS_LINE.exec(text);
  if (found === null) return undefined;
  const [line, minor, status] = found;
  const lines = text.slice(line.length);
  if (!FIELDS.test(lines)) return undefined;
  return { status: Number(status), isOld: minor === "0", fields: fieldsThatMatter(lines) };
}

// --- internal ---

const PROTOCOL = "HTTP/1.";

/** The end of the line before it belongs to it. */
const BLANK_LINE = /\n\r?\n/;

/** The reason phrase is optional and may hold anything; codes below 100 do not exist, those above 599 do in the wild. */
const STATUS_LINE = /^HTTP\/1\.(\d) +([1-9]\d\d)(?: [^\n]*)?\r?\n/;

/**
 * Fields, and the blank line: each a token, a colon, and a value without what could end it early (RFC 9112, 5; RFC 9110, 5.5 and 5.6.2), which goes
 * on in lines that begin with white space (RFC 9112, 5.2): some old servers still fold.
 */
const FIELDS = /^(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[^\0\r\n]*(?:\r?\n[ \t][^\0\r\n]*)*\r?\n)*\r?\n$/;

const FOLD = /\r?\n[ \t]+/g;

const LOOKED_AT = /^(connection|content-length|location|transfer-encoding):(.*)/gim;

function fieldsThatMatter(lines: string): ResponseHead["fields"] {
  const fields = new Map<string, string[]>();
  for (const [, name = "", value = ""] of lines.replaceAll(FOLD, " ").matchAll(LOOKED_AT)) {
    const values = fields.get(name.toLowerCase());
    if (values === undefined) fields.set(name.toLowerCase(), [value.trim()]);
    else values.push(value.trim());
  }
  return fields;
}
