/** A regular expression whose cost is linear in the text that it looks at. */
export interface Pattern {
  /** Whether any part of the text matches. */
  isIn(text: string): boolean;
  /** Looks for a match in a text that comes in pieces. */
  search(): PatternSearch;
}

export interface PatternSearch {
  /** Whether there is a match in the text so far, whatever follows. */
  feed(piece: string): boolean;
  /** Whether there is one, now that nothing follows. */
  end(): boolean;
}

/** Why there is no such pattern, for people. */
export interface BadPattern {
  readonly problem: string;
}

/**
 * Reads a regular expression of those that need no going back: characters, `.`, classes, `\d \w \s` and their opposites,
 * the two anchors, groups, alternatives, and repetitions. References to groups and looking around are refused, and so is what
 * grows beyond `MOST_STATES`: a server's answer must not be able to hold this process up. `(?i)` in front ignores case.
 */
export function readPattern(source: string): Pattern | BadPattern {
  const ignoresCase = source.startsWith("(?i)");
  try {
    const program = new Compiler(ignoresCase).compile(new Parser(ignoresCase ? source.slice(4) : source).parse());
    const search = (): Search => new Search(program, ignoresCase);
    return {
      search,
      isIn: (text) => {
        const begun = search();
        return begun.feed(text) || begun.end();
      },
    };
  } catch (error) {
    if (error instanceof PatternError) return { problem: error.message.replaceAll(/\p{Cc}/gu, "�") };
    throw error;
  }
}

// --- internal ---

/** Each character of a text is looked at once for each state at most. */
const MOST_STATES = 500;

const MOST_REPEATS = 200;

class PatternError extends Error {}

/** First and last code of each range. */
type Ranges = readonly (readonly [first: number, last: number])[];

type Node =
  | { readonly kind: "one"; readonly ranges: Ranges; readonly isNot: boolean }
  | { readonly kind: "start" | "end" }
  | { readonly kind: "all" | "any"; readonly of: readonly Node[] }
  | { readonly kind: "repeat"; readonly of: Node; readonly least: number; readonly most: number };

const DIGITS: Ranges = [[0x30, 0x39]];
const WORD: Ranges = [...DIGITS, [0x41, 0x5a], [0x5f, 0x5f], [0x61, 0x7a]];
const SPACE: Ranges = [
  [0x09, 0x0d],
  [0x20, 0x20],
  [0xa0, 0xa0],
];
const LINE_END: Ranges = [[0x0a, 0x0a]];

const CLASSES: ReadonlyMap<string, { readonly ranges: Ranges; readonly isNot: boolean }> = new Map([
  ["d", { ranges: DIGITS, isNot: false }],
  ["D", { ranges: DIGITS, isNot: true }],
  ["w", { ranges: WORD, isNot: false }],
  ["W", { ranges: WORD, isNot: true }],
  ["s", { ranges: SPACE, isNot: false }],
  ["S", { ranges: SPACE, isNot: true }],
]);

const CONTROLS: ReadonlyMap<string, number> = new Map([
  ["n", 0x0a],
  ["r", 0x0d],
  ["t", 0x09],
]);

class Parser {
  readonly #source: string;
  #at = 0;
  #depth = 0;

  constructor(source: string) {
    this.#source = source;
  }

  parse(): Node {
    const node = this.#alternatives();
    if (this.#at < this.#source.length) throw new PatternError(`")" at character ${this.#at + 1} closes nothing`);
    return node;
  }

  // --- internal ---

  #alternatives(): Node {
    const of = [this.#sequence()];
    while (this.#takes("|")) of.push(this.#sequence());
    const [only] = of;
    return of.length === 1 && only !== undefined ? only : { kind: "any", of };
  }

  #sequence(): Node {
    const of: Node[] = [];
    for (;;) {
      const next = this.#source[this.#at];
      if (next === undefined || next === "|" || next === ")") return { kind: "all", of };
      of.push(this.#repeated(this.#atom()));
    }
  }

  #repeated(of: Node): Node {
    const times = this.#times();
    if (times === undefined) return of;
    // Whether little or much is taken makes no difference to whether it matches.
    this.#takes("?");
    if (this.#times() !== undefined) throw new PatternError(`two repetitions meet at character ${this.#at}`);
    const [least, most] = times;
    return { kind: "repeat", of, least, most };
  }

  #times(): readonly [least: number, most: number] | undefined {
    if (this.#takes("*")) return [0, Number.POSITIVE_INFINITY];
    if (this.#takes("+")) return [1, Number.POSITIVE_INFINITY];
    if (this.#takes("?")) return [0, 1];
    const given = /^\{(\d{1,9})(,(\d{1,9})?)?\}/.exec(this.#source.slice(this.#at, this.#at + 24));
    if (given === null) return undefined;
    this.#at += given[0].length;
    const least = Number(given[1]);
    const most = given[2] === undefined ? least : given[3] === undefined ? Number.POSITIVE_INFINITY : Number(given[3]);
    if (most < least) throw new PatternError(`${given[0]} ends before it begins`);
    if (Math.max(least, Number.isFinite(most) ? most : 0) > MOST_REPEATS)
      throw new PatternError(`${given[0]} is more than ${MOST_REPEATS} times`);
    return [least, most];
  }

  #atom(): Node {
    const at = this.#at;
    const character = this.#take();
    switch (character) {
      case "(":
        return this.#group(at);
      case "[":
        return this.#class(at);
      case ".":
        return { kind: "one", ranges: LINE_END, isNot: true };
      case "^":
        return { kind: "start" };
      case "$":
        return { kind: "end" };
      case "\\":
        return { kind: "one", ...this.#escaped() };
      case "*":
      case "+":
      case "?":
        throw new PatternError(`"${character}" at character ${at + 1} repeats nothing`);
      default:
        return one(character);
    }
  }

  #group(at: number): Node {
    if (this.#source[this.#at] === "?" && !this.#takes("?:")) {
      const form = this.#source.slice(at, at + 3);
      throw new PatternError(`"${form}" at character ${at + 1} would have to go back in the text, or is unknown`);
    }
    if (++this.#depth > MOST_STATES) throw new PatternError(TOO_LARGE);
    const node = this.#alternatives();
    this.#depth--;
    if (!this.#takes(")")) throw new PatternError(`"(" at character ${at + 1} is not closed`);
    return node;
  }

  #class(at: number): Node {
    const isNot = this.#takes("^");
    const ranges: (readonly [number, number])[] = [];
    for (let isFirst = true; isFirst || this.#source[this.#at] !== "]"; isFirst = false) {
      const member = this.#member(at);
      if ("ranges" in member) ranges.push(...member.ranges);
      else if (this.#source[this.#at] === "-" && !["]", undefined].includes(this.#source[this.#at + 1])) {
        this.#at++;
        const last = this.#member(at);
        if ("ranges" in last || last.code < member.code)
          throw new PatternError(`a range in "[" at character ${at + 1} ends before it begins`);
        ranges.push([member.code, last.code]);
      } else ranges.push([member.code, member.code]);
    }
    this.#at++;
    return { kind: "one", ranges, isNot };
  }

  #member(at: number): { readonly code: number } | { readonly ranges: Ranges } {
    if (this.#at >= this.#source.length) throw new PatternError(`"[" at character ${at + 1} is not closed`);
    const character = this.#take();
    if (character !== "\\") return { code: character.charCodeAt(0) };
    const { ranges, isNot } = this.#escaped();
    if (isNot) return { ranges: complement(ranges) };
    const [first] = ranges;
    return ranges.length === 1 && first !== undefined && first[0] === first[1] ? { code: first[0] } : { ranges };
  }

  #escaped(): { readonly ranges: Ranges; readonly isNot: boolean } {
    const at = this.#at;
    if (at >= this.#source.length) throw new PatternError('"\\" at the end escapes nothing');
    const character = this.#take();
    const known = CLASSES.get(character);
    if (known !== undefined) return known;
    const hex = character === "x" ? /^[0-9a-f]{2}/i.exec(this.#source.slice(this.#at, this.#at + 2))?.[0] : undefined;
    if (hex !== undefined) {
      this.#at += 2;
      const code = Number.parseInt(hex, 16);
      return { ranges: [[code, code]], isNot: false };
    }
    const code = CONTROLS.get(character) ?? character.charCodeAt(0);
    if (/[\da-z]/i.test(character) && !CONTROLS.has(character))
      throw new PatternError(`"\\${character}" at character ${at} would have to go back in the text, or is unknown`);
    return { ranges: [[code, code]], isNot: false };
  }

  #take(): string {
    return this.#source[this.#at++] ?? "";
  }

  #takes(text: string): boolean {
    const takes = this.#source.startsWith(text, this.#at);
    if (takes) this.#at += text.length;
    return takes;
  }
}

function one(character: string): Node {
  const code = character.charCodeAt(0);
  return { kind: "one", ranges: [[code, code]], isNot: false };
}

function complement(ranges: Ranges): Ranges {
  const gaps: (readonly [number, number])[] = [];
  let next = 0;
  for (const [first, last] of ranges.toSorted(([a], [b]) => a - b)) {
    if (first > next) gaps.push([next, first - 1]);
    next = Math.max(next, last + 1);
  }
  return [...gaps, [next, 0xffff]];
}

/** What to do in a state; `to`: the states after it. */
type Instruction =
  | { readonly do: "one"; readonly ranges: Ranges; readonly isNot: boolean }
  | { readonly do: "start" | "end" | "match" }
  | Go;

/** Goes to any of these without taking a character. */
interface Go {
  readonly do: "go";
  to: readonly number[];
}

const TOO_LARGE = `it has more than ${MOST_STATES} parts, repetitions counted`;

/** After each instruction but `go` and `match` comes the next one. */
class Compiler {
  readonly #program: Instruction[] = [];
  readonly #ignoresCase: boolean;

  constructor(ignoresCase: boolean) {
    this.#ignoresCase = ignoresCase;
  }

  compile(node: Node): readonly Instruction[] {
    this.#add(node);
    this.#push({ do: "match" });
    return this.#program;
  }

  // --- internal ---

  #push(instruction: Instruction): number {
    if (this.#program.length >= MOST_STATES) throw new PatternError(TOO_LARGE);
    return this.#program.push(instruction) - 1;
  }

  #add(node: Node): void {
    switch (node.kind) {
      case "one":
        this.#push({ do: "one", ranges: this.#ignoresCase ? lowered(node.ranges) : node.ranges, isNot: node.isNot });
        return;
      case "start":
      case "end":
        this.#push({ do: node.kind });
        return;
      case "all":
        for (const each of node.of) this.#add(each);
        return;
      case "any":
        return this.#addAny(node.of);
      case "repeat":
        return this.#addRepeat(node.of, node.least, node.most);
    }
  }

  #addAny(of: readonly Node[]): void {
    const fork = this.#fork();
    const starts: number[] = [];
    const ends: Go[] = [];
    for (const each of of) {
      starts.push(this.#program.length);
      this.#add(each);
      ends.push(this.#fork());
    }
    fork.to = starts;
    for (const end of ends) end.to = [this.#program.length];
  }

  #addRepeat(of: Node, least: number, most: number): void {
    for (let time = 0; time < least; time++) this.#add(of);
    if (most === Number.POSITIVE_INFINITY) {
      const loop = this.#program.length;
      const fork = this.#fork();
      this.#add(of);
      this.#fork().to = [loop];
      fork.to = [loop + 1, this.#program.length];
      return;
    }
    const forks = Array.from({ length: most - least }, () => {
      const fork = this.#fork();
      const start = this.#program.length;
      this.#add(of);
      return { fork, start };
    });
    for (const { fork, start } of forks) fork.to = [start, this.#program.length];
  }

  #fork(): Go {
    const go: Go = { do: "go", to: [] };
    this.#push(go);
    return go;
  }
}

/** The letters among them as small ones, too. */
function lowered(ranges: Ranges): Ranges {
  return ranges.flatMap(([first, last]) => {
    const [from, to] = [Math.max(first, 0x41), Math.min(last, 0x5a)];
    return from <= to ? [[first, last] as const, [from + 0x20, to + 0x20] as const] : [[first, last] as const];
  });
}

/** All states that the text can have led to are followed side by side. */
class Search implements PatternSearch {
  readonly #program: readonly Instruction[];
  readonly #ignoresCase: boolean;
  /** At which place of the text a state was entered last. */
  readonly #enteredAt: Int32Array;
  /** Those that wait for a character, or for the end. */
  #states: number[] = [];
  #at = 0;
  #isFound: boolean;

  constructor(program: readonly Instruction[], ignoresCase: boolean) {
    this.#program = program;
    this.#ignoresCase = ignoresCase;
    this.#enteredAt = new Int32Array(program.length).fill(-1);
    this.#isFound = this.#enter([0], false);
  }

  feed(piece: string): boolean {
    const text = this.#ignoresCase ? piece.toLowerCase() : piece;
    for (let index = 0; index < text.length && !this.#isFound; index++) this.#take(text.charCodeAt(index));
    return this.#isFound;
  }

  end(): boolean {
    if (this.#isFound) return true;
    const waiting = this.#states.filter((state) => this.#program[state]?.do === "end").map((state) => state + 1);
    this.#enteredAt.fill(-1);
    return this.#enter(waiting, true);
  }

  // --- internal ---

  #take(code: number): void {
    const next: number[] = [];
    for (const state of this.#states) {
      const instruction = this.#program[state];
      if (instruction?.do === "one" && takes(instruction, code)) next.push(state + 1);
    }
    this.#at++;
    this.#states = [];
    // A match may begin anywhere.
    next.push(0);
    this.#isFound = this.#enter(next, false);
  }

  /** Whether that leads to a match. */
  #enter(waiting: number[], isEnd: boolean): boolean {
    for (let state = waiting.pop(); state !== undefined; state = waiting.pop()) {
      if (this.#enteredAt[state] === this.#at) continue;
      this.#enteredAt[state] = this.#at;
      const instruction = this.#program[state];
      if (instruction?.do === "match") return true;
      if (instruction?.do === "go") waiting.push(...instruction.to);
      else if (instruction?.do === "start" && this.#at === 0) waiting.push(state + 1);
      else if (instruction?.do === "end" && isEnd) waiting.push(state + 1);
      else this.#states.push(state);
    }
    return false;
  }
}

function takes({ ranges, isNot }: Extract<Instruction, { do: "one" }>, code: number): boolean {
  for (const [first, last] of ranges) if (code >= first && code <= last) return !isNot;
  return isNot;
}
