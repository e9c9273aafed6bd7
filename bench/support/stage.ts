import { linesOf } from "../../test/kernel/support/line-process.ts";
import { Namespace, type Child } from "../../test/kernel/support/namespace.ts";

/** Real servers as hosts of their own, one cable from the node each: the node is where this process is. In a lab. */
export async function setStage(vs: string, count: number): Promise<readonly Host[]> {
  for (const command of ["ip link set lo up", `ip address add ${vs.replace(/:.*/, "")}/32 dev lo`])
    Bun.spawnSync(command.split(" "));
  for (const module of ["ip_vs", "ip_vs_rr"]) Bun.spawnSync(["modprobe", module]);
  return Promise.all(Array.from({ length: count }, (_, index) => Host.create(index + 1)));
}

export class Host implements AsyncDisposable {
  /** Of its server. */
  readonly address: string;
  readonly #namespace: Namespace;
  readonly #node: string;
  /** The node's end of the cable. */
  readonly #peer: string;
  #server: Child;
  /** Those who wait for a check. */
  readonly #waiting: ((sinceLastMs: number) => void)[] = [];
  #checkedMs = Number.NaN;

  static async create(number: number): Promise<Host> {
    const namespace = await Namespace.create();
    const peer = `s${number}`;
    await namespace.exec(...`ip link add eth0 type veth peer name ${peer} netns ${process.pid}`.split(" "));
    await namespace.addAddress(`10.0.${number}.2/24`, "eth0");
    Bun.spawnSync(["ip", "address", "add", `10.0.${number}.1/24`, "dev", peer]);
    Bun.spawnSync(["ip", "link", "set", peer, "up"]);
    const host = new Host(namespace, number);
    await host.setLink("up");
    return host;
  }

  private constructor(namespace: Namespace, number: number) {
    this.#namespace = namespace;
    this.#node = `10.0.${number}.1`;
    this.#peer = `s${number}`;
    this.address = `10.0.${number}.2:80`;
    this.#server = this.#startServer();
  }

  signalServer(name: NodeJS.Signals): void {
    process.kill(this.#server.pid, name);
  }

  restartServer(): void {
    this.#server = this.#startServer();
  }

  async setLink(state: "up" | "down"): Promise<void> {
    await this.exec("ip", "link", "set", "eth0", state);
    // Clients on the node speak from the virtual address: answers to it go back the way that they came. A link that goes down takes
    // this route with it.
    if (state === "up") await this.exec("ip", "route", "replace", "default", "via", this.#node);
  }

  /** As behind a port of a switch that forwards nothing: no packet gets through, and both links stay up. */
  async setSilent(isSilent: boolean): Promise<void> {
    const [verb, ...loss] = isSilent ? ["add", "root", "netem", "loss", "100%"] : ["del", "root"];
    await this.exec("tc", "qdisc", verb ?? "", "dev", "eth0", ...loss);
    Bun.spawnSync(["tc", "qdisc", verb ?? "", "dev", this.#peer, ...loss]);
  }

  /** Until its server is checked the next time: how long after the check before it, in milliseconds. */
  checked(): Promise<number> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  async exec(...argv: string[]): Promise<void> {
    await this.#namespace.exec(...argv);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#namespace[Symbol.asyncDispose]();
  }

  #startServer(): Child {
    const server = this.#namespace.spawn(["perl", `${import.meta.dir}/one-server.pl`, this.#node]);
    void this.#hear(server);
    return server;
  }

  async #hear({ stdout }: Child): Promise<void> {
    // A line for each check.
    for await (const _ of linesOf(stdout)) {
      const nowMs = performance.now();
      const sinceLastMs = nowMs - this.#checkedMs;
      this.#checkedMs = nowMs;
      for (const tell of this.#waiting.splice(0)) tell(sinceLastMs);
    }
  }
}
