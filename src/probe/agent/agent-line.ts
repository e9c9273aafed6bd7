/** Of weights that agents ask for: HAProxy knows none that is larger. */
export const LARGEST_AGENT_WEIGHT = 256;

/** What an agent says in one line: a word for each matter that it names, the last where it names several. */
export interface AgentWords {
  /** All but `up` take it out. */
  readonly health?: "up" | "down" | "fail" | "stopped";
  readonly admin?: "ready" | "drain" | "maintenance";
  readonly weight?: { readonly weight: number } | { readonly percent: number };
  /** Connections at the same time; 0 for any number. */
  readonly limit?: number;
  /** What it said to that, for people. */
  readonly description?: string;
  /** The first word that nobody knows. */
  readonly unknown?: string;
}

/**
 * Reads a line of HAProxy's agent protocol, without its end. Words are divided by blanks, tabs and commas, in any case
 * and order; after `#` comes a description.
 */
export function readAgentLine(line: string): AgentWords {
  const at = line.indexOf("#");
  const description = at === -1 ? "" : plain(line.slice(at + 1));
  const words: { -readonly [Matter in keyof AgentWords]: AgentWords[Matter] } = {};
  if (description !== "") words.description = description;
  for (const word of (at === -1 ? line : line.slice(0, at)).split(/[ \t,]+/)) {
    if (word === "") continue;
    const meant = readWord(word);
    // Of those that nobody knows the first one is told, as HAProxy does.
    if (meant === undefined) words.unknown ??= plain(word);
    else Object.assign(words, meant);
  }
  return words;
}

/** Whether there was a word that means something. */
export function saysSomething({ health, admin, weight, limit }: AgentWords): boolean {
  return health !== undefined || admin !== undefined || weight !== undefined || limit !== undefined;
}

// --- internal ---

const WORDS: ReadonlyMap<string, AgentWords> = new Map([
  ["up", { health: "up" }],
  ["down", { health: "down" }],
  ["fail", { health: "fail" }],
  ["stopped", { health: "stopped" }],
  ["ready", { admin: "ready" }],
  ["drain", { admin: "drain" }],
  ["maint", { admin: "maintenance" }],
]);

/** As the kernel counts, and as HAProxy does. */
const LARGEST_LIMIT = 2 ** 31 - 1;

const LONGEST_SHOWN = 200;

function readWord(word: string): AgentWords | undefined {
  const small = word.toLowerCase();
  const known = WORDS.get(small);
  if (known !== undefined) return known;
  const [, name, digits = "", sign] = /^(?:(weight|maxconn):)?(\d{1,10})(%?)$/.exec(small) ?? [];
  const number = Number(digits);
  if (digits === "") return undefined;
  if (name === "maxconn") return sign === "" && number <= LARGEST_LIMIT ? { limit: number } : undefined;
  if (sign === "%") return { weight: { percent: number } };
  return name === "weight" && number <= LARGEST_AGENT_WEIGHT ? { weight: { weight: number } } : undefined;
}

/** As it may stand in a log. */
function plain(text: string): string {
  const line = text.replaceAll(/\p{Cc}+/gu, " ").trim();
  return line.length <= LONGEST_SHOWN ? line : `${line.slice(0, LONGEST_SHOWN)}…`;
}
