import { closeSync, existsSync, openSync, readSync } from "node:fs";
import type { Namespace } from "./namespace.ts";

/**
 * What weights each real server has been seen with, in order: `[1, 0, "absent"]`. Looks every millisecond or two, and sees IPv4 alone.
 */
export class WeightHistory implements Disposable {
  readonly #path: string;
  readonly #timer: NodeJS.Timeout;
  readonly #buffer = Buffer.alloc(64 * 1024);
  /** Open once there is a table: opening it takes as long as all else of a look. */
  #table: number | undefined;
  readonly #seen = new Map<string, (number | "absent")[]>();
  #looks = 0;
  #last = "";

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
    if (this.#table !== undefined) closeSync(this.#table);
  }

  #look(): void {
    const text = this.#read();
    this.#looks++;
    if (text === this.#last) return;
    this.#last = text;
    const standing = weights(text);
    for (const address of new Set([...standing.keys(), ...this.#seen.keys()])) {
      const history = this.#seen.get(address) ?? [];
      const weight = standing.get(address) ?? "absent";
      if (history.at(-1) !== weight) history.push(weight);
      this.#seen.set(address, history);
    }
  }

  #read(): string {
    if (this.#table === undefined && existsSync(this.#path)) this.#table = openSync(this.#path, "r");
    if (this.#table === undefined) return "";
    let length = 0;
    for (let read = -1; read !== 0; length += read)
      read = readSync(this.#table, this.#buffer, length, this.#buffer.length - length, length);
    return this.#buffer.toString("latin1", 0, length);
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
