import { join } from "node:path";
import { writeFile } from "node:fs/promises";
import type { MemberReport } from "../../../src/domain/members.ts";
import type { RealServerStatus, StatusReport, VirtualServerStatus } from "../../../src/domain/status.ts";
import { type CareProcess, runLvscare, startCare } from "../../kernel/support/lvscare.ts";
import type { Namespace } from "../../kernel/support/namespace.ts";
import { waitFor } from "../../kernel/support/wait-for.ts";
import type { SwitchedNetwork } from "../../node/support/switched-network.ts";

/**
 * A host on the switch whose daemon moves the packets itself, so that it needs no kernel of its own: for what checks and
 * discovery make of a control plane.
 */
export class CareHost implements AsyncDisposable {
  readonly namespace: Namespace;
  readonly #folder: string;
  #care: CareProcess | undefined;
  #starts = 0;

  /** `folder`: where its files may be. */
  static async create(network: SwitchedNetwork, address: string, folder: string): Promise<CareHost> {
    const { namespace } = await network.addHost(`${address}/24`);
    await namespace.addAddress(`${HOST_VIP}/32`);
    return new CareHost(namespace, join(folder, `care-of-${address}`));
  }

  private constructor(namespace: Namespace, folder: string) {
    this.namespace = namespace;
    this.#folder = folder;
  }

  /** Starts the daemon with one virtual server, which has these keys besides; one that ran is killed, and what it knew is forgotten. */
  async start(keys: Readonly<Record<string, unknown>>): Promise<CareProcess> {
    await this.#care?.stop("SIGKILL");
    const config = `${this.#folder}.json`;
    await writeFile(
      config,
      JSON.stringify({
        version: 1,
        "cache-directory": `${this.#folder}-${++this.#starts}`,
        "virtual-servers": [{ ...BASE, ...keys }],
      }),
    );
    this.#care = startCare(this.namespace, ["--config", config]);
    return this.#care;
  }

  /** Of its one virtual server. */
  async status(): Promise<VirtualServerStatus | undefined> {
    const { stdout, exitCode } = await runLvscare(this.namespace, ["status", "-o", "json"]);
    return exitCode === 0 ? (JSON.parse(stdout) as StatusReport).virtualServers[0] : undefined;
  }

  /** Waits until what it says of itself is like this, and returns it. */
  async waitFor(condition: (status: VirtualServerStatus) => boolean, timeoutMs = 60_000): Promise<VirtualServerStatus> {
    const status = await waitFor(
      () => this.status(),
      (one) => one !== undefined && condition(one),
      { timeoutMs, everyMs: 50 },
    );
    if (status === undefined) throw new Error("it does not answer");
    return status;
  }

  /** Waits until these take new connections, and no others. */
  waitForServing(...servers: readonly string[]): Promise<VirtualServerStatus> {
    return this.waitFor((status) => Bun.deepEquals(servingOf(status), servers.map(withPort).toSorted()));
  }

  async members(): Promise<readonly MemberReport[]> {
    const { stdout } = await runLvscare(this.namespace, ["members", "-o", "json"]);
    const { virtualServers } = JSON.parse(stdout) as {
      readonly virtualServers: readonly { members: MemberReport[] }[];
    };
    return virtualServers[0]?.members ?? [];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#care?.stop("SIGKILL");
  }
}

/** Where its clients find the API. */
export const HOST_VIP = "10.96.0.2";

export function serverOf({ realServers }: VirtualServerStatus, address: string): RealServerStatus | undefined {
  return realServers.find((one) => one.address === withPort(address));
}

/** Those that take new connections. */
export function servingOf({ realServers }: VirtualServerStatus): readonly string[] {
  return realServers
    .filter(({ weight = 0 }) => weight > 0)
    .map(({ address }) => address)
    .toSorted();
}

export function withPort(address: string): string {
  return `${address}:6443`;
}

// --- internal ---

const BASE = {
  address: `${HOST_VIP}:6443`,
  mode: "none",
  "data-plane": "userspace",
  interval: "1s",
  "check-way": false,
} as const;
