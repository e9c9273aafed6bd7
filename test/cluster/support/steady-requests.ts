import { resolve } from "node:path";
import type { Child, Namespace } from "../../kernel/support/namespace.ts";

export interface Requests {
  readonly answered: number;
  /** Why the others were not. */
  readonly failures: readonly string[];
}

/** What runs a client that never rests: `listen` is where it tells what became of its requests. */
export function steadyRequestsCommand(url: string, listen: string): readonly string[] {
  return [process.execPath, resolve(import.meta.dir, "steady-requests-process.ts"), url, listen];
}

/** What it tells; empty as long as it does not run. */
export function readRequests(text: string): Requests {
  return text === "" ? { answered: 0, failures: [] } : (JSON.parse(text) as Requests);
}

/** Such a client in a namespace. */
export class SteadyRequests implements AsyncDisposable {
  readonly #namespace: Namespace;
  readonly #listen: string;
  readonly #child: Child;

  static start(namespace: Namespace, url: string, listen: string): SteadyRequests {
    return new SteadyRequests(namespace, listen, namespace.spawn(steadyRequestsCommand(url, listen)));
  }

  private constructor(namespace: Namespace, listen: string, child: Child) {
    this.#namespace = namespace;
    this.#listen = listen;
    this.#child = child;
  }

  async requests(): Promise<Requests> {
    return readRequests((await this.#namespace.run(["curl", "--silent", `http://${this.#listen}/`])).stdout);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.exited;
  }
}
