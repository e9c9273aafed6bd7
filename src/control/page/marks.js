// @ts-check

/** What became of the last checks of each real server, as the daemon remembers it: see `check-marks.ts`. */
export class Marks {
  /** @type {Map<string, string>} */
  #marks = new Map();

  /** @param {Record<string, string>} news Those that came since the last time, by address. */
  add(news) {
    for (const [server, marks] of Object.entries(news)) {
      this.#marks.set(server, ((this.#marks.get(server) ?? "") + marks).slice(-MOST_MARKS));
    }
  }

  clear() {
    this.#marks.clear();
  }

  /** @param {string} server */
  of(server) {
    return this.#marks.get(server) ?? "";
  }

  /**
   * Round numbers between which nearly all latencies lie, in milliseconds: a few odd ones must not make the others flat.
   *
   * @returns {Scale}
   */
  scale() {
    const counts = new Uint32Array(128);
    let all = 0;
    for (const marks of this.#marks.values()) {
      for (let at = 0; at < marks.length; at++) {
        const code = marks.charCodeAt(at);
        if (code < FIRST || code > 127) continue;
        counts[code] = (counts[code] ?? 0) + 1;
        all++;
      }
    }
    if (all === 0) return { fromMs: 0.1, toMs: 10 };
    const least = counts.findIndex((count) => count > 0);
    let above = 0;
    let most = 127;
    while (most > least && (above += counts[most] ?? 0) <= all * ODD) most--;
    const fromMs = ROUND.findLast((ms) => ms <= latencyOf(least)) ?? 0.01;
    return { fromMs, toMs: ROUND.find((ms) => ms >= Math.max(latencyOf(most), 5 * fromMs)) ?? 100_000 };
  }
}

/** @typedef {{ fromMs: number, toMs: number }} Scale */

export const MOST_MARKS = 60;

/**
 * @param {number} code Of a mark.
 * @returns {"passed" | "failed" | "leaving" | "not made"}
 */
export function outcomeOf(code) {
  if (code >= FIRST) return "passed";
  if (code === FAILED) return "failed";
  return code === LEAVING ? "leaving" : "not made";
}

/**
 * Of a check that passed, in milliseconds.
 *
 * @param {number} code
 */
export function latencyOf(code) {
  return LEAST_MS * STEP ** (code - FIRST - (code > BACKSLASH ? 1 : 0));
}

// --- internal ---

const FAILED = 33;
const LEAVING = 37;
const FIRST = 40;
const BACKSLASH = 92;
/** Of all checks, so many may be slower than the scale goes. */
const ODD = 0.01;

const LEAST_MS = 0.02;
const STEP = 1.19;

/** 0.01, 0.02, 0.05, … 50,000: so that the scale seldom changes. */
const ROUND = [0.01, 0.1, 1, 10, 100, 1000, 10_000].flatMap((power) => [power, 2 * power, 5 * power]);
