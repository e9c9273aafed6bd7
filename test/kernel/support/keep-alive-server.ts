import { addressAndPort } from "./address-and-port.ts";
import type { Child, Namespace } from "./namespace.ts";

/** An HTTP server in a process of its own, which keeps its connections open for as long as it lives. */
export class KeepAliveServer implements AsyncDisposable {
  readonly #child: Child;

  static async start(namespace: Namespace, address: string): Promise<KeepAliveServer> {
    const options = JSON.stringify({ ...addressAndPort(address), idleTimeout: 0 });
    const program = `Bun.serve({ ...${options}, fetch: () => new Response("ok") }); console.log("ready");`;
    const child = namespace.spawn([process.execPath, "-e", program]);
    const { value } = await child.stdout.getReader().read();
    if (value === undefined) throw new Error(`no server at ${address}: ${await new Response(child.stderr).text()}`);
    return new KeepAliveServer(child);
  }

  private constructor(child: Child) {
    this.#child = child;
  }

  signal(signal: "SIGKILL" | "SIGSTOP" | "SIGCONT"): void {
    this.#child.kill(signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.exited;
  }
}
