import { parseVirtualServerWord } from "../domain/virtual-server-name.ts";
import { nearestOption } from "./nearest-name.ts";
import type { GivenOption, GivenOptions, OptionRow } from "./option-row.ts";

export interface ArgvReading {
  /** By flag. */
  readonly given: GivenOptions;
  /** Problems of the arguments as such, one line each; the values are not examined here. */
  readonly problems: readonly string[];
  /** Arguments without a flag, as far as the command takes them. */
  readonly operands: readonly string[];
  /** Help was asked for: then nothing else counts. */
  readonly help: boolean;
}

/**
 * Reads the arguments after the command's name by its options, and never throws. `--flag value`, `--flag=value`, `-i value`,
 * `-ivalue`, `-Ci value` and `--boolean=false` are understood; what is not an option of this command is a problem.
 */
export function readArgv(argv: readonly string[], rows: readonly OptionRow[], mostOperands = 0): ArgvReading {
  const reader = new ArgvReader(argv, rows, mostOperands);
  reader.readAll();
  const given = [...reader.texts].map(([flag, texts]): [string, GivenOption] => [flag, { source: `--${flag}`, texts }]);
  return { given: new Map(given), problems: reader.problems, operands: reader.operands, help: reader.help };
}

/** Options that were given, as arguments that give them again; in the order of the rows. */
export function argumentsOf(given: GivenOptions, rows: readonly OptionRow[]): string[] {
  return rows.flatMap(({ flag, kind }) => {
    const texts = given.get(flag)?.texts ?? [];
    if (kind === "boolean") return texts.slice(-1).map((text) => `--${flag}=${text}`);
    const counted = kind === "text" ? texts.slice(-1) : texts;
    return counted.flatMap((text) => (text.startsWith("-") ? [`--${flag}=${text}`] : [`--${flag}`, text]));
  });
}

// --- internal ---

class ArgvReader {
  readonly texts = new Map<string, string[]>();
  readonly problems: string[] = [];
  readonly operands: string[] = [];
  help = false;
  readonly #rows: ReadonlyMap<string, OptionRow>;
  readonly #aliases: ReadonlyMap<string, OptionRow>;
  readonly #queue: string[];
  readonly #mostOperands: number;
  #last: OptionRow | undefined;

  constructor(argv: readonly string[], rows: readonly OptionRow[], mostOperands: number) {
    this.#queue = [...argv];
    this.#mostOperands = mostOperands;
    this.#rows = new Map(rows.map((row) => [row.flag, row]));
    this.#aliases = new Map(rows.flatMap((row) => (row.alias === undefined ? [] : [[row.alias, row]])));
  }

  readAll(): void {
    for (let token = this.#queue.shift(); token !== undefined; token = this.#queue.shift()) {
      if (token === "--") {
        for (const rest of this.#queue.splice(0)) this.#positional(rest);
      } else if (FOREIGN_DASH.test(token)) this.#foreignDash(token);
      else if (token.startsWith("--")) this.#long(token);
      else if (token.startsWith("-") && token !== "-") this.#short(token);
      else this.#positional(token);
    }
  }

  #long(token: string): void {
    const [name, inline] = splitInline(token.slice(2));
    const row = this.#rows.get(name);
    const joined = this.#rows.get(/^[^\s:]+(?=:?\s)/.exec(name)?.[0] ?? "");
    if (name === "help") this.help = true;
    else if (joined !== undefined) this.#joined(joined);
    else if (row === undefined) this.#unknown(`--${name}`, name, inline);
    else this.#take(row, `--${name}`, inline);
  }

  /** One dash: letters one after the other, the first that needs a value takes the rest of the token. */
  #short(token: string): void {
    const [letters] = splitInline(token.slice(1));
    for (let at = 1; at < token.length; at++) {
      const letter = token[at] ?? "";
      const rest = token.slice(at + 1);
      const row = this.#aliases.get(letter);
      if (letter === "h") this.help = true;
      else if (row === undefined) {
        // `-vs 10.0.0.1:80`: a long name with one dash is the likeliest slip, so the whole token is named.
        this.#unknown(
          at === 1 ? `-${letters}` : `-${letter} in ${token}`,
          letters,
          rest.includes("=") ? rest : undefined,
        );
        return;
      } else if (rest.startsWith("=")) {
        this.#take(row, `-${letter}`, rest.slice(1));
        return;
      } else if (row.kind !== "boolean") {
        this.#take(row, `-${letter}`, rest === "" ? undefined : rest);
        return;
      } else this.#take(row, `-${letter}`, undefined);
    }
  }

  #take(row: OptionRow, shown: string, inline: string | undefined): void {
    this.#last = row;
    if (inline !== undefined) this.#add(row, inline);
    else if (row.kind === "boolean") this.#add(row, "true");
    else {
      const next = this.#queue[0];
      if (next === undefined || (row.takesFlags !== true && this.#isFlag(next))) {
        this.#add(row);
        this.problems.push(`flag ${shown} needs a value`);
      } else this.#add(row, ...this.#queue.splice(0, 1));
    }
  }

  #add(row: OptionRow, ...texts: readonly string[]): void {
    this.texts.set(row.flag, [...(this.texts.get(row.flag) ?? []), ...texts]);
  }

  /**
   * A known flag in the place of a value means that the value was forgotten. The Go program would take the flag for
   * the value.
   */
  #isFlag(token: string): boolean {
    if (token === "--") return true;
    if (!token.startsWith("--")) {
      return token === "-h" || (token.length === 2 && token.startsWith("-") && this.#aliases.has(token.slice(1)));
    }
    const [name] = splitInline(token.slice(2));
    return name === "help" || this.#rows.has(name);
  }

  /** `"--vs 10.0.0.1:80"`, as one entry of a list in YAML may have it. Its value is not shown: it may be a secret. */
  #joined(row: OptionRow): void {
    this.problems.push(`"--${row.flag} …" is one argument with a blank in it; write --${row.flag}=…, or two arguments`);
    this.#add(row);
  }

  /** Text programs make dashes of hyphens. */
  #foreignDash(token: string): void {
    const [name, inline] = splitInline(token);
    const plain = name.replace(FOREIGN_DASH, "");
    const row = this.#rows.get(plain);
    const hint = row === undefined ? "" : `; write --${plain}`;
    this.problems.push(`"${name}" begins with a dash that is no hyphen${hint}`);
    if (row !== undefined) this.#add(row);
    this.#skipValue(inline, row?.kind !== "boolean");
  }

  #unknown(shown: string, name: string, inline: string | undefined): void {
    const negated = this.#rows.get(name.replace(/^no-/, ""));
    const meant = nearestOption(name, [...this.#rows.values()]);
    if (negated?.kind === "boolean") this.problems.push(`unknown flag ${shown}; did you mean --${negated.flag}=false?`);
    else if (meant !== undefined) {
      this.problems.push(`unknown flag ${shown}; did you mean --${meant.flag}?`);
      this.#add(meant);
    } else this.problems.push(`unknown flag ${shown}`);
    this.#skipValue(inline, negated?.kind !== "boolean" && meant?.kind !== "boolean");
  }

  /** What follows belongs to the misspelt flag: reporting it as well would only hide the cause. */
  #skipValue(inline: string | undefined, takesValue: boolean): void {
    if (inline === undefined && takesValue && this.#queue[0]?.startsWith("-") === false) this.#queue.shift();
  }

  /** Those that stand already, and nothing else. */
  #namesVirtualServers(): boolean {
    return this.#mostOperands === 0 && this.#rows.get("vs")?.suggests === "virtual-servers";
  }

  #positional(token: string): void {
    if (this.operands.length < this.#mostOperands) {
      this.operands.push(token);
      return;
    }
    const last = this.#last;
    if (last?.kind === "map") {
      // Not shown: `Authorization=Bearer …` without quotes has a secret for its second word.
      this.problems.push(`unexpected argument after --${last.flag}; put quotes around a value with blanks in it`);
      return;
    }
    let hint = "";
    if (token === "help") hint = "; write --help";
    else if (last?.kind === "boolean" && /^(true|false)$/i.test(token)) hint = `; write --${last.flag}=${token}`;
    else if (last?.kind === "list") hint = `; repeat --${last.flag} for each value`;
    else if (this.#namesVirtualServers() && isVirtualServerWord(token)) hint = `; did you mean --vs ${token}?`;
    this.problems.push(`unexpected argument "${token}"${hint}`);
  }
}

function isVirtualServerWord(token: string): boolean {
  try {
    parseVirtualServerWord(token);
    return true;
  } catch {
    return false;
  }
}

/** En and em dashes and their kin, alone or beside a hyphen. */
const FOREIGN_DASH = /^-?[\u2010-\u2015\u2212]-?/;

function splitInline(text: string): [name: string, inline: string | undefined] {
  const at = text.indexOf("=");
  return at === -1 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}
