// @ts-check
import { svg } from "./elements.js";
import { latency } from "./words.js";

/**
 * The latency of the last checks that this page has seen: a line for passed ones, a bar from below for each failed
 * one.
 */
export class Sparkline {
  element = svg("svg", "sparkline");
  #line = svg("path", "line");
  #failures = svg("path", "failures");
  #title = svg("title");
  /** @type {{ latencyMs: number, passed: boolean }[]} */
  #samples = [];
  #lastAt = "";

  constructor() {
    this.element.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
    this.element.setAttribute("preserveAspectRatio", "none");
    // The card says the last one in words.
    this.element.setAttribute("aria-hidden", "true");
    this.element.append(this.#title, this.#failures, this.#line);
  }

  /** @param {import("../../domain/status.ts").VerdictStatus} verdict One that was added already is not added again. */
  add({ at, latencyMs, passed }) {
    if (at === this.#lastAt) return;
    this.#lastAt = at;
    this.#samples.push({ latencyMs, passed });
    if (this.#samples.length > MOST_SAMPLES) this.#samples.shift();
    this.#draw();
  }

  // --- internal ---

  #draw() {
    const passed = this.#samples.filter((sample) => sample.passed);
    const highest = Math.max(...passed.map(({ latencyMs }) => latencyMs), SMALLEST_SCALE_MS);
    const first = MOST_SAMPLES - this.#samples.length;
    let line = "";
    let failures = "";
    let isDown = false;
    for (const [index, sample] of this.#samples.entries()) {
      const x = (1 + (first + index) * STEP).toFixed(1);
      if (sample.passed) {
        const y = (HEIGHT - 2 - (sample.latencyMs / highest) * (HEIGHT - 4)).toFixed(1);
        // A dot where it begins, for one that has no neighbours.
        line += isDown ? `L${x} ${y}` : `M${x} ${y}h.01`;
      } else {
        failures += `M${x} ${HEIGHT}v-6`;
      }
      isDown = sample.passed;
    }
    this.#line.setAttribute("d", line);
    this.#failures.setAttribute("d", failures);
    const failed = this.#samples.length - passed.length;
    const range =
      passed.length === 0 ? "" : `, up to ${latency(Math.max(...passed.map(({ latencyMs }) => latencyMs)))}`;
    this.#title.textContent = `latency of the last ${this.#samples.length} checks seen here${range}; ${failed} failed`;
  }
}

// --- internal ---

const MOST_SAMPLES = 40;
const WIDTH = 80;
const HEIGHT = 20;
const STEP = (WIDTH - 2) / (MOST_SAMPLES - 1);

/** Below it, differences are noise and shall look like it. */
const SMALLEST_SCALE_MS = 0.5;
