/**
 * The status of one response and the header fields that matter. Names are in lower case; several values of one name
 * are in order.
 */
export interface ResponseHead {
  readonly status: number;
  /** HTTP/1.0, where a connection ends with the answer. */
  readonly isOld: boolean;
  readonly fields: ReadonlyMap<string, readonly string[]>;
}

/**
 * Where the head at the beginning of the text ends, with its blank line; undefined while the end has not come. The
 * search starts at `from`.
 */
export function headLength(text: string, from: number): number | undefined {
  const end = (from === 0 ? text : text.slice(from)).search(BLANK_LINE);
  if (end === -1) return undefined;
  return from + end + (text[from + end + 1] === "\r" ? 3 : 2);
}

/** False as soon as the beginning shows another protocol: a binary greeting may never send a line's end. */
export function mayBecomeHead(beginning: string): boolean {
  return beginning.startsWith(PROTOCOL) || PROTOCOL.startsWith(beginning);
}

/**
 * Reads a whole response head with its blank line (RFC 9112, 4 and 5), one character for each byte; undefined when it
 * is none.
 */
export function readHead(text: string, lookedAt: RegExp = LOOKED_AT): ResponseHead | undefined {
  const found = HEAD.exec(text);
  return found === null
    ? undefined
    : { status: Number(found[2]), isOld: found[1] === "0", fields: fieldsThatMatter(text, lookedAt) };
}

/** Finds the fields that a reader of responses needs, and these. Names are tokens, in any case. */
export function fieldsBeside(names: readonly string[]): RegExp {
  if (names.length === 0) return LOOKED_AT;
  const all = [...ALWAYS, ...names.map((name) => name.replaceAll(/[^\w-]/g, String.raw`\$&`))];
  return new RegExp(`^(${all.join("|")}):(.*)`, "gim");
}

/**
 * Whether a text, with one character for each byte, begins like a server's first HTTP/2 frame: SETTINGS or GOAWAY on
 * stream 0, of at most 16 KiB (RFC 9113, 3.4, 4.1 and 4.2). Undefined while there is too little of it to tell.
 */
export function beginsHttp2(text: string): boolean | undefined {
  for (let at = 0; at < HTTP2_HEADER.length && at < text.length; at++) {
    if (HTTP2_HEADER[at]?.(text.charCodeAt(at)) !== true) return false;
  }
  return text.length < HTTP2_HEADER.length ? undefined : true;
}

// --- internal ---

const PROTOCOL = "HTTP/1.";

/** The end of the line before it belongs to it. */
const BLANK_LINE = /\n\r?\n/;

/**
 * The status line: the reason phrase is optional and may hold anything; codes below 100 do not exist, codes above 599
 * do in practice. Then the fields and the blank line. A field is a token, a colon, and a value without characters
 * that could end it early (RFC 9112, 5; RFC 9110, 5.5 and 5.6.2). The value may go on in lines that begin with white
 * space (RFC 9112, 5.2): some old servers still fold.
 */
const HEAD =
  /^HTTP\/1\.(\d) +([1-9]\d\d)(?: [^\n]*)?\r?\n(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[^\0\r\n]*(?:\r?\n[ \t][^\0\r\n]*)*\r?\n)*\r?\n$/;

const FOLD = /\r?\n[ \t]+/g;

const ALWAYS = ["connection", "content-length", "location", "retry-after", "transfer-encoding"];

const LOOKED_AT = new RegExp(`^(${ALWAYS.join("|")}):(.*)`, "gim");

function fieldsThatMatter(head: string, lookedAt: RegExp): ResponseHead["fields"] {
  const fields = new Map<string, string[]>();
  const text = head.replaceAll(FOLD, " ");
  // Not by `matchAll`: it copies the expression, for each check. Past the status line, which may hold anything.
  lookedAt.lastIndex = text.indexOf("\n") + 1;
  for (let found = lookedAt.exec(text); found !== null; found = lookedAt.exec(text)) {
    const name = (found[1] ?? "").toLowerCase();
    const value = (found[2] ?? "").trim();
    const values = fields.get(name);
    if (values === undefined) fields.set(name, [value]);
    else values.push(value);
  }
  return fields;
}

const SETTINGS = 4;
const GOAWAY = 7;

const any = (): boolean => true;
const none = (byte: number): boolean => byte === 0;

/** What each byte of the frame's header may be: length, type, flags, stream. */
const HTTP2_HEADER: readonly ((byte: number) => boolean)[] = [
  none,
  (byte) => byte <= 0x40,
  any,
  (byte) => byte === SETTINGS || byte === GOAWAY,
  any,
  none,
  none,
  none,
  none,
];
