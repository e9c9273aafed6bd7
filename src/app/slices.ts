/** Long work in parts, between which this process does what else is due: checks, signals, and what it is asked. */
export class Slices {
  #sinceMs = performance.now();

  /** It is time to pause. */
  get isOver(): boolean {
    return performance.now() - this.#sinceMs >= SLICE_MS;
  }

  /** Lets the rest of the process have a turn if it is time for that. */
  async pause(): Promise<void> {
    if (!this.isOver) return;
    await new Promise((resolve) => void setImmediate(resolve));
    this.#sinceMs = performance.now();
  }
}

// --- internal ---

/** What begins in a slice goes on in the same turn, and takes about twice as long again. */
const SLICE_MS = 20;
