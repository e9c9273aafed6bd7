// @ts-check
import { element, setText, shape } from "./elements.js";
import { Sparkline } from "./sparkline.js";
import { latency, since, thousands } from "./words.js";

/** @typedef {import("../../domain/status.ts").RealServerStatus} RealServerStatus */

/** One real server. Made once and kept up to date in place. */
export class Card {
  element = element("li", "card");
  #icon = element("span", "icon");
  #state = element("span", "state");
  #for = element("span", "for");
  #latency = element("span", "latency");
  #load = element("p", "load");
  #hold = element("p", "hold");
  #holdText = element("span");
  #check = element("p", "check");
  #checkAge = element("span", "age");
  #checkText = element("span");
  #sparkline = new Sparkline();
  /** @type {RealServerStatus | undefined} */
  #server;
  #findable = "";

  /** @param {string} address */
  constructor(address) {
    const head = element("p", "head");
    head.append(this.#icon, element("strong", "address", address));
    const standing = element("p", "standing");
    standing.append(this.#state, this.#for, this.#latency);
    this.#hold.append(shape("hold"), this.#holdText);
    this.#hold.hidden = true;
    this.#check.append(this.#checkText, this.#checkAge);
    const last = element("div", "last");
    last.append(this.#check, this.#sparkline.element);
    this.element.append(head, standing, this.#load, this.#hold, last);
  }

  /**
   * @param {RealServerStatus} server
   * @param {string} lane Where it hangs; it shows that state's shape.
   */
  update(server, lane) {
    if (this.#server?.state !== server.state) this.#changeState(server.state, lane);
    this.#server = server;
    const { weight, activeConnections, inactiveConnections, lastVerdict } = server;
    setText(
      this.#load,
      `${weight === undefined ? "not in the table" : `weight ${weight}`} · ${thousands(activeConnections)} active · ${thousands(inactiveConnections)} inactive`,
    );
    setText(this.#latency, lastVerdict === undefined ? "" : latency(lastVerdict.latencyMs));
    const lack = server.unchecked && `cannot be checked: ${server.unchecked.reason.slice(0, LONGEST_REASON)}`;
    setText(this.#checkText, lack ?? (lastVerdict === undefined ? "not checked" : describeCheck(lastVerdict)));
    this.#check.classList.toggle("failed", lastVerdict?.passed === false);
    if (lastVerdict !== undefined) this.#sparkline.add(lastVerdict);
    const held = server.hold === undefined ? "" : describeHold(server.hold, "");
    this.#findable = `${server.address} ${server.state} ${this.#checkText.textContent} ${held}`.toLowerCase();
  }

  /**
   * Ages.
   *
   * @param {number} now
   * @param {number} lateMs Older than this, a check is worth its age.
   */
  tick(now, lateMs) {
    if (this.#server === undefined) return;
    const { stateSince, hold, lastVerdict } = this.#server;
    setText(this.#for, stateSince === undefined ? "" : `for ${since(stateSince, now)}`);
    setText(this.#holdText, hold === undefined ? "" : describeHold(hold, ` for ${since(hold.since, now)}`));
    if (this.#hold.hidden !== (hold === undefined)) this.#hold.hidden = hold === undefined;
    const isLate = lastVerdict !== undefined && now - Date.parse(lastVerdict.at) > lateMs;
    setText(this.#checkAge, isLate ? `, ${since(lastVerdict.at, now)} ago` : "");
  }

  /** @param {readonly string[]} words All of them, in lower case. */
  matches(words) {
    return words.every((word) => this.#findable.includes(word));
  }

  // --- internal ---

  /**
   * @param {RealServerStatus["state"]} state
   * @param {string} lane
   */
  #changeState(state, lane) {
    setText(this.#state, state);
    this.#icon.replaceChildren(shape(lane));
    this.element.dataset["state"] = lane;
    // Out of the lane where it hung: those after it can stay as they are. Its arrival in the next one is marked.
    this.element.remove();
    if (this.#server !== undefined) this.element.classList.add("moved");
  }
}

// --- internal ---

/** @param {import("../../domain/status.ts").VerdictStatus} verdict */
function describeCheck(verdict) {
  const { passed, reason } = verdict;
  const outcome = passed ? "passed" : "leaving" in verdict ? "leaving" : "failed";
  return `${outcome}: ${reason.slice(0, LONGEST_REASON)}`;
}

/**
 * @param {NonNullable<RealServerStatus["hold"]>} hold
 * @param {string} forHowLong
 */
function describeHold({ drained, weight }, forHowLong) {
  const held = `${drained ? "drained" : `weight ${weight}`} by an operator${forHowLong}`;
  return drained && weight !== undefined ? `${held}, weight ${weight} after that` : held;
}

/** Servers may say anything, at any length. */
const LONGEST_REASON = 300;
