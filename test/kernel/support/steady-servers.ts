import { addressAndPort } from "./address-and-port.ts";
import type { Child, Namespace } from "./namespace.ts";

/** HTTP servers of one process that keep connections open; the body of each answer is the server's address. */
export class SteadyServers implements AsyncDisposable {
  readonly #child: Child;

  /** All of them listen when this resolves. */
  static async start(namespace: Namespace, addresses: readonly string[]): Promise<SteadyServers> {
    const all = JSON.stringify(addresses.map((address) => ({ ...addressAndPort(address), address })));
    const program =
      `for (const { hostname, port, address } of ${all})` +
      ` Bun.serve({ hostname, port, idleTimeout: 0, fetch: () => new Response(address) }); console.log("ready");`;
    const child = namespace.spawn([process.execPath, "-e", program]);
    const { value } = await child.stdout.getReader().read();
    if (value === undefined) throw new Error(`no servers: ${await new Response(child.stderr).text()}`);
    return new SteadyServers(child);
  }

  private constructor(child: Child) {
    this.#child = child;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.exited;
  }
}
