import type { TCPSocketListenOptions } from "bun";
import type { Endpoint } from "../../domain/endpoint.ts";
import { HttpConnection, type RequestHandler } from "./http-connection.ts";

/** Clients that come while it is paused wait in the kernel's queue. */
export interface ClientListener {
  pause(): void;
  resume(): void;
  stop(): void;
}

export type Listen = (options: TCPSocketListenOptions<HttpConnection>) => ClientListener;

export interface HttpServerOptions {
  readonly endpoint: Endpoint;
  readonly answer: RequestHandler;
  /** Throws as `Bun.listen` does. */
  readonly listen: Listen;
  readonly mostConnections: number;
  /** How long a client may take for a request, or to read an answer. */
  readonly idleMs: number;
  readonly now: () => number;
}

/**
 * HTTP/1.1 for a few paths and any client. Unlike the runtime's own server, it knows of connections before their
 * first request and can limit their number: the connection that has been idle longest makes room for the next one.
 */
export class HttpServer {
  readonly #options: HttpServerOptions;
  readonly #connections = new Set<HttpConnection>();
  readonly #listener: ClientListener;
  #looking: Timer | undefined;
  /** In this second. */
  #evicted = 0;

  constructor(options: HttpServerOptions) {
    this.#options = options;
    const { listen, endpoint, answer, now } = options;
    this.#listener = listen({
      hostname: endpoint.address,
      port: endpoint.port,
      // A client that has asked for everything may say so, and still wants the answer.
      allowHalfOpen: true,
      // Another daemon on the same port would get a share of the requests.
      exclusive: true,
      socket: {
        open: (socket) => {
          const connection: HttpConnection = new HttpConnection(socket, answer, now, () => this.#left(connection));
          socket.data = connection;
          this.#entered(connection);
        },
        data: ({ data }, chunk) => data.received(chunk),
        drain: ({ data }) => data.writable(),
        end: ({ data }) => data.ended(),
        close: ({ data }) => data.closed(),
        error: (socket) => void socket.terminate(),
      },
    });
  }

  /** Ends all connections. */
  stop(): void {
    this.#listener.stop();
    clearInterval(this.#looking);
    for (const connection of this.#connections) connection.end();
  }

  // --- internal ---

  #entered(connection: HttpConnection): void {
    this.#connections.add(connection);
    this.#looking ??= setInterval(() => this.#look(), LOOK_MS);
    if (this.#connections.size > this.#options.mostConnections) this.#makeRoom();
  }

  #left(connection: HttpConnection): void {
    this.#connections.delete(connection);
    if (this.#evicted < MOST_EVICTED) this.#listener.resume();
    if (this.#connections.size > 0) return;
    clearInterval(this.#looking);
    this.#looking = undefined;
    this.#evicted = 0;
    this.#listener.resume();
  }

  #makeRoom(): void {
    const idle = [...this.#connections].filter(({ idleSinceMs }) => idleSinceMs !== undefined);
    // The last one has just come.
    const longest = idle.slice(0, -1).reduce<HttpConnection | undefined>(longerIdle, undefined);
    // A flood is accepted at this rate and no faster: clients that are turned away may come again immediately.
    if (++this.#evicted >= MOST_EVICTED || longest === undefined) this.#listener.pause();
    longest?.end();
  }

  #look(): void {
    const nowMs = this.#options.now();
    this.#evicted = 0;
    for (const connection of this.#connections) connection.look(nowMs, this.#options.idleMs);
    if (this.#connections.size < this.#options.mostConnections) this.#listener.resume();
  }
}

// --- internal ---

const LOOK_MS = 1000;

/** In a second. */
const MOST_EVICTED = 200;

function longerIdle(longest: HttpConnection | undefined, one: HttpConnection): HttpConnection {
  return longest === undefined || (one.idleSinceMs ?? 0) < (longest.idleSinceMs ?? 0) ? one : longest;
}
