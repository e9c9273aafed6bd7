/** A rule with the arguments that make it, `iptables -A <chain> <spec>`. */
export interface Rule {
  readonly chain: string;
  readonly spec: readonly string[];
}

/** One step of a change: a chain is made or deleted, a rule is appended or deleted. */
export type NatChange = ChainChange | RuleChange;

interface ChainChange {
  readonly verb: "-N" | "-X";
  readonly chain: string;
}

interface RuleChange extends Rule {
  readonly verb: "-A" | "-D";
}

/** The nat table as `iptables -S` lists it. */
export class NatTable {
  readonly #chains: ReadonlySet<string>;
  readonly rules: readonly Rule[];

  static read(listing: string): NatTable {
    const lines = listing.split("\n").map(wordsOf);
    return new NatTable(
      new Set(lines.flatMap(([verb, chain = ""]) => (verb === "-N" ? [chain] : []))),
      lines.flatMap(([verb, chain = "", ...spec]) => (verb === "-A" ? [{ chain, spec }] : [])),
    );
  }

  private constructor(chains: ReadonlySet<string>, rules: readonly Rule[]) {
    this.#chains = chains;
    this.rules = rules;
  }

  /** One that somebody made. */
  hasChain(chain: string): boolean {
    return this.#chains.has(chain);
  }

  has(rule: Rule): boolean {
    return this.rules.some((one) => isSameRule(one, rule));
  }

  rulesIn(chains: readonly string[]): readonly Rule[] {
    return this.rules.filter(({ chain }) => chains.includes(chain));
  }

  /** What it is after these changes, as far as it can be known: the kernel may list a new rule in other words. */
  with(changes: readonly NatChange[]): NatTable {
    const chains = new Set(this.#chains);
    const rules = [...this.rules];
    for (const change of changes) {
      switch (change.verb) {
        case "-N":
          chains.add(change.chain);
          break;
        case "-X":
          chains.delete(change.chain);
          break;
        case "-A":
          rules.push(change);
          break;
        case "-D": {
          const at = rules.findIndex((rule) => isSameRule(rule, change));
          if (at !== -1) rules.splice(at, 1);
        }
      }
    }
    return new NatTable(chains, rules);
  }
}

/** What `iptables` takes for it. */
export function argumentsOf(change: NatChange): readonly string[] {
  return [change.verb, change.chain, ...("spec" in change ? change.spec : [])];
}

/** What `iptables-restore --noflush` takes: all of it or nothing. */
export function restoreText(changes: readonly NatChange[]): string {
  return ["*nat", ...changes.map((change) => argumentsOf(change).map(quoted).join(" ")), "COMMIT", ""].join("\n");
}

export function commentOf({ spec }: Rule): string | undefined {
  const at = spec.indexOf("--comment");
  return at === -1 ? undefined : spec[at + 1];
}

/** Word by word. */
export function isSameRule(one: Rule, other: Rule): boolean {
  if (one.chain !== other.chain || one.spec.length !== other.spec.length) return false;
  return one.spec.every((word, index) => word === other.spec[index]);
}

// --- internal ---

function wordsOf(line: string): string[] {
  return [...line.matchAll(/"((?:[^"\\]|\\.)*)"|(\S+)/g)].map(([, between, bare]) =>
    between === undefined ? (bare ?? "") : between.replaceAll(/\\(.)/g, "$1"),
  );
}

function quoted(word: string): string {
  return /^[^\s"'\\]+$/.test(word) ? word : `"${word.replaceAll(/["\\]/g, "\\$&")}"`;
}
