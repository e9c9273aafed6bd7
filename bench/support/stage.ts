import { Namespace } from "../../test/kernel/support/namespace.ts";

/** Real servers as hosts of their own, one cable from the node each: the node is where this process is. In the VM. */
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
  #server: Bun.Subprocess;

  static async create(number: number): Promise<Host> {
    const namespace = await Namespace.create();
    const peer = `s${number}`;
    await namespace.exec(...`ip link add eth0 type veth peer name ${peer} netns ${process.pid}`.split(" "));
    await namespace.addAddress(`10.0.${number}.2/24`, "eth0");
    await namespace.exec("ip", "link", "set", "eth0", "up");
    // Clients on the node speak from the virtual address: answers to it come back the way that they went.
    Bun.spawnSync(["ip", "address", "add", `10.0.${number}.1/24`, "dev", peer]);
    Bun.spawnSync(["ip", "link", "set", peer, "up"]);
    await namespace.exec("ip", "route", "add", "default", "via", `10.0.${number}.1`);
    return new Host(namespace, `10.0.${number}.2:80`);
  }

  private constructor(namespace: Namespace, address: string) {
    this.#namespace = namespace;
    this.address = address;
    this.#server = this.#startServer();
  }

  signalServer(name: NodeJS.Signals): void {
    process.kill(this.#server.pid, name);
  }

  restartServer(): void {
    this.#server = this.#startServer();
  }

  async exec(...argv: string[]): Promise<void> {
    await this.#namespace.exec(...argv);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#namespace[Symbol.asyncDispose]();
  }

  #startServer(): Bun.Subprocess {
    return this.#namespace.spawn([process.execPath, `${import.meta.dir}/one-server-process.ts`]);
  }
}
