// @ts-check
import { element, setText, svg } from "./elements.js";
import { latencyOf, MOST_MARKS, outcomeOf } from "./marks.js";

/** @typedef {import("./marks.js").Scale} Scale */

/**
 * The last checks, the newest at the right: as high as they took long, and over the whole height where they failed, which
 * no check that passed reaches.
 */
export class CheckBar {
  element = element("span", "checks");
  #passed = svg("path", "passed");
  #failed = svg("path", "failed");
  #others = svg("path", "others");
  #text = element("span", "aside");
  #drawn = "";

  constructor() {
    const picture = svg("svg", "check-bar");
    picture.setAttribute("viewBox", `0 0 ${MOST_MARKS} ${HEIGHT}`);
    picture.setAttribute("preserveAspectRatio", "none");
    picture.setAttribute("aria-hidden", "true");
    picture.append(this.#others, this.#passed, this.#failed);
    this.element.append(picture, this.#text);
  }

  /**
   * @param {string} marks
   * @param {Scale} scale
   */
  draw(marks, { fromMs, toMs }) {
    const key = `${marks} ${fromMs} ${toMs}`;
    if (key === this.#drawn) return;
    this.#drawn = key;
    const paths = { passed: "", failed: "", leaving: "", "not made": "" };
    const counts = { passed: 0, failed: 0, leaving: 0, "not made": 0 };
    const offset = MOST_MARKS - marks.length;
    for (let at = 0; at < MOST_MARKS; at++) {
      if (at < offset) {
        paths["not made"] += column(at, 1);
        continue;
      }
      const code = marks.charCodeAt(at - offset);
      const outcome = outcomeOf(code);
      counts[outcome]++;
      paths[outcome] += column(at, outcome === "passed" ? heightOf(latencyOf(code), fromMs, toMs) : FULL[outcome]);
    }
    this.#passed.setAttribute("d", paths.passed);
    this.#failed.setAttribute("d", paths.failed);
    this.#others.setAttribute("d", paths.leaving + paths["not made"]);
    setText(this.#text, marks === "" ? "no checks yet" : `${counts.passed} of the last ${marks.length} checks passed`);
  }
}

/** The same of many servers: as high as their share is that failed. */
export class ShareBar {
  element = element("span", "checks");
  #passed = svg("path", "passed");
  #failed = svg("path", "failed");
  #text = element("span", "aside");
  #drawn = "";

  constructor() {
    const picture = svg("svg", "check-bar");
    picture.setAttribute("viewBox", `0 0 ${MOST_MARKS} ${HEIGHT}`);
    picture.setAttribute("preserveAspectRatio", "none");
    picture.setAttribute("aria-hidden", "true");
    picture.append(this.#passed, this.#failed);
    this.element.append(picture, this.#text);
  }

  /** @param {string} shares A digit for each check: tenths that failed. */
  draw(shares) {
    if (shares === this.#drawn) return;
    this.#drawn = shares;
    let passed = "";
    let failed = "";
    let bad = 0;
    let made = 0;
    for (let at = 0; at < shares.length; at++) {
      const tenths = Number(shares[at]);
      if (Number.isNaN(tenths)) {
        passed += column(at, 1);
        continue;
      }
      made++;
      if (tenths > 0) bad++;
      const height = tenths === 0 ? 0 : Math.max(4, (HEIGHT * Math.min(tenths + 1, 10)) / 10);
      failed += height === 0 ? "" : column(at, height);
      passed += `M${at + GAP} 0v${(HEIGHT - height).toFixed(1)}h${WIDE}v-${(HEIGHT - height).toFixed(1)}z`;
    }
    this.#passed.setAttribute("d", passed);
    this.#failed.setAttribute("d", failed);
    setText(this.#text, made === 0 ? "no checks yet" : `checks failed in ${bad} of the last ${made} turns`);
  }
}

// --- internal ---

const HEIGHT = 20;
const GAP = 0.125;
const WIDE = 0.75;

/** Of one that passed, whatever it took. */
const HIGHEST = 13;
const LOWEST = 2.5;

const FULL = { failed: HEIGHT, leaving: HEIGHT / 2, "not made": 1 };

/**
 * @param {number} at
 * @param {number} height
 */
function column(at, height) {
  const text = height.toFixed(1);
  return `M${at + GAP} ${HEIGHT}v-${text}h${WIDE}v${text}z`;
}

/**
 * @param {number} ms
 * @param {number} fromMs
 * @param {number} toMs
 */
function heightOf(ms, fromMs, toMs) {
  const share = Math.log(ms / fromMs) / Math.log(toMs / fromMs);
  return LOWEST + Math.min(1, Math.max(0, share)) * (HIGHEST - LOWEST);
}
