import { readdirSync } from "node:fs";
import type { Socket } from "bun";
import type { Endpoint } from "../../../src/domain/endpoint.ts";
import { waitFor } from "../../kernel/support/wait-for.ts";

/** One end of a TCP connection as a test sees it: remembers what came, sends everything it is told to, and can be waited for. */
export class Peer {
  /** What came, as text; only the first 64 KiB. */
  text = "";
  received = 0;
  sent = 0;
  /** The other side has sent FIN, or the connection is gone. */
  ended = false;
  closed = false;
  /** The errno of a connection that did not close by FIN. */
  errno: string | undefined;
  readonly socket: Socket<Peer>;
  readonly onData: (peer: Peer, chunk: Uint8Array) => void;
  readonly #hash = new Bun.CryptoHasher("sha1");
  readonly #outbox: Uint8Array[] = [];
  #finishing = false;
  #waiting: (() => void)[] = [];

  /** Takes the socket over; `onData` is called for each chunk. */
  constructor(socket: Socket<Peer>, onData: (peer: Peer, chunk: Uint8Array) => void = () => {}) {
    this.socket = socket;
    this.onData = onData;
    socket.data = this;
  }

  send(data: string | Uint8Array): this {
    this.#outbox.push(typeof data === "string" ? new TextEncoder().encode(data) : data);
    this.#pump();
    return this;
  }

  /** FIN after everything has been sent; still reads. */
  finish(): this {
    this.#finishing = true;
    this.#pump();
    return this;
  }

  /** Checksum of everything received; call it once. */
  digest(): string {
    return this.#hash.digest("hex");
  }

  /** Waits until the condition holds; it is looked at after each event of this connection. */
  async until(condition: (peer: Peer) => boolean): Promise<this> {
    while (!condition(this)) {
      if (this.closed) throw new Error(`connection closed (${this.errno ?? "FIN"}) after "${this.text}"`);
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#waiting.push(resolve);
      await promise;
    }
    return this;
  }

  static readonly handlers = {
    data(socket: Socket<Peer>, chunk: Uint8Array) {
      const peer = socket.data;
      peer.received += chunk.length;
      peer.#hash.update(chunk);
      if (peer.text.length < 65_536) peer.text += new TextDecoder().decode(chunk);
      peer.onData(peer, chunk);
      peer.#wake();
    },
    drain(socket: Socket<Peer>) {
      socket.data.#pump();
      socket.data.#wake();
    },
    end(socket: Socket<Peer>) {
      socket.data.ended = true;
      socket.data.#wake();
    },
    close(socket: Socket<Peer>, error?: Error & { code?: string }) {
      const peer = socket.data;
      Object.assign(peer, { ended: true, closed: true, errno: error?.code });
      peer.#wake();
    },
    error(_socket: Socket<Peer>, error: Error) {
      throw error;
    },
  };

  // --- internal ---

  #pump(): void {
    for (let data = this.#outbox[0]; data !== undefined; data = this.#outbox[0]) {
      const taken = Math.max(0, this.socket.write(data));
      this.sent += taken;
      if (taken < data.length) {
        this.#outbox[0] = data.subarray(taken);
        return;
      }
      this.#outbox.shift();
    }
    if (this.#finishing) this.socket.shutdown();
    this.#finishing = false;
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

/** Connects as a client. */
export async function connectTo(endpoint: Endpoint, onData?: (peer: Peer, chunk: Uint8Array) => void): Promise<Peer> {
  const { address: hostname, port } = endpoint;
  const opened = Promise.withResolvers<Peer>();
  const open = (socket: Socket<Peer>) => opened.resolve(new Peer(socket, onData));
  await Bun.connect<Peer>({ hostname, port, allowHalfOpen: true, socket: { ...Peer.handlers, open } });
  return opened.promise;
}

export interface TestServer extends Disposable {
  readonly endpoint: Endpoint;
  /** Every connection that came, in order. */
  readonly peers: readonly Peer[];
}

export interface ServerBehaviour {
  opened?(peer: Peer): void;
  data?(peer: Peer, chunk: Uint8Array): void;
}

/** Listens on a free port. */
export function serve(address: string, behaviour: ServerBehaviour): TestServer {
  const peers: Peer[] = [];
  const listener = Bun.listen<Peer>({
    hostname: address,
    port: 0,
    allowHalfOpen: true,
    socket: {
      ...Peer.handlers,
      open(socket) {
        const peer = new Peer(socket, behaviour.data?.bind(behaviour));
        peers.push(peer);
        behaviour.opened?.(peer);
      },
    },
  });
  return {
    endpoint: { family: "ipv4", address, port: listener.port },
    peers,
    [Symbol.dispose]: () => listener.stop(true),
  };
}

/** A server that says its name first and then everything it hears. */
export function greeter(address: string, name: string): TestServer {
  return serve(address, { opened: (peer) => peer.send(`${name}\n`), data: (peer, chunk) => peer.send(chunk.slice()) });
}

/** Connects, waits for the greeting, and returns the connection. */
export async function greeted(endpoint: Endpoint): Promise<Peer> {
  const peer = await connectTo(endpoint);
  return peer.until(({ text }) => text.includes("\n"));
}

/** The name of the greeter that the next connection reaches. */
export async function whoAnswers(endpoint: Endpoint): Promise<string> {
  const peer = await greeted(endpoint);
  peer.socket.terminate();
  return peer.text.trim();
}

/** Asks again until the condition holds; for what tells no event of its own. */
export async function eventually(condition: () => boolean | Promise<boolean>): Promise<void> {
  await waitFor(condition, Boolean, { everyMs: 1 });
}

/** How many descriptors this process has open. */
export function openDescriptors(): number {
  return readdirSync("/proc/self/fd").length;
}
