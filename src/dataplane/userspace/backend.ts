import type { ObservedRealServer, RealServer } from "../../domain/virtual-server.ts";
import type { Candidate } from "./schedulers/scheduler.ts";
import { TrafficMeter } from "./traffic-meter.ts";

/** A connection as its real server sees it. */
export interface Guest {
  /** The real server is gone: find another one if nothing has been sent yet, else end. */
  evict(): void;
  /** End now. */
  cut(): void;
}

/** One real server of a virtual server, with the connections it has. */
export class Backend implements Candidate {
  readonly traffic = new TrafficMeter();
  suspected = false;
  /** By whether a connection is active: dialling or open both ways, as the kernel counts from SYN_RECV to the first FIN. */
  readonly #guests = new Map<Guest, boolean>();
  #server: RealServer;
  #active = 0;
  #overloaded = false;

  constructor(server: RealServer) {
    this.#server = server;
  }

  get server(): RealServer {
    return this.#server;
  }

  get weight(): number {
    return this.#server.weight;
  }

  get activeConnections(): number {
    return this.#active;
  }

  get inactiveConnections(): number {
    return this.#guests.size - this.#active;
  }

  get overloaded(): boolean {
    return this.#overloaded;
  }

  /** Open connections stay, with any new weight. */
  update(server: RealServer): void {
    this.#server = server;
    this.#updateOverload();
  }

  enter(guest: Guest): void {
    this.#guests.set(guest, true);
    this.#active++;
    this.#updateOverload();
  }

  halfClosed(guest: Guest): void {
    if (this.#guests.get(guest) !== true) return;
    this.#guests.set(guest, false);
    this.#active--;
  }

  leave(guest: Guest): void {
    if (this.#guests.get(guest) === true) this.#active--;
    this.#guests.delete(guest);
    this.#updateOverload();
  }

  /** The real server has been removed. */
  evictAll(): void {
    for (const guest of this.#guests.keys()) guest.evict();
  }

  /** The virtual server has been deleted. */
  cutAll(): void {
    for (const guest of this.#guests.keys()) guest.cut();
  }

  observe(): ObservedRealServer {
    return {
      server: this.#server,
      activeConnections: this.activeConnections,
      inactiveConnections: this.inactiveConnections,
      stats: this.traffic.read(),
    };
  }

  // --- internal ---

  /**
   * The kernel's hysteresis: full at the upper threshold, and free again below the lower one (without one: below
   * three quarters).
   */
  #updateOverload(): void {
    const { upperThreshold, lowerThreshold } = this.#server;
    const connections = this.#guests.size;
    if (upperThreshold === 0) this.#overloaded = false;
    else if (connections >= upperThreshold) this.#overloaded = true;
    else if (connections < (lowerThreshold === 0 ? upperThreshold * 0.75 : lowerThreshold)) this.#overloaded = false;
  }
}
