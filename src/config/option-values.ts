import { LvscareError } from "../domain/errors.ts";
import type { GivenOption, GivenOptions, OptionRow } from "./option-row.ts";
import { splitList } from "./split-list.ts";
import { UsageError } from "./usage-error.ts";
import { RefusedValue, type KeyProblem } from "./value-parsers.ts";

/** A problem with an option, as a configuration file tells of it. */
export interface OptionProblem {
  readonly flag: string;
  /** `conflict`: it does not go with another option. */
  readonly code: KeyProblem["code"] | "conflict";
  readonly message: string;
  readonly hint?: string;
}

/**
 * Typed values from given texts. A bad one becomes a problem and yields its default, so that one run reports all of
 * them: check `problems` before you use the values.
 */
export class OptionValues<Flag extends string> {
  readonly problems: string[];
  /** The same but for what is no single option's. */
  readonly refused: OptionProblem[] = [];
  readonly #rows: ReadonlyMap<string, OptionRow>;
  readonly #given: GivenOptions;

  constructor(rows: readonly OptionRow[], given: GivenOptions, problems: readonly string[] = []) {
    this.#rows = new Map(rows.map((row) => [row.flag, row]));
    this.#given = given;
    this.problems = [...problems];
  }

  /** It was not given, or only as blank text. An option without its value is already a problem, and not missing. */
  isMissing(flag: Flag): boolean {
    const texts = this.#given.get(flag)?.texts;
    return texts === undefined || (texts.length > 0 && texts.every((text) => text.trim() === ""));
  }

  /** It was given, and also a blank text, as a shell variable without a value makes it. */
  hasGap(flag: Flag): boolean {
    const texts = this.#given.get(flag)?.texts ?? [];
    return !this.isMissing(flag) && texts.some((text) => text.trim() === "");
  }

  /** The last text given, unread; the default where there is none. */
  peek(flag: Flag): string | undefined {
    return this.#given.get(flag)?.texts.at(-1) ?? this.#rows.get(flag)?.default;
  }

  /** The last text given, through `parse`; the default where there is none. */
  read<T>(flag: Flag, parse: (text: string) => T): T {
    return this.readOptional(flag, parse) ?? this.fallback(flag, parse);
  }

  /** The last text given, through `parse`; undefined where there is none or it is bad. */
  readOptional<T>(flag: Flag, parse: (text: string) => T): T | undefined {
    const text = this.#given.get(flag)?.texts.at(-1);
    return text === undefined ? undefined : this.#attempt(flag, () => parse(text));
  }

  /** Every entry of every text, each through `parse`; bad ones are left out. */
  readList<T>(flag: Flag, parse: (entry: string) => T): T[] {
    const texts = this.#given.get(flag)?.texts ?? [];
    return texts
      .flatMap((text) => this.#attempt(flag, () => splitList(text)) ?? [])
      .flatMap((entry) => this.#attempt(flag, () => [parse(entry)]) ?? []);
  }

  /** All texts together through `parse`; undefined where there is none or they are bad. */
  readAll<T>(flag: Flag, parse: (texts: readonly string[]) => T): T | undefined {
    const given = this.#given.get(flag);
    return given === undefined ? undefined : this.#attempt(flag, () => parse(given.texts));
  }

  /** The default's value. */
  fallback<T>(flag: Flag, parse: (text: string) => T): T {
    const row = this.#rows.get(flag);
    const text = row?.default ?? (row?.kind === "boolean" ? "false" : undefined);
    if (text === undefined) throw new Error(`option ${flag} has no default`);
    return parse(text);
  }

  refuse(flag: Flag, message: string): void {
    this.problems.push(`${this.#source(flag)}: ${message}`);
    // A file has options by their names alone.
    this.refused.push({ flag, code: "conflict", ...parted(message.replaceAll(/--(?=[a-z])/g, "")) });
  }

  // --- internal ---

  #attempt<T>(flag: Flag, parse: () => T): T | undefined {
    try {
      return parse();
    } catch (error) {
      // Anything else than a refusal is a fault of the program and must not pass for a typing slip.
      if (!(error instanceof LvscareError)) throw error;
      this.problems.push(...problemsOf(error).map((problem) => `${this.#source(flag)}: ${problem}`));
      this.refused.push({ flag, ...keyProblem(error) });
      return undefined;
    }
  }

  #source(flag: Flag): string {
    return this.#given.get(flag)?.source ?? `--${flag}`;
  }
}

/** Options of the command line over those of the environment: a flag that is given hides its variable entirely. */
export function mergeGiven(strong: GivenOptions, weak: GivenOptions): Map<string, GivenOption> {
  return new Map([...weak, ...strong]);
}

function problemsOf(error: LvscareError): readonly string[] {
  return error instanceof UsageError ? error.problems : [error.message];
}

/** How a configuration file tells of a value that could not be read. */
export function keyProblem(error: LvscareError): KeyProblem {
  return error instanceof RefusedValue ? error.inFile : { code: "type", ...parted(error.message) };
}

function parted(message: string): { readonly message: string; readonly hint?: string } {
  // Not within a value, which is in quotes.
  const at = message.indexOf("; ", message.lastIndexOf('"') + 1);
  return at === -1 ? { message } : { message: message.slice(0, at), hint: message.slice(at + 2) };
}
