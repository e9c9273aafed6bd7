import { addressBytes } from "../../domain/endpoint.ts";
import type { ServiceKey } from "../../domain/virtual-server.ts";

/** The kernel's own listings of IPVS, each the whole of it; undefined where they cannot be read. */
export interface IpvsListings {
  /** `/proc/net/ip_vs`: virtual servers with their real servers. */
  readonly table: () => string | undefined;
  /** `/proc/net/ip_vs_stats`: what all of them have carried. */
  readonly totals: () => string | undefined;
}

/**
 * What the kernel lists of all virtual servers at once, as marks to compare: whether something is as it was costs a
 * system call or two for any number of virtual servers, where reading them takes some for each.
 *
 * The formats are those of `ip_vs_info_seq_show` and `ip_vs_stats_show` in the kernel's `ip_vs_ctl.c`.
 */
export class ListedTable {
  readonly #listings: IpvsListings;
  #turn: Turn | undefined;
  #turnsToSkip = 0;

  constructor(listings: IpvsListings) {
    this.#listings = listings;
  }

  /**
   * A mark of what is listed of a virtual server, whatever it carries: its scheduler and persistence, and its real
   * servers' addresses, weights and ways. It stays the same as long as these do. Undefined where it is not to be had,
   * or not worth reading: the table may be full of virtual servers that nobody asks for.
   */
  outlineOf(key: ServiceKey): bigint | undefined {
    const section = this.#section(this.#thisTurn(), key);
    return section === undefined ? undefined : Bun.hash.wyhash(withoutCounts(section));
  }

  /**
   * A mark of what a virtual server has carried: while it stays the same, so do the connections that its real servers
   * have, and nobody's packets were counted. The kernel counts these every two seconds, connections at once. Undefined as above.
   */
  carriedBy(key: ServiceKey): string | undefined {
    const turn = this.#thisTurn();
    const section = this.#section(turn, key);
    if (section === undefined) return undefined;
    turn.totals ??= { line: totalsIn(this.#listings.totals()) };
    return turn.totals.line === undefined ? undefined : `${Bun.hash.wyhash(section)} ${turn.totals.line}`;
  }

  // --- internal ---

  /** What was read in this turn of the event loop, which ends once all that wait for it had theirs. */
  #thisTurn(): Turn {
    if (this.#turn !== undefined) return this.#turn;
    const turn: Turn = { asked: 0, characters: 0, sections: undefined, totals: undefined };
    this.#turn = turn;
    queueMicrotask(() => {
      this.#turn = undefined;
      if (turn.characters > MOST_CHARACTERS_EACH * turn.asked) this.#turnsToSkip = TURNS_SKIPPED;
    });
    return turn;
  }

  #section(turn: Turn, key: ServiceKey): string | undefined {
    turn.asked++;
    const sections = (turn.sections ??= this.#sections(turn));
    return sections.get(headerOf(key));
  }

  #sections(turn: Turn): ReadonlyMap<string, string> {
    if (this.#turnsToSkip > 0) {
      this.#turnsToSkip--;
      return NONE;
    }
    const text = this.#listings.table();
    if (text === undefined) return NONE;
    turn.characters = text.length;
    return sectionsOf(text);
  }
}

// --- internal ---

interface Turn {
  /** How many virtual servers somebody asked for. */
  asked: number;
  /** Of the table that was read for them. */
  characters: number;
  sections: ReadonlyMap<string, string> | undefined;
  totals: { readonly line: string | undefined } | undefined;
}

const NONE: ReadonlyMap<string, string> = new Map();

/** A virtual server with a hundred real servers takes some 7 kB. Above this, to ask for the one is cheaper. */
const MOST_CHARACTERS_EACH = 16_384;

const TURNS_SKIPPED = 60;

/** Each virtual server's lines by what its first one begins with: protocol, address and port. */
function sectionsOf(text: string): ReadonlyMap<string, string> {
  const sections = new Map<string, string>();
  // The lines of real servers are indented, so only the heading and virtual servers begin with a letter.
  for (const section of text.split(/\n(?=[A-Z])/)) sections.set(section.slice(0, endOfKey(section)), section);
  return sections;
}

/** Protocol and address are divided by two blanks, and one follows them. */
function endOfKey(section: string): number {
  return section.indexOf(" ", section.indexOf("  ") + 2);
}

function headerOf({ protocol, endpoint: { address, port } }: ServiceKey): string {
  const bytes = addressBytes(address);
  const hex = bytes.toHex();
  const written = bytes.length === 4 ? hex.toUpperCase() : `[${(hex.match(/.{4}/g) ?? []).join(":")}]`;
  return `${protocol.toUpperCase()}  ${written}:${port.toString(16).toUpperCase().padStart(4, "0")}`;
}

/** A real server's line ends with how many connections it has, open and otherwise. */
function withoutCounts(section: string): string {
  return section.replace(/^(  -> \S+ +\S+ +-?\d+).*$/gm, "$1");
}

/** Two lines name the columns; those after the third tell of rates, which change by themselves. */
function totalsIn(text: string | undefined): string | undefined {
  return text?.split("\n", 3)[2];
}
