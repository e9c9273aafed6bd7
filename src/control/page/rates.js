// @ts-check

/**
 * How fast a total grows, over the last seconds.
 *
 * @typedef {{ connections: number, bytes: number }} Totals
 */
export class Rate {
  /** @type {{ atMs: number, totals: Totals }[]} */
  #samples = [];

  /**
   * @param {number} atMs
   * @param {Totals | undefined} totals
   */
  sample(atMs, totals) {
    if (totals === undefined) return;
    const last = this.#samples.at(-1);
    // The table was made anew, or the daemon's clock was set.
    if (
      last !== undefined &&
      (totals.connections < last.totals.connections || totals.bytes < last.totals.bytes || atMs < last.atMs)
    )
      this.#samples = [];
    if (last !== undefined && atMs - last.atMs < SHORTEST_MS) return;
    this.#samples.push({ atMs, totals });
    while (this.#samples.length > 2 && atMs - (this.#samples[1]?.atMs ?? atMs) >= WINDOW_MS) this.#samples.shift();
  }

  /** Per second; undefined before there are two samples. */
  get() {
    const [first] = this.#samples;
    const last = this.#samples.at(-1);
    if (first === undefined || last === undefined || last === first) return undefined;
    const seconds = (last.atMs - first.atMs) / 1000;
    return {
      connections: (last.totals.connections - first.totals.connections) / seconds,
      bytes: (last.totals.bytes - first.totals.bytes) / seconds,
    };
  }
}

// --- internal ---

const WINDOW_MS = 10_000;
const SHORTEST_MS = 900;
