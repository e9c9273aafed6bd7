/** Commands of a page that are typed into one of the reader's shells, and what it shows for them. */
export interface PageStep {
  readonly shell: string;
  /** The command does not come back: a daemon. */
  readonly goesOn: boolean;
  readonly commands: readonly PageCommand[];
}

export interface PageCommand {
  readonly text: string;
  /** What the page shows below it; undefined where it shows nothing. */
  readonly output: string | undefined;
}

/** The steps of a page, in order: blocks under a comment such as `<!-- shell: look -->`, which readers do not see. */
export function stepsOf(page: string): PageStep[] {
  const blocks = page.matchAll(/^ *<!-- shell: (\w+)(, goes on)? -->\n *```(bash|console)\n([^]*?)^ *```$/gm);
  return Array.from(blocks, ([, shell = "", goesOn, kind, block = ""]) => ({
    shell,
    goesOn: goesOn !== undefined,
    commands: kind === "bash" ? [{ text: block.replaceAll(/^ {3}/gm, ""), output: undefined }] : dialogue(block),
  }));
}

/**
 * A text without what differs from run to run: times, numbers of processes, counts of connections, the order in which
 * servers were served, how wide columns are.
 */
export function shapeOf(output: string): string {
  return output
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+(?:\+\d\d:\d\d)?/g, "AT")
    .replaceAll(/\b(?:\d+(?:\.\d+)?(?:ns|µs|ms|s|m|h))+/g, "TIME")
    .replaceAll(/\bpid \d+/g, "pid N")
    .replaceAll(/\bapplies +\d+/g, "applies N")
    .replaceAll(/^answered by \d+$/gm, "answered by N")
    .replaceAll(/ \d+ +\d+ {2}(?=passed|failed)/g, " N N ")
    .replaceAll(/ +/g, " ")
    .trim();
}

// --- internal ---

function dialogue(block: string): PageCommand[] {
  return block
    .split(/^\$ /m)
    .slice(1)
    .map((part) => {
      const [text = "", ...output] = part.split("\n");
      return { text, output: output.join("\n").trim() };
    });
}
