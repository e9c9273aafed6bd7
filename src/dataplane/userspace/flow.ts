import type { EventSocket } from "./socket-events.ts";

/**
 * One direction of a connection. Bytes come out as they went in; what the destination does not take at once is held, and the source
 * is not read again before it is gone, so that no more than one read (at most 512 KiB) is ever held. FIN is passed on after the last byte.
 */
export class Flow {
  readonly #from: EventSocket;
  #to: EventSocket | undefined;
  #held: Uint8Array[] = [];
  /** How much of the first held chunk the destination already has. */
  #taken = 0;
  #ended = false;
  #finished = false;

  constructor(from: EventSocket) {
    this.#from = from;
  }

  /** The source has sent FIN. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Everything including FIN has been passed on. */
  get finished(): boolean {
    return this.#finished;
  }

  /** Gives the flow its destination; what came before is written now. */
  into(to: EventSocket): void {
    this.#to = to;
    this.flush();
  }

  receive(chunk: Uint8Array): void {
    if (this.#to !== undefined && this.#held.length === 0) {
      this.#taken = write(this.#to, chunk, 0);
      if (this.#taken === chunk.length) return;
    }
    this.#held.push(chunk);
    this.#from.pause();
  }

  /** No more will come: passes FIN on as soon as all bytes are out. */
  end(): void {
    this.#ended = true;
    this.flush();
  }

  /** Writes what is held, as far as the destination takes it. */
  flush(): void {
    if (this.#to === undefined || this.#finished) return;
    const wasHolding = this.#held.length > 0;
    for (let chunk = this.#held[0]; chunk !== undefined; chunk = this.#held[0]) {
      this.#taken += write(this.#to, chunk, this.#taken);
      if (this.#taken < chunk.length) return;
      this.#held.shift();
      this.#taken = 0;
    }
    if (wasHolding) this.#from.resume();
    if (!this.#ended) return;
    this.#finished = true;
    this.#to.shutdown();
  }
}

// --- internal ---

/** How many bytes the socket took. The length is always given: with an offset alone Bun 1.4.5 counts it from the start and throws. */
function write(to: EventSocket, chunk: Uint8Array, offset: number): number {
  // A closed socket says -1; its own close event ends the connection.
  return Math.max(0, to.write(chunk, offset, chunk.length - offset));
}
