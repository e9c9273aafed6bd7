import { Namespace } from "../../kernel/support/namespace.ts";
import type { Plug } from "../../kernel/harness/guest.ts";
import { GUEST_PACKAGES, installMissingPackages } from "../../kernel/harness/packages.ts";

/**
 * Hosts on one switch, which is a bridge in a namespace of its own: namespaces of this machine, at their own speed, and guests of any lab. As root on this machine; none of it
 * is seen outside.
 */
export class SwitchedNetwork implements AsyncDisposable {
  readonly #switch: Namespace;
  readonly #hosts: Namespace[] = [];
  #ports = 0;

  static async create(): Promise<SwitchedNetwork> {
    await installMissingPackages(GUEST_PACKAGES);
    const network = new SwitchedNetwork(await Namespace.create());
    await network.#onSwitch("ip link add switch type bridge");
    await network.#onSwitch("ip link set switch up");
    return network;
  }

  private constructor(bridge: Namespace) {
    this.#switch = bridge;
  }

  /** A host of its own with this address, such as `10.0.0.2/24`, on its `eth0`. */
  async addHost(address: string): Promise<SwitchedHost> {
    const host = await Namespace.create();
    this.#hosts.push(host);
    const port = this.#nextPort();
    await this.#onSwitch(`ip link add ${port} type veth peer name eth0 netns ${host.pid}`);
    await this.#join(port);
    await host.addAddress(address, "eth0");
    await host.exec("ip", "link", "set", "eth0", "up");
    return { namespace: host, port };
  }

  /** For a guest, which gets this address. */
  async addPlug(address: string): Promise<Plug> {
    const tap = this.#nextPort();
    await this.#onSwitch(`ip tuntap add dev ${tap} mode tap`);
    await this.#join(tap);
    // Locally administered, and as unique on this switch as the port.
    const mac = `02:00:00:00:00:${this.#ports.toString(16).padStart(2, "0")}`;
    return { namespacePid: this.#switch.pid, tap, mac, address };
  }

  /** What is behind a port that is down is gone for all others, and nobody's link tells them. */
  async setPort(port: string, state: "up" | "down"): Promise<void> {
    await this.#onSwitch(`ip link set ${port} ${state}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const namespace of [...this.#hosts, this.#switch]) await namespace[Symbol.asyncDispose]();
  }

  #nextPort(): string {
    return `port${++this.#ports}`;
  }

  async #join(port: string): Promise<void> {
    await this.#onSwitch(`ip link set ${port} master switch`);
    await this.#onSwitch(`ip link set ${port} up`);
  }

  async #onSwitch(command: string): Promise<void> {
    await this.#switch.exec(...command.split(" "));
  }
}

export interface SwitchedHost {
  readonly namespace: Namespace;
  /** Its port on the switch. */
  readonly port: string;
}
