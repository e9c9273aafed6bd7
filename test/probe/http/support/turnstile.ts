import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import type { Endpoint } from "../../../../src/domain/endpoint.ts";

export interface Turnstile extends Disposable {
  readonly endpoint: Endpoint;
  /** Connections that are through, which is one at the most, or wait. */
  readonly connections: () => number;
}

/** The way to a server that serves one connection at a time: the others wait, unread, until that one is closed. */
export async function turnstile({ address, port }: Endpoint): Promise<Turnstile> {
  const waiting: Socket[] = [];
  let through: Socket | undefined;
  const admit = (): void => {
    through = waiting.shift();
    if (through === undefined) return;
    const inner = connect(port, address);
    inner.on("error", () => inner.destroy());
    through.pipe(inner).pipe(through);
  };
  const server = createServer((socket) => {
    socket.on("error", () => socket.destroy());
    socket.on("close", () => {
      if (socket === through) admit();
      else waiting.splice(waiting.indexOf(socket), 1);
    });
    waiting.push(socket);
    if (through === undefined) admit();
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  return {
    endpoint: { family: "ipv4", address: "127.0.0.1", port: (server.address() as AddressInfo).port },
    connections: () => waiting.length + (through === undefined ? 0 : 1),
    [Symbol.dispose]: () => void server.close(),
  };
}
