import { resolve } from "node:path";
import type { Child, Namespace } from "../../kernel/support/namespace.ts";

/** What many daemons know, as one process tells. */
export interface ManyKnow {
  /** How many watch their list, and have heard it from an API server. */
  readonly watching: number;
  /** How many know of so many members. */
  readonly members: Readonly<Record<string, number>>;
  readonly problems: readonly string[];
}

export interface ManyDaemonsOptions {
  readonly count: number;
  readonly kubeconfig: string;
  /** Where each remembers its members. */
  readonly folder: string;
  /** The one that their configuration names. */
  readonly master: string;
  /** Where they tell what they know. */
  readonly listen: string;
}

/** The discoveries of many daemons in one process, which all end at once. */
export class ManyDaemons {
  readonly #namespace: Namespace;
  readonly #options: ManyDaemonsOptions;
  #child: Child | undefined;

  constructor(namespace: Namespace, options: ManyDaemonsOptions) {
    [this.#namespace, this.#options] = [namespace, options];
  }

  /** `atATime`: so many begin at a time, and others when these watch. */
  start(atATime = this.#options.count): void {
    const { count, kubeconfig, folder, master, listen } = this.#options;
    const script = resolve(import.meta.dir, "many-daemons-process.ts");
    const argv = [process.execPath, script, String(count), String(atATime), kubeconfig, folder, master, listen];
    this.#child = this.#namespace.spawn(argv);
  }

  /** As when the power of a whole cluster is cut. */
  async kill(): Promise<void> {
    this.#child?.kill("SIGKILL");
    await this.#child?.exited;
  }

  /** Undefined as long as they do not answer. */
  async know(): Promise<ManyKnow | undefined> {
    const child = this.#child;
    if (child != null && child.exitCode !== null) throw new Error(`they are gone: ${await child.stderr.text()}`);
    const curl = ["curl", "--silent", "--max-time", "10", `http://${this.#options.listen}/`];
    const { stdout } = await this.#namespace.run(curl);
    return stdout === "" ? undefined : (JSON.parse(stdout) as ManyKnow);
  }
}
