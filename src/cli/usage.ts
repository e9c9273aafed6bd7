import type { OptionRow } from "../config/option-row.ts";
import type { Paint } from "./colour.ts";
import { wrapText, wrapWords } from "./wrap-text.ts";

export interface CommandUsage<Row extends OptionRow = OptionRow> {
  readonly name: string;
  /** A sentence or two on what it does. */
  readonly about: string;
  /** What follows `lvscare <name>`. */
  readonly synopsis: string;
  readonly rows: readonly Row[];
  /** Arguments that are no flags, as many as it takes. */
  readonly operands?: number;
  /** The words that they may be, for completions to offer. */
  readonly operandChoices?: readonly string[];
  /** What running daemons care for of which completions offer the addresses and names. */
  readonly operandSuggests?: OptionRow["suggests"];
  readonly operandIsFile?: boolean;
  /** Further options that it takes, which another command's help explains. */
  readonly borrowed?: readonly OptionRow[];
  readonly examples: readonly { readonly about: string; readonly command: string }[];
  /** What it reads, besides flags: each thing and what it means. */
  readonly lists?: readonly {
    readonly title: string;
    readonly rows: readonly (readonly [thing: string, meaning: string])[];
  }[];
  /** Paragraphs for the end. */
  readonly notes?: readonly string[];
}

/** The help of one command, from the same table its values are read by. No line is longer than 80 columns. */
export function renderUsage(usage: CommandUsage, paint: Paint): string {
  const groups = Map.groupBy(usage.rows, (row) => row.group);
  const sections = [
    wrapText(usage.about, WIDTH),
    heading("Usage", paint, [`  lvscare ${usage.name} ${usage.synopsis}`]),
    ...[...groups].map(([group, rows]) =>
      heading(
        group,
        paint,
        rows.flatMap((row) => renderRow(row, paint)),
      ),
    ),
    heading(
      "Examples",
      paint,
      usage.examples.flatMap(({ about, command }) => [`  ${paint("grey", `# ${about}`)}`, ...renderExample(command)]),
    ),
    ...(usage.lists ?? []).map(({ title, rows }) =>
      heading(
        title,
        paint,
        rows.flatMap(([thing, meaning]) => besides(`  ${thing}`, `  ${paint("bold", thing)}`, meaning.split(" "))),
      ),
    ),
    ...(usage.notes ?? []).map((note) => wrapText(note, WIDTH)),
  ];
  return `${sections.map((lines) => lines.join("\n")).join("\n\n")}\n`;
}

/** The help of the program itself: what it is and its commands. */
export function renderOverview(
  commands: readonly { readonly name: string; readonly summary: string }[],
  paint: Paint,
): string {
  const column = Math.max(...commands.map(({ name }) => name.length)) + 4;
  const lines = commands.flatMap(({ name, summary }) => {
    const [first = "", ...rest] = wrapText(summary, WIDTH - column);
    const gap = " ".repeat(column - 2 - name.length);
    return [`  ${paint("bold", name)}${gap}${first}`, ...rest.map((line) => " ".repeat(column) + line)];
  });
  const sections = [
    wrapText(ABOUT, WIDTH),
    heading("Usage", paint, ["  lvscare <command> [flags]"]),
    heading("Commands", paint, lines),
    ["Help on one command: lvscare <command> --help"],
  ];
  return `${sections.map((section) => section.join("\n")).join("\n\n")}\n`;
}

// --- internal ---

const WIDTH = 80;
/** Where the sentences begin; flags too long for the room before it stand on a line of their own. */
const HELP_COLUMN = 32;

const ABOUT =
  "LVScare keeps an IPVS virtual server honest: it checks the real servers behind it, takes out the ones that fail, and brings " +
  "them back when they answer again.";

function heading(title: string, paint: Paint, lines: readonly string[]): string[] {
  return [paint("bold", `${title}:`), ...lines];
}

function renderRow(row: OptionRow, paint: Paint): string[] {
  const alias = row.alias === undefined ? "    " : `-${row.alias}, `;
  const value = row.valueName === undefined ? "" : ` <${row.valueName}>`;
  const plain = `  ${alias}--${row.flag}${value}`;
  const painted = `  ${paint("bold", `${alias}--${row.flag}`)}${value}`;
  const shown = row.default === undefined || row.default === "" ? [] : [`(default ${row.default})`];
  return besides(plain, painted, [...row.help.split(" "), ...shown]);
}

/** What something means, beside it, or below where it is too long for that. */
function besides(plain: string, painted: string, words: readonly string[]): string[] {
  const help = wrapWords(words, WIDTH - HELP_COLUMN).map((line) => " ".repeat(HELP_COLUMN) + line);
  if (plain.length > HELP_COLUMN - 2) return [painted, ...help];
  const [first = "", ...rest] = help;
  return [painted + first.slice(plain.length), ...rest];
}

/** A command line that can be copied: broken with backslashes, but never between a flag and its value. */
function renderExample(command: string): string[] {
  return wrapWords(command.split(/ (?=-)/), WIDTH - 8).map(
    (line, index, all) => `${index === 0 ? "  " : "      "}${line}${index < all.length - 1 ? " \\" : ""}`,
  );
}
