import { resolve } from "node:path";
import type { Ended, Namespace } from "../../kernel/support/namespace.ts";
import { waitFor } from "../../kernel/support/wait-for.ts";
import { GuestNode } from "./guest-node.ts";
import type { SwitchedNetwork } from "./switched-network.ts";

/** A node in a kernel of its own that does what it is told over the network. */
export class NodeShell implements AsyncDisposable {
  readonly address: string;
  readonly #node: GuestNode;
  readonly #from: Namespace;

  /** `from`: a host on the same switch, which speaks to it. */
  static async start(lab: string, network: SwitchedNetwork, address: string, from: Namespace): Promise<NodeShell> {
    const script = resolve(import.meta.dir, "shell-process.ts");
    const plug = await network.addPlug(`${address}/24`);
    const shell = new NodeShell(
      address,
      new GuestNode(lab, plug, [process.execPath, script, `${address}:${PORT}`]),
      from,
    );
    await waitFor(
      () => shell.run(["true"]).catch(() => undefined),
      (ended) => {
        shell.#node.mustRun();
        return ended?.exitCode === 0;
      },
      { timeoutMs: 200_000, everyMs: 100 },
    );
    return shell;
  }

  private constructor(address: string, node: GuestNode, from: Namespace) {
    [this.address, this.#node, this.#from] = [address, node, from];
  }

  /** Runs a program on it to its end, whatever its exit code. */
  run(argv: readonly string[]): Promise<Ended> {
    return this.#send({ argv, isLeft: false });
  }

  /** Runs a program, and returns what it printed; throws when it fails. */
  async exec(...argv: readonly string[]): Promise<string> {
    const { exitCode, stdout, stderr } = await this.run(argv);
    if (exitCode !== 0) throw new Error(`${argv.join(" ")}: exit code ${exitCode}\n${stderr || stdout}`);
    return stdout;
  }

  /** Starts a program that runs until it is killed by the process id that this returns; what it prints is shown if the node is lost. */
  async leave(...argv: readonly string[]): Promise<string> {
    return (await this.#send({ argv, isLeft: true })).stdout;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#node[Symbol.asyncDispose]();
  }

  // --- internal ---

  async #send(command: { readonly argv: readonly string[]; readonly isLeft: boolean }): Promise<Ended> {
    const url = `http://${this.address}:${PORT}/`;
    const curl = ["curl", "--silent", "--max-time", "60", "--data", JSON.stringify(command), url];
    const { stdout, exitCode } = await this.#from.run(curl);
    if (exitCode !== 0) throw new Error(`the node ${this.address} does not answer`);
    return JSON.parse(stdout) as Ended;
  }
}

// --- internal ---

const PORT = 9107;
