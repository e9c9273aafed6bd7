import { connect, createServer, type Socket } from "node:net";
import type { AddressInfo } from "node:net";

/** Between a browser and a server: counts all that the browser gets, heads and frames, too. */
export class CountedLine implements AsyncDisposable {
  readonly url: string;
  bytes = 0;
  readonly #server;
  readonly #sockets = new Set<Socket>();

  static async to(url: string): Promise<CountedLine> {
    const { hostname, port } = new URL(url);
    const sockets = new Set<Socket>();
    const server = createServer((client) => {
      const target = connect(Number(port), hostname);
      for (const [one, other] of [
        [client, target],
        [target, client],
      ] as const) {
        sockets.add(one);
        one.on("error", () => other.destroy());
        one.on("close", () => other.destroy());
      }
      target.on("data", (chunk: Buffer) => (line.bytes += chunk.length));
      client.pipe(target);
      target.pipe(client);
    });
    await new Promise<void>((resolve) => server.listen(0, hostname, resolve));
    const line = new CountedLine(server, sockets);
    return line;
  }

  private constructor(server: ReturnType<typeof createServer>, sockets: Set<Socket>) {
    this.#server = server;
    this.#sockets = sockets;
    const { address, port } = server.address() as AddressInfo;
    this.url = `http://${address}:${port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
