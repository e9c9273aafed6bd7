import type { Endpoint } from "../../domain/endpoint.ts";
import type { Backend, Guest } from "./backend.ts";
import type { FlowOptions } from "./flow.ts";
import { Relay, type RelayListener } from "./relay.ts";
import type { PickRequest } from "./schedulers/scheduler.ts";
import type { EventSocket } from "./socket-events.ts";
import type { TrafficMeter } from "./traffic-meter.ts";
import type { DialOutcome, UpstreamDial } from "./upstream-dial.ts";

/** What a connection needs of its virtual server. */
export interface ConnectionHost {
  readonly traffic: TrafficMeter;
  readonly flows: FlowOptions;
  /** A client is here; called before anything else is asked. */
  entered(): void;
  /** It is gone, with both of its sockets. */
  left(): void;
  pick(request: PickRequest<Backend>): Backend | undefined;
  dial(target: Endpoint, outcome: DialOutcome): UpstreamDial;
  /** A dial of it ran out of time. */
  unanswered(backend: Backend): void;
}

/** A client from accept to close: it dials one real server after the other until one answers, then relays. */
export class ProxiedConnection implements Guest, DialOutcome, RelayListener {
  readonly #host: ConnectionHost;
  readonly #relay: Relay;
  readonly #request: PickRequest<Backend> & { readonly tried: Set<Backend>; isRetry: boolean };
  #backend: Backend | undefined;
  /** The dial under way; undefined once the real server has answered. */
  #dial: UpstreamDial | undefined;
  /**
   * What the client sent before a real server answered: it is counted for the server that answers, not for those
   * dialled before.
   */
  readonly #early = { bytes: 0, halfClosed: false };

  constructor(client: EventSocket, host: ConnectionHost) {
    prepare(client);
    host.entered();
    this.#host = host;
    this.#relay = new Relay(client, this, host.flows);
    this.#request = {
      clientAddress: client.remoteAddress,
      clientPort: client.remotePort,
      tried: new Set(),
      isRetry: false,
    };
    if (isGone(client)) this.cut();
    else this.#dialNext();
  }

  evict(): void {
    if (this.#dial === undefined) this.cut();
    else {
      this.#dial.cancel();
      this.#leave();
      this.#dialNext();
    }
  }

  cut(): void {
    this.#relay.cut();
  }

  connected(server: EventSocket): void {
    this.#dial = undefined;
    prepare(server);
    this.#backend?.traffic.connected();
    this.#host.traffic.connected();
    if (this.#early.bytes > 0) this.receivedIn(this.#early.bytes);
    if (this.#early.halfClosed) this.halfClosed();
    this.#relay.join(server);
  }

  failed(isSilent: boolean): void {
    const backend = this.#backend;
    if (backend !== undefined) this.#request.tried.add(backend);
    if (backend !== undefined && isSilent) this.#host.unanswered(backend);
    this.#leave();
    this.#dialNext();
  }

  receivedIn(bytes: number): void {
    if (this.#dial !== undefined) {
      this.#early.bytes += bytes;
      return;
    }
    this.#backend?.traffic.receivedIn(bytes);
    this.#host.traffic.receivedIn(bytes);
  }

  receivedOut(bytes: number): void {
    this.#backend?.traffic.receivedOut(bytes);
    this.#host.traffic.receivedOut(bytes);
  }

  halfClosed(): void {
    if (this.#dial === undefined) this.#backend?.halfClosed(this);
    else this.#early.halfClosed = true;
  }

  finished(): void {
    this.#dial?.cancel();
    this.#leave();
    this.#host.left();
  }

  // --- internal ---

  #dialNext(): void {
    const backend = this.#host.pick(this.#request);
    this.#request.isRetry = true;
    this.#backend = backend;
    if (backend === undefined) {
      this.cut();
      return;
    }
    backend.enter(this);
    this.#dial = this.#host.dial(backend.server.endpoint, this);
  }

  #leave(): void {
    this.#backend?.leave(this);
    this.#backend = undefined;
    this.#dial = undefined;
  }
}

// --- internal ---

/** After this much silence the kernel probes a peer: one that lost its power would keep both sockets open forever. */
const KEEP_ALIVE_MS = 30_000;

/**
 * The client reset the connection before it was accepted: then its address is unknown, although the types say
 * otherwise.
 */
function isGone(client: EventSocket): boolean {
  return (client.remoteAddress as string | undefined) === undefined;
}

function prepare(socket: EventSocket): void {
  // A proxy must not add Nagle's delay to the peers' own.
  socket.setNoDelay(true);
  socket.setKeepAlive(true, KEEP_ALIVE_MS);
}
