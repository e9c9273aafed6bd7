import { nearestName } from "./nearest-name.ts";
import type { GivenOption, GivenOptions, OptionRow } from "./option-row.ts";

export interface ArgvReading {
  /** By flag. */
  readonly given: GivenOptions;
  /** What is wrong with the arguments as such, one line each; the values are not looked at here. */
  readonly problems: readonly string[];
  /** Somebody asked for help: nothing else counts then. */
  readonly help: boolean;
}

/**
 * Reads the arguments after the command's name by its options, and never throws. `--flag value`, `--flag=value`, `-i value`,
 * `-ivalue`, `-Ci value` and `--boolean=false` are understood; what is not an option of this command is a problem.
 */
export function readArgv(argv: readonly string[], rows: readonly OptionRow[]): ArgvReading {
  const reader = new ArgvReader(argv, rows);
  reader.readAll();
  const given = [...reader.texts].map(([flag, texts]): [string, GivenOption] => [flag, { source: `--${flag}`, texts }]);
  return { given: new Map(given), problems: reader.problems, help: reader.help };
}

// --- internal ---

class ArgvReader {
  readonly texts = new Map<string, string[]>();
  readonly problems: string[] = [];
  help = false;
  readonly #rows: ReadonlyMap<string, OptionRow>;
  readonly #aliases: ReadonlyMap<string, OptionRow>;
  readonly #queue: string[];
  #last: OptionRow | undefined;

  constructor(argv: readonly string[], rows: readonly OptionRow[]) {
    this.#queue = [...argv];
    this.#rows = new Map(rows.map((row) => [row.flag, row]));
    this.#aliases = new Map(rows.flatMap((row) => (row.alias === undefined ? [] : [[row.alias, row]])));
  }

  readAll(): void {
    for (let token = this.#queue.shift(); token !== undefined; token = this.#queue.shift()) {
      if (token === "--") {
        for (const rest of this.#queue.splice(0)) this.#positional(rest);
      } else if (token.startsWith("--")) this.#long(token);
      else if (token.startsWith("-") && token !== "-") this.#short(token);
      else this.#positional(token);
    }
  }

  #long(token: string): void {
    const [name, inline] = splitInline(token.slice(2));
    const row = this.#rows.get(name);
    if (name === "help") this.help = true;
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
      if (next === undefined || this.#isFlag(next)) {
        this.#add(row);
        this.problems.push(`flag ${shown} needs a value`);
      } else this.#add(row, ...this.#queue.splice(0, 1));
    }
  }

  #add(row: OptionRow, ...texts: readonly string[]): void {
    this.texts.set(row.flag, [...(this.texts.get(row.flag) ?? []), ...texts]);
  }

  /** A known flag where a value should stand means that the value was forgotten, which the Go program takes for the value. */
  #isFlag(token: string): boolean {
    if (token === "--") return true;
    if (!token.startsWith("--")) return token === "-h" || (token.length === 2 && this.#aliases.has(token.slice(1)));
    const [name] = splitInline(token.slice(2));
    return name === "help" || this.#rows.has(name);
  }

  #unknown(shown: string, name: string, inline: string | undefined): void {
    const negated = this.#rows.get(name.replace(/^no-/, ""));
    const meant = this.#rows.get(nearestName(name, [...this.#rows.keys()]) ?? "");
    if (negated?.kind === "boolean") this.problems.push(`unknown flag ${shown}; did you mean --${negated.flag}=false?`);
    else if (meant !== undefined) {
      this.problems.push(`unknown flag ${shown}; did you mean --${meant.flag}?`);
      this.#add(meant);
    } else this.problems.push(`unknown flag ${shown}`);
    // What follows belongs to the misspelt flag: reporting it as well would only hide the cause.
    const takesValue = negated?.kind !== "boolean" && meant?.kind !== "boolean";
    if (inline === undefined && takesValue && this.#queue[0]?.startsWith("-") === false) this.#queue.shift();
  }

  #positional(token: string): void {
    const last = this.#last;
    let hint = "";
    if (last?.kind === "boolean" && /^(true|false)$/i.test(token)) hint = `; write --${last.flag}=${token}`;
    else if (last?.kind === "list" || last?.kind === "map") hint = `; repeat --${last.flag} for each value`;
    this.problems.push(`unexpected argument "${token}"${hint}`);
  }
}

function splitInline(text: string): [name: string, inline: string | undefined] {
  const at = text.indexOf("=");
  return at === -1 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}
