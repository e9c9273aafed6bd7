import { isToken } from "./token.ts";

/** The status and the header fields of one response; names in lower case, several values of a name in order. */
export interface ResponseHead {
  readonly status: number;
  /** HTTP/1.0, whose connections end with the answer. */
  readonly isOld: boolean;
  readonly fields: ReadonlyMap<string, readonly string[]>;
}

/** Reads the lines of a response head (RFC 9112, 4 and 5), the blank one included. */
export class HeadReader {
  #status: number | undefined;
  #isOld = false;
  #recognised = false;
  readonly #fields = new Map<string, string[]>();
  #lastValues: string[] | undefined;

  /** The head when the line ends it, undefined when more must come, `malformed` when it cannot be a head. */
  take(line: string): ResponseHead | "malformed" | undefined {
    if (this.#status === undefined) {
      this.#status = parseStatusLine(line);
      this.#isOld = line.startsWith(`${PROTOCOL}0`);
      return this.#status === undefined ? "malformed" : undefined;
    }
    if (line === "") return { status: this.#status, isOld: this.#isOld, fields: this.#fields };
    return this.#takeField(line) ? undefined : "malformed";
  }

  /** False as soon as the beginning of a line shows another protocol: a binary greeting may never send a line's end. */
  accepts(beginning: string): boolean {
    if (this.#status !== undefined || this.#recognised) return true;
    this.#recognised = beginning.startsWith(PROTOCOL);
    return this.#recognised || PROTOCOL.startsWith(beginning);
  }

  #takeField(line: string): boolean {
    if (/[\0\r]/.test(line)) return false;
    // A folded value goes on in a line that begins with white space (RFC 9112, 5.2); some old servers still fold.
    if (/^[ \t]/.test(line)) return this.#continueField(line.trim());
    const colon = line.indexOf(":");
    if (colon === -1 || !isToken(line.slice(0, colon))) return false;
    const name = line.slice(0, colon).toLowerCase();
    const values = this.#fields.get(name) ?? [];
    values.push(line.slice(colon + 1).trim());
    this.#fields.set(name, values);
    this.#lastValues = values;
    return true;
  }

  #continueField(more: string): boolean {
    const values = this.#lastValues;
    if (values === undefined) return false;
    values.push(`${values.pop() ?? ""} ${more}`);
    return true;
  }
}

// --- internal ---

const PROTOCOL = "HTTP/1.";

/** The reason phrase is optional and may hold anything; codes below 100 do not exist, those above 599 do in the wild. */
function parseStatusLine(line: string): number | undefined {
  const code = /^HTTP\/1\.\d +([1-9]\d\d)(?: |$)/.exec(line)?.[1];
  return code === undefined ? undefined : Number(code);
}
