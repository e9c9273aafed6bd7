import { parseIpvsTable, type IpvsTable } from "./ipvs-table.ts";
import { LineProcess } from "./line-process.ts";
import type { Namespace } from "./namespace.ts";

/**
 * Records how the table of a namespace changes. It reads the kernel's own listing, some hundred times a second: starting `ipvsadm`
 * for each look would miss what stands for less than a tenth of a second. Addresses are the kernel's: `tableOf` shows the same ones.
 */
export class TableWatch implements AsyncDisposable {
  readonly #process: LineProcess;

  /** Has looked once when this resolves. */
  static async start(namespace: Namespace): Promise<TableWatch> {
    return new TableWatch(await LineProcess.start(namespace, "watch-table-process.ts"));
  }

  private constructor(process: LineProcess) {
    this.#process = process;
  }

  /** Every table since the start that differs from the one before it, and then the present one. */
  async seen(): Promise<readonly IpvsTable[]> {
    const listings = JSON.parse(await this.#process.ask("seen")) as string[];
    const tables = listings.map((listing) => parseIpvsTable(readable(listing)));
    return tables.filter((table, at) => at === 0 || !Bun.deepEquals(table, tables[at - 1]));
  }

  /** The weights that a real server was seen with, in order; undefined where it was absent. */
  async weightsOf(virtualServer: string, realServer: string): Promise<readonly (number | undefined)[]> {
    const weights = (await this.seen()).map((table) => table[virtualServer]?.[realServer]);
    return weights.filter((weight, at) => at === 0 || weight !== weights[at - 1]);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#process[Symbol.asyncDispose]();
  }
}

// --- internal ---

/** `0A000001:0050` is 10.0.0.1:80; IPv6 addresses stand there in full: `[fd00:0000:…:0001]:0050`. */
function readable(listing: string): string {
  return listing
    .replaceAll(/\b([0-9A-F]{8}):([0-9A-F]{4})\b/g, (_, address: string, port: string) => {
      return `${Buffer.from(address, "hex").join(".")}:${Number.parseInt(port, 16)}`;
    })
    .replaceAll(/\[([0-9a-f:]{39})\]:([0-9A-F]{4})/g, (_, address: string, port: string) => {
      return `${new URL(`http://[${address}]`).hostname}:${Number.parseInt(port, 16)}`;
    });
}
