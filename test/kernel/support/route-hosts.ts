import { expect } from "bun:test";
import { HeldConnection } from "./held-connection.ts";
import { runLvscare } from "./lvscare.ts";
import { hasItsAddresses, type Ended, type Namespace } from "./namespace.ts";
import { NODE, SERVERS, startTwoHosts, VIP, VS } from "./two-hosts.ts";
import { network, networkAndTable } from "./network.ts";
import { tableText } from "./ipvs-table.ts";
import { waitFor } from "./wait-for.ts";

export { NODE, SERVERS, VIP, VS };
export const CHECKS = "--interval 1 --health-schem http --health-path / --logger DEBG".split(" ");
export const CARE = ["--vs", VS, "--rs", SERVERS.join(","), ...CHECKS];
/** As `ip route` shows ours. */
export const ROUTE = `${VIP} via ${NODE} dev cable proto 76 metric 50`;
export const EXPIRE = "net/ipv4/vs/expire_nodest_conn";

/** A node, and another host on its cable with the real servers: what tests of route mode stand on. */
export class RouteHosts implements AsyncDisposable {
  readonly node: Namespace;
  readonly other: Namespace;
  /** What cleaning up must leave as it was. */
  readonly untouched: string;
  readonly #stack: AsyncDisposableStack;

  static async start(): Promise<RouteHosts> {
    await using stack = new AsyncDisposableStack();
    const { node, other } = await startTwoHosts(stack);
    await waitFor(() => network(node), hasItsAddresses);
    return new RouteHosts(node, other, await networkAndTable(node), stack.move());
  }

  private constructor(node: Namespace, other: Namespace, untouched: string, stack: AsyncDisposableStack) {
    [this.node, this.other, this.untouched, this.#stack] = [node, other, untouched, stack];
  }

  care(...flags: readonly string[]): Promise<Ended> {
    return runLvscare(this.node, ["care", ...flags]);
  }

  network(): Promise<string> {
    return networkAndTable(this.node);
  }

  /** `-C` takes everything away. */
  async clean(...flags: readonly string[]): Promise<void> {
    const { exitCode, stderr } = await this.care("--vs", VS, "-C", ...flags);
    expect(exitCode, stderr).toBe(0);
    expect(await this.network()).toBe(this.untouched);
  }

  /** Takes away what a test may have left. */
  async reset(): Promise<void> {
    if (tableText(this.node) !== "") await this.node.exec("ipvsadm", "-C");
    await this.node.run(["ip", "route", "flush", "root", "10.103.97.0/24"]);
  }

  async routes(): Promise<readonly string[]> {
    return linesOf(await this.node.exec("ip", "route", "show", VIP));
  }

  async routes6(): Promise<readonly string[]> {
    return linesOf(await this.node.exec("ip", "-6", "route", "show", "fd00:96::1"));
  }

  async sysctl(name: string): Promise<string> {
    return (await this.node.exec("cat", `/proc/sys/${name}`)).trim();
  }

  async setSysctl(name: string, value: string): Promise<void> {
    await this.node.exec("sysctl", "-w", `${name.replaceAll("/", ".")}=${value}`);
  }

  /** One connection to each real server; their states come in the order of the alphabet. */
  async connectionsToBoth(): Promise<AsyncDisposable & { states(): Promise<readonly string[]> }> {
    const held = [await HeldConnection.open(this.node, VS), await HeldConnection.open(this.node, VS)];
    return {
      async states() {
        return (await Promise.all(held.map((connection) => connection.state()))).toSorted();
      },
      async [Symbol.asyncDispose]() {
        for (const connection of held) await connection[Symbol.asyncDispose]();
      },
    };
  }

  /** Until disposed of, the real servers' host does not have this address, its second one: what is sent to it is lost. */
  async vanished(address: string): Promise<AsyncDisposable> {
    await this.other.exec("ip", "address", "del", `${address}/24`, "dev", "cable");
    return { [Symbol.asyncDispose]: () => this.other.addAddress(`${address}/24`, "cable") };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stack.disposeAsync();
  }
}

// --- internal ---

function linesOf(text: string): string[] {
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
}
