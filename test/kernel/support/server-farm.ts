import { join } from "node:path";
import type { Behaviour, SeenRequest } from "./faulty-server.ts";

export type FarmOrder =
  | {
      readonly kind: "behave";
      readonly addresses: readonly string[];
      readonly behaviour: Behaviour;
      /** For servers that speak TLS, at their first order. */
      readonly tls?: { readonly cert: string; readonly key: string };
    }
  | { readonly kind: "takeRequests" };

export interface FarmReport {
  readonly requests: Readonly<Record<string, readonly SeenRequest[]>>;
}

/** One process with as many servers as a test wants, so that none of them waits for the test and no test for them. */
export class ServerFarm implements AsyncDisposable {
  readonly #child: Bun.Subprocess;
  readonly #waiting: ((report: FarmReport) => void)[] = [];

  static async start(): Promise<ServerFarm> {
    const farm = new ServerFarm();
    await farm.#report();
    return farm;
  }

  private constructor() {
    this.#child = Bun.spawn([process.execPath, join(import.meta.dir, "server-farm-fixture.ts")], {
      stdin: "ignore",
      stdout: "inherit",
      stderr: "inherit",
      serialization: "json",
      // Reports come in the order of the orders, the first one when the farm is ready.
      ipc: (report: FarmReport) => this.#waiting.shift()?.(report),
    });
  }

  /** Resolves when they do. */
  async behave(addresses: readonly string[], behaviour: Behaviour, tls?: { cert: string; key: string }): Promise<void> {
    await this.#order({ kind: "behave", addresses, behaviour, ...(tls && { tls }) });
  }

  /** What each server was asked since this was last called. */
  async takeRequests(): Promise<FarmReport["requests"]> {
    return (await this.#order({ kind: "takeRequests" })).requests;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.exited;
  }

  #order(order: FarmOrder): Promise<FarmReport> {
    const report = this.#report();
    this.#child.send(order);
    return report;
  }

  async #report(): Promise<FarmReport> {
    const { promise, resolve } = Promise.withResolvers<FarmReport>();
    this.#waiting.push(resolve);
    const gone = this.#child.exited.then((code) => {
      throw new Error(`the server farm ended with exit code ${code}`);
    });
    return Promise.race([promise, gone]);
  }
}
