import type { TCPSocketListener, TCPSocketListenOptions } from "bun";
import { duplicate, hasDescriptors } from "./descriptors.ts";
import { closeFd } from "./libc.ts";

/** Clients that come while it is paused wait in the kernel's queue, at no cost for this process. */
export interface PausableListener {
  pause(): void;
  resume(): void;
  /** Waiting clients are refused. Connections stay. */
  stop(): void;
}

/**
 * Listens, throwing as `Bun.listen` does. It pauses by itself while this process, or the host, has hardly any
 * descriptors left: otherwise the runtime would ask the kernel for the next client tens of thousands of times a
 * second.
 */
export function listenPausably<Data>(options: TCPSocketListenOptions<Data>): PausableListener {
  return new Listener(options);
}

// --- internal ---

/** It resumes only with this many descriptors left: with just one, the next client would use it up. */
const ENOUGH_DESCRIPTORS = 8;

const LOOK_MS = 1000;

class Listener<Data> implements PausableListener {
  readonly #options: TCPSocketListenOptions<Data>;
  /** The same socket: as long as it is open, waiting clients are not refused. */
  readonly #kept: number;
  readonly #watch: Timer;
  #listener: { stop(): void } | undefined;
  #isPaused = false;
  #isShort = false;

  constructor(options: TCPSocketListenOptions<Data>) {
    this.#options = options;
    const listener = Bun.listen<Data>(options);
    this.#listener = listener;
    this.#kept = duplicate(descriptorOf(listener));
    this.#watch = setInterval(() => this.#look(), LOOK_MS);
    this.#watch.unref();
  }

  pause(): void {
    this.#isPaused = true;
    this.#update();
  }

  resume(): void {
    this.#isPaused = false;
    this.#update();
  }

  stop(): void {
    clearInterval(this.#watch);
    this.#isPaused = true;
    this.#listener?.stop();
    this.#listener = undefined;
    if (this.#kept >= 0) closeFd(this.#kept);
  }

  #look(): void {
    this.#isShort = !hasDescriptors(ENOUGH_DESCRIPTORS);
    this.#update();
  }

  #update(): void {
    const isWanted = !this.#isPaused && !this.#isShort;
    if (isWanted === (this.#listener !== undefined) || this.#kept < 0) return;
    if (isWanted) return this.#reopen();
    this.#listener?.stop();
    this.#listener = undefined;
  }

  #reopen(): void {
    const fd = duplicate(this.#kept);
    if (fd < 0) {
      this.#isShort = true;
      return;
    }
    const { socket, allowHalfOpen = false } = this.#options;
    this.#listener = listenAt({ fd, socket, allowHalfOpen });
  }
}

/** Missing in the runtime's types (Bun 1.4.5). */
function descriptorOf(listener: TCPSocketListener<unknown>): number {
  return (listener as TCPSocketListener<unknown> & { readonly fd?: number }).fd ?? -1;
}

const listenAt = Bun.listen as unknown as <Data>(options: Bun.FdSocketOptions<Data>) => { stop(): void };
