import { existsSync, readFileSync } from "node:fs";
import type { Namespace } from "./namespace.ts";

/**
 * What weights each real server has been seen with, in order: `[1, 0, "absent"]`. Looks at the kernel's own table every millisecond or
 * two, which `ipvsadm` would be too slow for, and sees IPv4 alone.
 */
export class WeightHistory implements Disposable {
  readonly #path: string;
  readonly #timer: NodeJS.Timeout;
  readonly #seen = new Map<string, (number | "absent")[]>();
  #looks = 0;

  constructor(namespace: Namespace) {
    this.#path = `/proc/${namespace.pid}/net/ip_vs`;
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
    // Without the module there is no file, and no table either.
    const standing = weights(existsSync(this.#path) ? readFileSync(this.#path, "utf8") : "");
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
