import { expect } from "bun:test";
import { hasNftables } from "../../../src/reach/link/nft-rules.ts";
import { tableWith } from "./care-flags.ts";
import { Client } from "./client.ts";
import { EchoServers } from "./echo-server.ts";
import { waitForTable } from "./ipvs-table.ts";
import { runLvscare, type CareProcess } from "./lvscare.ts";
import { connect, hasItsAddresses, Namespace, type Ended } from "./namespace.ts";
import { networkAndTable } from "./network.ts";
import { waitFor } from "./wait-for.ts";

/** Of no network that these hosts are in. */
export const VIP = "10.103.97.2";
export const VS = `${VIP}:6443`;
/** One on the node itself, two on another host. */
export const SERVERS = ["10.0.0.5:8080", "10.0.0.6:80", "10.0.0.7:80"] as const;
export const SERVERS6 = ["[fd00:10::5]:8080", "[fd00:10::6]:80"] as const;
export const CHECKS = "--interval 1 --health-schem http --health-path / --mode link --logger DEBG".split(" ");
export const CARE = ["--vs", VS, "--rs", SERVERS.join(","), ...CHECKS];

/** A node with real servers on it and beside it, and clients of every kind: what tests of link mode stand on. */
export class LinkHosts implements AsyncDisposable {
  readonly node: Namespace;
  readonly masters: Namespace;
  /** Another host, routed through the node. */
  readonly outside: Namespace;
  /** Behind one end of a cable, as a container's. */
  readonly pod: Namespace;
  readonly #stack: AsyncDisposableStack;

  static async start(): Promise<LinkHosts> {
    await using stack = new AsyncDisposableStack();
    const create = async (): Promise<Namespace> => stack.use(await Namespace.create());
    const [node, masters, outside, pod] = [await create(), await create(), await create(), await create()];
    await connect([node, "10.0.0.5/24"], [masters, "10.0.0.6/24"], "cable");
    await connect([node, "10.1.0.1/24"], [outside, "10.1.0.2/24"], "uplink");
    await connect([node, "10.2.0.1/24"], [pod, "10.2.0.2/24"], "veth0");
    await masters.addAddress("10.0.0.7/24", "cable");
    for (const [namespace, address, link] of [
      [node, "fd00:10::5/64", "cable"],
      [masters, "fd00:10::6/64", "cable"],
      [node, "fd00:11::1/64", "uplink"],
      [outside, "fd00:11::2/64", "uplink"],
    ] as const) {
      await namespace.addAddress(address, link);
    }
    for (const [namespace, gateway] of [
      [outside, "10.1.0.1"],
      [outside, "fd00:11::1"],
      [pod, "10.2.0.1"],
    ] as const) {
      await namespace.exec("ip", "route", "add", "default", "via", gateway);
    }
    // Which link mode wants, and which shows in the routes.
    await node.exec("sysctl", "-w", "net.ipv6.conf.all.forwarding=1");
    stack.use(await EchoServers.start(node, [SERVERS[0], SERVERS6[0]]));
    stack.use(await EchoServers.start(masters, [SERVERS[1], SERVERS[2], SERVERS6[1]]));
    const hosts = new LinkHosts([node, masters, outside, pod], stack.move());
    await waitFor(() => hosts.network(), hasItsAddresses);
    return hosts;
  }

  private constructor(
    [node, masters, outside, pod]: readonly [Namespace, Namespace, Namespace, Namespace],
    stack: AsyncDisposableStack,
  ) {
    [this.node, this.masters, this.outside, this.pod] = [node, masters, outside, pod];
    this.#stack = stack;
  }

  once(...flags: readonly string[]): Promise<Ended> {
    return runLvscare(this.node, ["care", ...flags, "--run-once"]);
  }

  clean(...flags: readonly string[]): Promise<Ended> {
    return runLvscare(this.node, ["care", ...flags, "-C"]);
  }

  async reached(care: CareProcess, link = "lvscare"): Promise<void> {
    await waitForTable(this.node, tableWith(SERVERS, VS));
    await care.waitForLog(new RegExp(`set up 10.103.97.2/32 on dummy link ${link}$`));
  }

  /** A client there reaches every real server, in turn. */
  async expectAll(from: Namespace): Promise<void> {
    await using client = await Client.start(from, VS);
    expect(await client.askEach(SERVERS.length)).toEqual(SERVERS.toSorted());
  }

  /** What cleaning up must leave as it was. */
  async network(): Promise<string> {
    return [await networkAndTable(this.node), ...(await this.#rulesOfAll())].join("\n");
  }

  /** Our rules, in whichever firewall this kernel has for them. */
  async rules(): Promise<string> {
    if (hasNftables()) return (await this.node.run(["nft", "list", "table", "inet", "lvscare"])).stdout;
    const listed = await this.#rulesOfAll();
    return (
      listed
        .join("")
        .match(/^.*LVSCARE.*$/gm)
        ?.join("\n") ?? ""
    );
  }

  /** As somebody would who reloads a firewall of his own. */
  async dropRules(): Promise<void> {
    if (hasNftables()) return void (await this.node.exec("nft", "delete", "table", "inet", "lvscare"));
    for (const program of IPTABLES) await this.node.exec(program, "-t", "nat", "-F");
  }

  /** Takes away what a test may have left. */
  async reset(): Promise<void> {
    const { node } = this;
    await node.exec("ipvsadm", "-C");
    await node.run("sysctl -w net.ipv4.conf.all.arp_ignore=0 net.ipv4.conf.all.arp_announce=0".split(" "));
    await node.run(["ip", "link", "del", "lvscare"]);
    if (hasNftables()) await node.run(["nft", "delete", "table", "inet", "lvscare"]);
    else for (const program of IPTABLES) await node.exec("sh", "-c", `printf '*nat\\nCOMMIT\\n' | ${program}-restore`);
  }

  /** Those of others, too. */
  async #rulesOfAll(): Promise<readonly string[]> {
    if (hasNftables()) return [await this.node.exec("nft", "list", "ruleset")];
    return Promise.all(IPTABLES.map((program) => this.node.exec(program, "-t", "nat", "-S")));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stack.disposeAsync();
  }
}

// --- internal ---

const IPTABLES = ["iptables-legacy", "ip6tables-legacy"];
