import { formatEndpoint, type Endpoint } from "../../domain/endpoint.ts";
import { LvscareError } from "../../domain/errors.ts";
import type { ObservedVirtualServer, RealServer, VirtualServer } from "../../domain/virtual-server.ts";
import type { HearOfSilence } from "../data-plane.ts";
import { Backend } from "./backend.ts";
import type { FlowOptions } from "./flow.ts";
import { listenOn, type ClientListener, type Listen } from "./listener.ts";
import { ProxiedConnection, type ConnectionHost } from "./proxied-connection.ts";
import { createScheduler } from "./schedulers/index.ts";
import type { PickRequest, Scheduler } from "./schedulers/scheduler.ts";
import { TrafficMeter } from "./traffic-meter.ts";
import { UpstreamDial, type DialOptions, type DialOutcome } from "./upstream-dial.ts";

/** Looks after a real server that did not answer a dial; undefined at first. */
export interface Silences {
  hear: HearOfSilence | undefined;
}

/** How clients get in, and how many. */
export interface Doors {
  readonly listen: Listen;
  /** At the same time. */
  readonly most: number;
  /** Called once, and again after there was room for a while. */
  readonly onCrowd: () => void;
}

/** What all virtual servers of a data plane share. */
export interface BalancerOptions {
  readonly dialOptions: DialOptions;
  readonly doors: Doors;
  readonly flows: FlowOptions;
  readonly silences: Silences;
}

/** One virtual server: its listener, its real servers, and the choice of the server for each connection. */
export class Balancer implements ConnectionHost {
  readonly traffic = new TrafficMeter();
  readonly flows: FlowOptions;
  readonly #dialOptions: DialOptions;
  readonly #silences: Silences;
  readonly #backends = new Map<string, Backend>();
  readonly #doors: Doors;
  readonly #listener: ClientListener;
  #isClosed = false;
  #clients = 0;
  #isCrowdTold = false;
  #candidates: readonly Backend[] = [];
  #service: VirtualServer;
  #scheduler: Scheduler;

  /** Listens from now on; without real servers every client is turned away. */
  constructor(service: VirtualServer, { dialOptions, doors, flows, silences }: BalancerOptions) {
    this.#doors = doors;
    this.flows = flows;
    this.#service = service;
    this.#silences = silences;
    this.#scheduler = createScheduler(service);
    this.#dialOptions = dialOptions;
    this.#listener = listenOn(
      service.endpoint,
      doors.listen,
      dialOptions.handlers,
      (client) => void new ProxiedConnection(client, this),
    );
  }

  entered(): void {
    const { most, onCrowd } = this.#doors;
    if (++this.#clients < most) return;
    this.#listener.pause();
    if (!this.#isCrowdTold) onCrowd();
    this.#isCrowdTold = true;
  }

  left(): void {
    const { most } = this.#doors;
    if (this.#clients-- >= most && !this.#isClosed) this.#listener.resume();
    if (this.#clients < ROOM_AGAIN * most) this.#isCrowdTold = false;
  }

  pick(request: PickRequest<Backend>): Backend | undefined {
    const pick = (one: PickRequest<Backend>): Backend | undefined => this.#scheduler.pick(this.#candidates, one);
    return (
      pick(request) ?? (this.#candidates.some(isSuspected) ? pick({ ...request, takesSuspected: true }) : undefined)
    );
  }

  unanswered(backend: Backend): void {
    const { hear } = this.#silences;
    if (backend.suspected || hear === undefined) return;
    backend.suspected = true;
    hear(backend.server.endpoint, () => (backend.suspected = false));
  }

  dial(target: Endpoint, outcome: DialOutcome): UpstreamDial {
    return new UpstreamDial(target, this.#dialOptions, outcome);
  }

  /** Uses a new scheduler at once; connections stay. */
  updateService(service: VirtualServer): void {
    this.#scheduler = createScheduler(service);
    this.#service = service;
  }

  addServer(server: RealServer): void {
    const key = formatEndpoint(server.endpoint);
    if (this.#backends.has(key)) throw refused("EEXIST", `real server ${key} is there already`);
    this.#backends.set(key, new Backend(server));
    this.#candidates = [...this.#backends.values()];
  }

  updateServer(server: RealServer): void {
    this.#backend(server.endpoint).update(server);
  }

  /** Its connections are closed. Those that were still dialling it go to another server. */
  removeServer(endpoint: Endpoint): void {
    const backend = this.#backend(endpoint);
    this.#backends.delete(formatEndpoint(endpoint));
    this.#candidates = [...this.#backends.values()];
    backend.evictAll();
  }

  observe(): ObservedVirtualServer {
    return {
      service: this.#service,
      stats: this.traffic.read(),
      realServers: this.#candidates.map((backend) => backend.observe()),
    };
  }

  /** Stops listening and ends every connection. */
  close(): void {
    this.#isClosed = true;
    this.#listener.stop();
    for (const backend of this.#candidates) backend.cutAll();
  }

  // --- internal ---

  #backend(endpoint: Endpoint): Backend {
    const key = formatEndpoint(endpoint);
    const backend = this.#backends.get(key);
    if (backend === undefined) throw refused("ENOENT", `no real server ${key}`);
    return backend;
  }
}

// --- internal ---

/** Of the limit on clients: below this part, the next excess is reported again. */
const ROOM_AGAIN = 0.9;

function isSuspected({ suspected }: Backend): boolean {
  return suspected;
}

function refused(errno: string, message: string): LvscareError {
  return new LvscareError("APPLY_FAILED", message, { errno });
}
