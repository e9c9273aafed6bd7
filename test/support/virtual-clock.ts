/** A clock whose time passes only by `advance`: timers fire in order, each at its own moment, re-armed ones as often as they are due. */
export class VirtualClock {
  #nowMs = 0;
  #nextId = 1;
  readonly #timers = new Map<number, { readonly atMs: number; readonly fire: () => void }>();

  readonly now = (): number => this.#nowMs;

  setTimeout(fire: () => void, delayMs: number): number {
    const id = this.#nextId++;
    this.#timers.set(id, { atMs: this.#nowMs + Math.max(0, delayMs), fire });
    return id;
  }

  clearTimeout(id: number): void {
    this.#timers.delete(id);
  }

  /** Lets time pass; promises settle between one timer and the next. */
  async advance(ms: number): Promise<void> {
    const until = this.#nowMs + ms;
    await settle();
    for (;;) {
      const due = this.#earliest(until);
      if (due === undefined) break;
      const [id, timer] = due;
      this.#timers.delete(id);
      this.#nowMs = timer.atMs;
      timer.fire();
      await settle();
    }
    this.#nowMs = until;
  }

  #earliest(until: number): [number, { atMs: number; fire: () => void }] | undefined {
    let best: [number, { atMs: number; fire: () => void }] | undefined;
    for (const entry of this.#timers) {
      if (entry[1].atMs <= until && (best === undefined || entry[1].atMs < best[1].atMs)) best = entry;
    }
    return best;
  }
}

/** Enough microtask turns for a chain of promises between two actors. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
}
