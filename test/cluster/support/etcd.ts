import { cp, rm } from "node:fs/promises";
import type { Child, Namespace } from "../../kernel/support/namespace.ts";
import { waitFor } from "../../kernel/support/wait-for.ts";
import type { SwitchedNetwork } from "../../node/support/switched-network.ts";

/** A real etcd on a host of its own. It ends with its network. */
export class Etcd {
  /** Where API servers find it. */
  readonly url: string;
  readonly #namespace: Namespace;
  readonly #program: string;
  readonly #data: string;
  #child: Child | undefined;

  /** `data`: the folder that it has its data in. */
  static async start(network: SwitchedNetwork, address: string, program: string, data: string): Promise<Etcd> {
    const { namespace } = await network.addHost(`${address}/24`);
    const etcd = new Etcd(`http://${address}:2379`, namespace, program, data);
    await etcd.#run();
    return etcd;
  }

  private constructor(url: string, namespace: Namespace, program: string, data: string) {
    [this.url, this.#namespace, this.#program, this.#data] = [url, namespace, program, data];
  }

  /** Has it hang, and go on. */
  signal(signal: "SIGSTOP" | "SIGCONT"): void {
    this.#child?.kill(signal);
  }

  /** Puts down what it knows now. It is away for a moment. */
  async save(): Promise<void> {
    await this.#end();
    await cp(this.#data, this.#saved, { recursive: true });
    await this.#run();
  }

  /** Has it forget all that it was told since then, as in a cluster that is brought back from a snapshot. API servers have to be ended first. */
  async restore(): Promise<void> {
    await this.#end();
    await rm(this.#data, { recursive: true });
    await cp(this.#saved, this.#data, { recursive: true });
    await this.#run();
  }

  /** Asks it by the gateway that it has for JSON. Of a path such as `/v3/kv/put?[1-9]` curl makes nine requests. */
  ask(path: string, message: Readonly<Record<string, string>>): Promise<string> {
    const encoded = Object.entries(message).map(([field, text]) => [field, Buffer.from(text).toString("base64")]);
    const body = JSON.stringify(Object.fromEntries(encoded));
    return this.#namespace.exec("curl", "--silent", "--fail", "--data", body, `${this.url}${path}`);
  }

  // --- internal ---

  get #saved(): string {
    return `${this.#data}-saved`;
  }

  async #run(): Promise<void> {
    const clients = ["--listen-client-urls", this.url, "--advertise-client-urls", this.url];
    const argv = [this.#program, "--data-dir", this.#data, ...clients, "--log-level", "error"];
    const child = (this.#child = this.#namespace.spawn(argv));
    await waitFor(
      () => this.#namespace.run(["curl", "--silent", "--fail", `${this.url}/health`]),
      ({ exitCode }) => {
        if (child.exitCode !== null) throw new Error("etcd has ended");
        return exitCode === 0;
      },
      { timeoutMs: 60_000, everyMs: 100 },
    );
  }

  async #end(): Promise<void> {
    this.#child?.kill("SIGTERM");
    await this.#child?.exited;
  }
}
