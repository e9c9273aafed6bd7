import type { Behaviour, SeenRequest } from "./faulty-server.ts";
import { LineProcess } from "./line-process.ts";
import type { Namespace } from "./namespace.ts";

export type FarmOrder =
  | {
      readonly kind: "behave";
      readonly addresses: readonly string[];
      readonly behaviour: Behaviour;
      /** Makes servers that are new to the farm speak TLS. */
      readonly tls?: Identity;
    }
  | { readonly kind: "takeRequests" };

interface Identity {
  readonly cert: string;
  readonly key: string;
}

/** One process with as many servers as a test wants, so that none of them waits for the test. */
export class ServerFarm implements AsyncDisposable {
  readonly #process: LineProcess;

  static async start(namespace: Namespace): Promise<ServerFarm> {
    return new ServerFarm(await LineProcess.start(namespace, "server-farm-process.ts"));
  }

  private constructor(process: LineProcess) {
    this.#process = process;
  }

  /** Resolves when they do; a server that is new to the farm starts to listen. */
  async behave(behaviour: Behaviour, addresses: readonly string[], tls?: Identity): Promise<void> {
    const answer = await this.#ask({ kind: "behave", addresses, behaviour, ...(tls && { tls }) });
    if (answer !== "done") throw new Error(answer);
  }

  /** What each server was asked since this was last called. */
  async takeRequests(): Promise<Readonly<Record<string, readonly SeenRequest[]>>> {
    return JSON.parse(await this.#ask({ kind: "takeRequests" })) as Record<string, SeenRequest[]>;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#process[Symbol.asyncDispose]();
  }

  #ask(order: FarmOrder): Promise<string> {
    return this.#process.ask(JSON.stringify(order));
  }
}
