import { tableText } from "./ipvs-table.ts";
import type { Namespace } from "./namespace.ts";

/**
 * What weights each real server has been seen with, in order: `[1, 0, "absent"]`. Looks every millisecond or two, and sees IPv4 alone.
 */
export class WeightHistory implements Disposable {
  readonly #namespace: Namespace;
  readonly #timer: NodeJS.Timeout;
  readonly #seen = new Map<string, (number | "absent")[]>();
  #looks = 0;

  constructor(namespace: Namespace) {
    this.#namespace = namespace;
    this.#timer = setInterval(() => this.#look(), 1);
  }

  get looks(): number {
    return this.#looks;
  }

  /** Empty for one that never stood in the table. */
  of(address: string): readonly (number | "absent")[] {
    return this.#seen.get(address) ?? [];
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const standing = weights(tableText(this.#namespace));
    for (const address of new Set([...standing.keys(), ...this.#seen.keys()])) {
      const history = this.#seen.get(address) ?? [];
      const weight = standing.get(address) ?? "absent";
      if (history.at(-1) !== weight) history.push(weight);
      this.#seen.set(address, history);
    }
    this.#looks++;
  }
}

// --- internal ---

/** Lines like `  -> 7F000001:1F90      Masq    1      0          0` (net/netfilter/ipvs/ip_vs_ctl.c: ip_vs_info_seq_show). */
function weights(table: string): Map<string, number> {
  const lines = table.matchAll(/^ {2}-> ([0-9A-F]{8}):([0-9A-F]{4}) +\S+ +(\d+)/gm);
  return new Map(
    Array.from(lines, ([, address = "", port = "", weight]) => [
      `${Buffer.from(address, "hex").join(".")}:${Number.parseInt(port, 16)}`,
      Number(weight),
    ]),
  );
}
