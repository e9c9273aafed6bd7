import type { Candidate } from "./scheduler.ts";

/** A position in a walk round the servers: at the last one chosen, even after others came or went. */
export class Cursor {
  #last: Candidate | undefined;
  #index = -1;

  copy(): Cursor {
    const copy = new Cursor();
    copy.#last = this.#last;
    copy.#index = this.#index;
    return copy;
  }

  moveTo(servers: readonly Candidate[], index: number): void {
    this.#index = index;
    this.#last = servers[index];
  }

  /** Back before the first server. */
  rewind(): void {
    this.#index = -1;
    this.#last = undefined;
  }

  /** Index after the last chosen server; may be the length of the list. */
  next(servers: readonly Candidate[]): number {
    if (this.#last === undefined || servers[this.#index] === this.#last) return this.#index + 1;
    const found = servers.indexOf(this.#last);
    // The last chosen server is gone, so the one after it has taken its place.
    return found === -1 ? Math.min(this.#index, servers.length) : found + 1;
  }
}
