import type { ConnectionListener, Ending } from "./connection.ts";

/** Holds a connection's listener. While there is none, input is kept for the next one. */
export class ListenerSlot {
  /** Undefined while parked. */
  #listener: ConnectionListener | undefined;
  readonly #unheard: Uint8Array[] = [];
  #unheardEnding: Ending | undefined;

  constructor(listener: ConnectionListener) {
    this.#listener = listener;
  }

  /** What was kept is delivered before this returns. */
  take(listener: ConnectionListener): void {
    this.#listener = listener;
    if (this.#unheard.length > 0) for (const bytes of this.#unheard.splice(0)) listener.received(bytes);
    const ending = this.#unheardEnding;
    this.#unheardEnding = undefined;
    if (ending !== undefined) listener.ended(ending);
  }

  park(): void {
    this.#listener = undefined;
  }

  established(nowMs: number): void {
    this.#listener?.established(nowMs);
  }

  writable(): void {
    this.#listener?.writable();
  }

  /** The bytes may be written over once this has returned. */
  received(bytes: Uint8Array): void {
    if (this.#listener === undefined) this.#unheard.push(bytes.slice());
    else this.#listener.received(bytes);
  }

  ended(ending: Ending): void {
    if (this.#listener === undefined) this.#unheardEnding = ending;
    else this.#listener.ended(ending);
  }
}
