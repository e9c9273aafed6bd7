import type { Page } from "../../tasks/docs/pages.ts";

export interface CommandLine {
  /** The page, and the line as it stands there. */
  readonly place: string;
  readonly command: string;
  readonly argv: readonly string[];
  /** From a block, to be typed as it stands there. */
  readonly isTyped: boolean;
}

/**
 * Each call of `lvscare` that a page shows: in its blocks for a shell, and in running text where it is whole (neither
 * abridged nor with places to fill in). What comes from the program itself is no text of a page.
 */
export function commandLinesOf({ path, text: page }: Page): CommandLine[] {
  const text = page.replaceAll(/<!-- ([\w ]+), written by [^]*?<!-- end of \1 -->/g, "");
  const blocks = [...text.matchAll(/^ *```(bash|console)\n([^]*?)^ *```$/gm)].flatMap(([, kind, block = ""]) => {
    const lines = block.replaceAll(/\\\n\s*/g, "").split("\n");
    return kind === "bash" ? lines : lines.flatMap((line) => /^ *\$ (.*)/.exec(line)?.[1] ?? []);
  });
  const spans = [...text.replaceAll(/^ *```[^]*?^ *```$/gm, "").matchAll(/`(lvscare [^`…<]+)`/g)].map(
    ([, span = ""]) => span,
  );
  return [...blocks, ...spans].flatMap((line, index) =>
    callsIn(line).map(([command = "", ...argv]) => ({
      place: `${path}: ${line.trim()}`,
      command,
      argv,
      isTyped: index < blocks.length,
    })),
  );
}

/** The arguments of each `lvscare` in a line for a shell. */
export function callsIn(line: string): string[][] {
  return wordsOf(line)
    .filter(([program]) => program === "lvscare")
    .map(([, ...argv]) => argv);
}

// --- internal ---

/** The words of each command in a line, without redirections: no more of a shell's language than the pages use. */
function wordsOf(line: string): string[][] {
  const commands: string[][] = [[]];
  for (const [token] of line.matchAll(/(?:"[^"]*"|'[^']*'|[^\s|&;<>()"'#]|\b#)+|[|&;()<>]+ *|\s#.*/g)) {
    if (/^\s#/.test(token)) break;
    const word = token.replaceAll(/["']/g, "");
    if (/^>+ *$/.test(token) || token.trim() === "<") commands.push(["(a file)"]);
    else if (/^[|&;()<]/.test(token)) commands.push([]);
    else commands.at(-1)?.push(word);
  }
  return commands;
}
