/** Long work in parts, between which this process does what else is due: checks, signals, and what it is asked. */
export class Slices {
  #sinceMs = performance.now();
  #steps = 0;

  /** Another step is to begin. True when it is time to pause before it. */
  isOver(): boolean {
    this.#steps++;
    return this.#steps > FEWEST && performance.now() - this.#sinceMs >= SLICE_MS;
  }

  /** Lets the rest of the process have a turn. */
  async pause(): Promise<void> {
    await new Promise((resolve) => void setImmediate(resolve));
    this.#sinceMs = performance.now();
    this.#steps = 1;
  }
}

// --- internal ---

/** What begins in a slice goes on in the same turn, and takes about twice as long again. */
const SLICE_MS = 20;

/** What begins together shares exchanges with the kernel, also on a host that gives this process hardly any time. */
const FEWEST = 16;
