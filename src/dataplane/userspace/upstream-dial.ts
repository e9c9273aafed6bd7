import { adoptDescriptor } from "../../../native/adopt-descriptor.ts";
import type { Endpoint } from "../../domain/endpoint.ts";
import type { EventHandlers, EventSocket, SocketEvents } from "./socket-events.ts";

/** A non-blocking TCP descriptor that is already connecting; throws when the kernel refuses immediately. */
export type Dialer = (target: Endpoint) => number;

export interface DialOptions {
  readonly dial: Dialer;
  readonly handlers: EventHandlers;
  readonly timeoutMs: number;
}

/** How a dial ends: exactly one of the two is called, and neither after `cancel`. */
export interface DialOutcome {
  /** The receiver puts itself into the socket's `data` before it returns. */
  connected(socket: EventSocket): void;
  /** `isSilent`: nothing came back at all. */
  failed(isSilent: boolean): void;
}

/** One attempt to reach one real server. */
export class UpstreamDial implements SocketEvents {
  readonly #outcome: DialOutcome;
  readonly #deadline: Timer;
  #socket: EventSocket | undefined;
  #settled = false;

  constructor(target: Endpoint, { dial, handlers, timeoutMs }: DialOptions, outcome: DialOutcome) {
    this.#outcome = outcome;
    this.#deadline = setTimeout(() => this.#fail(true), timeoutMs);
    adoptDescriptor<SocketEvents>({
      open: () => dial(target),
      handlers,
      data: this,
      allowHalfOpen: true,
      // Reported later: a caller who dials the next server from `failed` would otherwise do so inside this
      // constructor.
      failed: () => queueMicrotask(() => this.#fail()),
    });
  }

  /** Gives up and releases the socket, without a report. */
  cancel(): void {
    this.#settle();
    this.#socket?.terminate();
  }

  opened(socket: EventSocket): void {
    this.#socket = socket;
    if (this.#settled) socket.terminate();
  }

  /** A server that speaks first may be heard before the socket is reported as writable. */
  received(chunk: Uint8Array): void {
    this.#succeed()?.received(chunk);
  }

  writable(): void {
    this.#succeed();
  }

  ended(): void {
    this.#succeed()?.ended();
  }

  closed(): void {
    this.#fail();
  }

  // --- internal ---

  /** The socket's handler from now on; undefined when the dial had already ended. */
  #succeed(): SocketEvents | undefined {
    const socket = this.#socket;
    if (socket === undefined || !this.#settle()) return undefined;
    this.#outcome.connected(socket);
    return socket.data;
  }

  #fail(isSilent = false): void {
    if (!this.#settle()) return;
    this.#socket?.terminate();
    this.#outcome.failed(isSilent);
  }

  /** True the first time. */
  #settle(): boolean {
    if (this.#settled) return false;
    this.#settled = true;
    clearTimeout(this.#deadline);
    return true;
  }
}
