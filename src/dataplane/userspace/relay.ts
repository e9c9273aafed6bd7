import { Flow, type FlowOptions } from "./flow.ts";
import type { EventSocket } from "./socket-events.ts";

/** A relay's reports to its owner. */
export interface RelayListener {
  /** Bytes came from the client. */
  receivedIn(bytes: number): void;
  /** Bytes came from the real server. */
  receivedOut(bytes: number): void;
  /** One of the two directions has ended; called once. */
  halfClosed(): void;
  /** Both sockets are gone; called once. */
  finished(): void;
}

/** Joins a client to a real server: two flows, and the rule how the end of one socket ends the other. */
export class Relay {
  readonly #client: EventSocket;
  readonly #options: FlowOptions;
  readonly #inward: Flow;
  readonly #listener: RelayListener;
  #server: EventSocket | undefined;
  #outward: Flow | undefined;
  #halfClosed = false;
  /** Sockets not closed yet. */
  #open = 1;

  /** Listens to the client from now on; what it sends before `join` waits. */
  constructor(client: EventSocket, listener: RelayListener, options: FlowOptions) {
    this.#client = client;
    this.#options = options;
    this.#inward = new Flow(client, options, {
      received: (bytes) => listener.receivedIn(bytes),
      overran: () => this.cut(),
    });
    this.#listener = listener;
    client.data = {
      received: (chunk) => this.#inward.receive(chunk),
      writable: () => this.#outward?.flush(),
      ended: () => this.#end(this.#inward),
      closed: (error) => this.#closed(error, this.#inward, this.#outward, this.#server),
    };
  }

  /** The real server is connected. */
  join(server: EventSocket): void {
    const outward = new Flow(server, this.#options, {
      received: (bytes) => this.#listener.receivedOut(bytes),
      overran: () => this.cut(),
    });
    this.#server = server;
    this.#outward = outward;
    this.#open++;
    server.data = {
      received: (chunk) => outward.receive(chunk),
      writable: () => this.#inward.flush(),
      ended: () => this.#end(outward),
      closed: (error) => this.#closed(error, outward, this.#inward, this.#client),
    };
    outward.into(this.#client);
    this.#inward.into(server);
  }

  /** Resets both sockets at once. */
  cut(): void {
    this.#server?.terminate();
    this.#client.terminate();
  }

  // --- internal ---

  #end(flow: Flow): void {
    if (!this.#halfClosed) {
      this.#halfClosed = true;
      this.#listener.halfClosed();
    }
    flow.end();
  }

  /**
   * A socket that closed after FINs from both sides may leave its last bytes to be passed on. Bun reports no `end` if
   * our FIN went first, so the close counts as the end. Any other close is a reset, and the other socket is reset
   * too.
   */
  #closed(error: Error | undefined, from: Flow, to: Flow | undefined, other: EventSocket | undefined): void {
    this.#open--;
    // What came from it is still passed on; nothing is sent to it any more.
    from.closed();
    to?.stop();
    if (this.#open === 0) {
      from.stop();
      this.#listener.finished();
    } else if (error === undefined && to?.finished === true) this.#end(from);
    else other?.terminate();
  }
}
