import { linesOf } from "../../test/kernel/support/line-process.ts";
import type { Namespace } from "../../test/kernel/support/namespace.ts";

/** What a farm's servers were asked since the last reset. */
export interface FarmReport {
  readonly requests: number;
  /** Of all times: connections, and requests on them after the first. */
  readonly met: number;
  /** Of the server that was asked least. */
  readonly fewest: number;
  readonly longestSilenceMs: number;
  /** The longest hundredth of the times between two requests to the same server, the longest first. */
  readonly gapsMs: readonly number[];
}

export interface FarmOptions {
  readonly tls?: boolean;
  /** The host that has them; by default this one. */
  readonly on?: Namespace | undefined;
}

/** Healthy servers at every address that their host has, in a process of their own: here all of 127.0.0.0/8. */
export class Farm {
  readonly #child: Bun.Subprocess<"pipe", "pipe">;
  readonly #lines: AsyncIterator<string>;

  static async start(options: FarmOptions = {}): Promise<Farm> {
    const farm = new Farm(options);
    await farm.#lines.next();
    return farm;
  }

  private constructor({ tls = false, on }: FarmOptions) {
    const argv = [process.execPath, `${import.meta.dir}/farm-process.ts`, ...(tls ? ["tls"] : [])];
    this.#child = on?.spawn(argv) ?? Bun.spawn(argv, { stdin: "pipe", stdout: "pipe" });
    this.#lines = linesOf(this.#child.stdout)[Symbol.asyncIterator]();
  }

  say(command: "down" | "up" | "reset"): void {
    this.#child.stdin.write(`${command}\n`);
    void this.#child.stdin.flush();
  }

  async report(): Promise<FarmReport> {
    this.#child.stdin.write("report\n");
    await this.#child.stdin.flush();
    const { value } = await this.#lines.next();
    return JSON.parse(String(value)) as FarmReport;
  }

  async kill(): Promise<void> {
    this.#child.kill();
    await this.#child.exited;
  }
}

/** `127.1.0.1:9090` and those after it, or those of another network of 16 million addresses. */
export function farmAddresses(count: number, network = 127): string[] {
  return Array.from(
    { length: count },
    (_, index) =>
      `${network}.${1 + Math.floor(index / 62_500)}.${Math.floor(index / 250) % 250}.${1 + (index % 250)}:9090`,
  );
}

/** In flags of a length that the kernel takes. */
export function realServerFlags(addresses: readonly string[]): string[] {
  const FEW = 1000;
  return Array.from({ length: Math.ceil(addresses.length / FEW) }, (_, part) => [
    "--rs",
    addresses.slice(part * FEW, (part + 1) * FEW).join(","),
  ]).flat();
}
