/** The status of one response and those of its header fields that matter; names in lower case, several values of a name in order. */
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
  /** Of the field before, which may go on; `ignored` when nobody looks at it. */
  #last: string[] | "ignored" | undefined;

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
    // A folded value goes on in a line that begins with white space (RFC 9112, 5.2); some old servers still fold.
    if (line.startsWith(" ") || line.startsWith("\t")) return this.#continueField(line);
    if (!FIELD.test(line)) return false;
    const colon = line.indexOf(":");
    const name = line.slice(0, colon).toLowerCase();
    if (!LOOKED_AT.has(name)) {
      this.#last = "ignored";
      return true;
    }
    const values = this.#fields.get(name) ?? [];
    values.push(line.slice(colon + 1).trim());
    this.#fields.set(name, values);
    this.#last = values;
    return true;
  }

  #continueField(line: string): boolean {
    if (this.#last === undefined || /[\0\r]/.test(line)) return false;
    if (this.#last !== "ignored") this.#last.push(`${this.#last.pop() ?? ""} ${line.trim()}`);
    return true;
  }
}

// --- internal ---

const PROTOCOL = "HTTP/1.";

/** A token, a colon, and a value without what could end it early (RFC 9112, 5; RFC 9110, 5.5 and 5.6.2). */
const FIELD = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[^\0\r]*$/;

const LOOKED_AT: ReadonlySet<string> = new Set(["connection", "content-length", "location", "transfer-encoding"]);

/** The reason phrase is optional and may hold anything; codes below 100 do not exist, those above 599 do in the wild. */
function parseStatusLine(line: string): number | undefined {
  const code = /^HTTP\/1\.\d +([1-9]\d\d)(?: |$)/.exec(line)?.[1];
  return code === undefined ? undefined : Number(code);
}
