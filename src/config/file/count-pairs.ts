/**
 * How many keys a YAML or JSON text has, or more: never fewer than are written there. A parser that keeps the last of a
 * key given twice has then fewer than this. It need not be exact about texts that are no YAML.
 */
export function countPairs(text: string): number {
  const counter = new PairCounter(text);
  return counter.count();
}

// --- internal ---

/** A map or list in braces or brackets. */
interface Flow {
  readonly isMap: boolean;
  /** Something stands in the present entry. */
  hasEntry: boolean;
  /** Colons in the present entry, of which there should be one. */
  colons: number;
}

class PairCounter {
  readonly #text: string;
  #at = 0;
  #pairs = 0;
  readonly #flows: Flow[] = [];
  /** Where the innermost key or item of this line begins: a block of text belongs to it that is further in. */
  #column: number | undefined;
  #lineStart = 0;
  /** A value, key or item may begin here: a quote, a bracket or an anchor means itself elsewhere. */
  #mayBegin = true;

  constructor(text: string) {
    this.#text = text;
  }

  count(): number {
    while (this.#at < this.#text.length) this.#step();
    for (const flow of this.#flows) this.#endEntry(flow);
    return this.#pairs;
  }

  #step(): void {
    const character = this.#text.charCodeAt(this.#at);
    const flow = this.#flows.at(-1);
    switch (character) {
      case SPACE:
      case TAB:
        this.#at++;
        return;
      case CARRIAGE_RETURN:
      case LINE_FEED:
        this.#at++;
        this.#lineStart = this.#at;
        if (flow === undefined) {
          this.#mayBegin = true;
          this.#column = undefined;
        }
        return;
      case HASH:
        if (this.#isBlankBefore()) this.#at = this.#lineEnd();
        else this.#plain(flow);
        return;
      case COMMA:
        if (flow === undefined) return this.#plain(flow);
        this.#endEntry(flow);
        this.#at++;
        this.#mayBegin = true;
        return;
      case CLOSE_BRACE:
      case CLOSE_BRACKET:
        if (flow === undefined) return this.#plain(flow);
        this.#endEntry(flow);
        this.#flows.pop();
        this.#at++;
        this.#mayBegin = false;
        return;
      case COLON:
        return this.#colon(flow);
      default:
        if (this.#mayBegin) this.#begin(character, flow);
        else this.#plain(flow);
    }
  }

  #begin(character: number, flow: Flow | undefined): void {
    const isAlone = isBlank(this.#text.charCodeAt(this.#at + 1));
    if (flow !== undefined) flow.hasEntry = true;
    switch (character) {
      case OPEN_BRACE:
      case OPEN_BRACKET:
        this.#flows.push({ isMap: character === OPEN_BRACE, hasEntry: false, colons: 0 });
        this.#at++;
        return;
      case DOUBLE_QUOTE:
      case SINGLE_QUOTE:
        this.#column = this.#at - this.#lineStart;
        this.#quoted(character);
        this.#mayBegin = false;
        return;
      case AMPERSAND:
      case EXCLAMATION:
        // What an anchor or a tag belongs to begins after it.
        while (this.#at < this.#text.length && !isBlank(this.#text.charCodeAt(this.#at))) this.#at++;
        return;
      case DASH:
        if (!isAlone || flow !== undefined) return this.#plain(flow);
        this.#column = this.#at - this.#lineStart;
        this.#at++;
        return;
      case QUESTION:
        if (!isAlone) return this.#plain(flow);
        // A key that is announced may lack its colon; one too many is looked into.
        this.#pairs++;
        this.#column = this.#at - this.#lineStart;
        this.#at++;
        return;
      case PIPE:
      case GREATER:
        if (flow === undefined && this.#block()) return;
        return this.#plain(flow);
      default:
        this.#column = this.#at - this.#lineStart;
        this.#plain(flow);
    }
  }

  /** One character, or all up to the next that may mean something. */
  #plain(flow: Flow | undefined): void {
    if (flow !== undefined) flow.hasEntry = true;
    this.#mayBegin = false;
    PLAIN.lastIndex = this.#at + 1;
    PLAIN.test(this.#text);
    this.#at = PLAIN.lastIndex;
  }

  #colon(flow: Flow | undefined): void {
    const next = this.#text.charCodeAt(this.#at + 1);
    const before = this.#text.charCodeAt(this.#at - 1);
    // After a quote or a bracket, a value may follow at once.
    const isIndicator =
      isBlank(next) || (flow !== undefined && (FLOW_MARKS.has(next) || FLOW_ENDS.has(before) || this.#mayBegin));
    if (!isIndicator) return this.#plain(flow);
    // A key that is empty begins here.
    if (flow === undefined && this.#mayBegin) this.#column = this.#at - this.#lineStart;
    if (flow === undefined) this.#pairs++;
    else flow.colons++;
    this.#at++;
    this.#mayBegin = true;
  }

  #endEntry(flow: Flow): void {
    this.#pairs += flow.isMap && flow.hasEntry ? Math.max(1, flow.colons) : flow.colons;
    flow.hasEntry = false;
    flow.colons = 0;
  }

  #quoted(quote: number): void {
    const start = this.#at;
    let isLong = false;
    for (this.#at++; this.#at < this.#text.length; this.#at++) {
      const character = this.#text.charCodeAt(this.#at);
      if (character === BACKSLASH && quote === DOUBLE_QUOTE) this.#at++;
      else if (character === LINE_FEED || character === CARRIAGE_RETURN) {
        this.#lineStart = this.#at + 1;
        isLong = true;
      } else if (character === quote) {
        this.#at++;
        if (quote === DOUBLE_QUOTE || this.#text.charCodeAt(this.#at) !== quote) break;
      }
    }
    // On the second line of a text without quotes, one is nothing but a letter, and what follows is no quotation.
    if (isLong) this.#pairs += this.#text.slice(start, this.#at).split(/:\s|,/).length - 1;
  }

  /** A block of text, whose lines are further in than what it belongs to; false when there is none. */
  #block(): boolean {
    const end = this.#lineEnd();
    if (!/^[|>][-+\d]{0,2}\s*(?:\s#.*)?$/.test(this.#text.slice(this.#at, end))) return false;
    // On a line of its own it may be no more than a letter, on the second line of a text without quotes.
    const column = this.#column ?? this.#at - this.#lineStart - 1;
    this.#at = end;
    while (this.#at < this.#text.length) {
      const start = this.#at + 1;
      let first = start;
      while (this.#text.charCodeAt(first) === SPACE) first++;
      const isEmpty = first >= this.#text.length || isBlank(this.#text.charCodeAt(first));
      if (!isEmpty && first - start <= column) break;
      this.#at = first;
      this.#at = this.#lineEnd();
    }
    return true;
  }

  #lineEnd(): number {
    LINE_END.lastIndex = this.#at;
    return LINE_END.exec(this.#text)?.index ?? this.#text.length;
  }

  #isBlankBefore(): boolean {
    return this.#at === 0 || isBlank(this.#text.charCodeAt(this.#at - 1));
  }
}

const LINE_FEED = 10;
const CARRIAGE_RETURN = 13;
const SPACE = 32;
const TAB = 9;
const EXCLAMATION = 33;
const DOUBLE_QUOTE = 34;
const HASH = 35;
const AMPERSAND = 38;
const SINGLE_QUOTE = 39;
const COMMA = 44;
const DASH = 45;
const COLON = 58;
const GREATER = 62;
const QUESTION = 63;
const OPEN_BRACKET = 91;
const BACKSLASH = 92;
const CLOSE_BRACKET = 93;
const OPEN_BRACE = 123;
const PIPE = 124;
const CLOSE_BRACE = 125;

/** What may follow or precede a colon in a map in braces without a blank. */
const FLOW_MARKS: ReadonlySet<number> = new Set([COMMA, CLOSE_BRACE, CLOSE_BRACKET, OPEN_BRACE, OPEN_BRACKET]);
const FLOW_ENDS: ReadonlySet<number> = new Set([DOUBLE_QUOTE, SINGLE_QUOTE, CLOSE_BRACE, CLOSE_BRACKET]);

const LINE_END = /[\r\n]/g;

/** Letters and the like, up to something that may be more. */
const PLAIN = /[^\s:#,{}[\]]*/y;

function isBlank(character: number): boolean {
  return Number.isNaN(character) || character === SPACE || character === TAB || character === 10 || character === 13;
}
