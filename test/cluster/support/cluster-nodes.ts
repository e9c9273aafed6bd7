import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { VirtualServerStatus } from "../../../src/domain/status.ts";
import { lvscareBinary } from "../../kernel/support/lvscare.ts";
import type { Namespace } from "../../kernel/support/namespace.ts";
import { waitForEqual } from "../../kernel/support/wait-for.ts";
import { GuestNode } from "../../node/support/guest-node.ts";
import type { SwitchedNetwork } from "../../node/support/switched-network.ts";
import type { Subject } from "./cluster-keys.ts";
import type { ControlPlane } from "./control-plane.ts";
import { readRequests, steadyRequestsCommand, type Requests } from "./steady-requests.ts";

/** The address by which every node reaches the masters. */
export const VIP = "10.96.0.1";

export interface NodeOptions {
  /** A folder of this machine, in which it remembers members beyond its own end. */
  readonly memory?: string;
  /** Of its checks. */
  readonly timeout?: string;
}

/** Nodes in kernels of their own, each with a daemon that finds the masters, and with a client that never rests. */
export class ClusterNodes implements AsyncDisposable {
  readonly #network: SwitchedNetwork;
  readonly #plane: ControlPlane;
  readonly #nodes = new Map<string, GuestNode>();
  /** Who looks at them, as a scraper on the switch does. */
  readonly #observer: Namespace;

  static async create(network: SwitchedNetwork, plane: ControlPlane, observer: string): Promise<ClusterNodes> {
    return new ClusterNodes(network, plane, (await network.addHost(`${observer}/24`)).namespace);
  }

  private constructor(network: SwitchedNetwork, plane: ControlPlane, observer: Namespace) {
    this.#network = network;
    this.#plane = plane;
    this.#observer = observer;
  }

  /** Boots a node that knows of one master, and is this subject to the API. */
  async add(address: string, subject: Subject, master: string, options: NodeOptions = {}): Promise<void> {
    const { keys } = this.#plane;
    const kubeconfig = await keys.kubeconfig(`node-${address}`, subject, `https://${VIP}:6443`);
    const config = join(keys.folder, `care-${address}.json`);
    await writeFile(config, JSON.stringify(configurationOf(address, kubeconfig, master, options)));
    const plug = await this.#network.addPlug(`${address}/24`);
    const { memory } = options;
    const writable = memory === undefined ? [] : [memory];
    this.#nodes.set(address, new GuestNode("uml", plug, commandOf(address, config), writable));
  }

  /** Waits until all nodes send clients to these, and to no others. */
  async expectServing(...masters: readonly string[]): Promise<void> {
    const expected = masters.map((master) => `${master}:6443`);
    const each = [...this.#nodes].map(async ([address, node]) => {
      const look = (): Promise<readonly string[]> => {
        node.mustRun();
        return this.#mastersInService(address);
      };
      await waitForEqual(look, expected, { timeoutMs: 150_000, everyMs: 100 });
    });
    await Promise.all(each);
  }

  /** Waits until a node knows of nobody but these, and asks in this way who they are. */
  expectKnown(node: string, way: string, ...masters: readonly string[]): Promise<void> {
    const known = masters.map((master) => `${master}:6443`);
    return waitForEqual(() => this.#knownTo(node), { way, known }, { timeoutMs: 60_000, everyMs: 100 });
  }

  /** What became of the requests of a node's client. */
  async requestsOf(node: string): Promise<Requests> {
    return readRequests(await this.#get(`http://${node}:${REQUESTS_PORT}/`));
  }

  /** Of its one virtual server; undefined as long as it does not answer. */
  async statusOf(node: string): Promise<VirtualServerStatus | undefined> {
    const text = await this.#get(`http://${node}:${PAGE_PORT}/api/v1/status`);
    return text === "" ? undefined : (JSON.parse(text) as VirtualServerStatus);
  }

  /** As when its power is cut. */
  async end(node: string): Promise<void> {
    await this.#nodes.get(node)?.[Symbol.asyncDispose]();
    this.#nodes.delete(node);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#nodes.values()].map((node) => node[Symbol.asyncDispose]()));
  }

  // --- internal ---

  async #mastersInService(node: string): Promise<readonly string[]> {
    const text = await this.#get(`http://${node}:${PAGE_PORT}/metrics`);
    const weights = text.matchAll(/^lvscare_real_server_weight\{[^}]*real_server="([^"]+)"[^}]*\} (\d+)/gm);
    return Array.from(weights, ([, server = "", weight]) => (Number(weight) > 0 ? server : ""))
      .filter(Boolean)
      .toSorted();
  }

  async #knownTo(node: string): Promise<object> {
    const status = await this.statusOf(node);
    if (status === undefined) return {};
    return { way: status.discovery?.way, known: status.realServers.map(({ address }) => address).toSorted() };
  }

  /** Empty as long as nobody answers. */
  async #get(url: string): Promise<string> {
    return (await this.#observer.run(["curl", "--silent", "--max-time", "5", url])).stdout;
  }
}

// --- internal ---

const [PAGE_PORT, REQUESTS_PORT] = [9105, 9106] as const;

function configurationOf(
  node: string,
  kubeconfig: string,
  master: string,
  { memory, timeout = "2s" }: NodeOptions,
): object {
  return {
    version: 1,
    ...(memory !== undefined && { "cache-directory": memory }),
    "http-listen": `${node}:${PAGE_PORT}`,
    "virtual-servers": [
      {
        name: "apiserver",
        address: `${VIP}:6443`,
        mode: "route",
        ip: node,
        interval: "1s",
        "check-way": false,
        probe: { type: "kube-apiserver", kubeconfig, timeout },
        discover: { type: "kubernetes", kubeconfig, poll: "2s" },
        "real-servers": [`${master}:6443`],
      },
    ],
  };
}

function commandOf(node: string, config: string): readonly string[] {
  const client = steadyRequestsCommand(`https://${VIP}:6443/version`, `${node}:${REQUESTS_PORT}`).join(" ");
  return ["sh", "-c", `${client} & exec "$@"`, "care", lvscareBinary(), "care", "--config", config];
}
