// @ts-check
import { CheckBar } from "./check-bar.js";
import { element, labelled, setText, shape, spaced } from "./elements.js";
import { Rate } from "./rates.js";
import { ServerDetails } from "./server-details.js";
import { standingOf } from "./standing.js";
import { totalsOf } from "./verdict.js";
import { bytes, latency, perSecond, since, thousands } from "./words.js";

/** @typedef {import("../../domain/status.ts").RealServerStatus} RealServerStatus */

/** One real server, as a card or a row; a click opens all that is known of it. Made once and kept up to date in place. */
export class Server {
  element = element("li", "server");
  rate = new Rate();
  #icon = element("span", "icon");
  #state = element("span", "state");
  #for = element("span", "for");
  #why = element("span", "why");
  #age = element("span", "age");
  #bar = new CheckBar();
  #latency = labelled("latency", "latency");
  #connections = labelled("rate", "new/s");
  #traffic = labelled("traffic", "traffic/s");
  #share = labelled("share", "share");
  #open = labelled("open", "open");
  #weight = labelled("weight", "weight");
  #details;
  /** @type {RealServerStatus | undefined} */
  #server;

  /**
   * @param {string} address
   * @param {string} [name]
   */
  constructor(address, name) {
    const box = element("details");
    const summary = element("summary");
    const called = element("span", "called");
    called.append(element("strong", "address", address));
    if (name !== undefined) called.append(" ", element("span", "name", name));
    const standing = element("span", "standing");
    standing.append(this.#icon, this.#state);
    const note = element("span", "note");
    note.append(...spaced([this.#for, this.#why, this.#age]));
    summary.append(
      ...spaced([
        standing,
        called,
        this.#bar.element,
        ...[this.#latency, this.#connections, this.#traffic, this.#share, this.#open, this.#weight].map(
          (one) => one.element,
        ),
        note,
      ]),
    );
    this.#details = new ServerDetails(address, box);
    box.append(summary, this.#details.element);
    this.element.append(box);
  }

  /** @param {RealServerStatus} server */
  update(server) {
    const { state, word, why, isTroubled } = standingOf(server);
    const before = this.#server;
    if (before?.state !== server.state) {
      setText(this.#state, word);
      this.#icon.replaceChildren(shape(state));
      this.element.dataset["state"] = state;
      if (before !== undefined) this.element.classList.add("moved");
      this.#details.renew();
    }
    this.#server = server;
    this.element.classList.toggle("troubled", isTroubled);
    setText(this.#why, why);
    setText(this.#open.value, thousands(server.activeConnections));
    setText(this.#weight.value, server.weight === undefined ? "–" : String(server.weight));
    setText(this.#latency.value, server.lastVerdict === undefined ? "–" : latency(server.lastVerdict.latencyMs));
  }

  /**
   * @param {string} marks
   * @param {import("./marks.js").Scale} scale
   */
  drawChecks(marks, scale) {
    this.#bar.draw(marks, scale);
  }

  /** @param {number} now */
  sample(now) {
    const stats = this.#server?.stats;
    this.rate.sample(now, stats && totalsOf(stats));
    return this.rate.get()?.connections ?? 0;
  }

  /**
   * Ages and rates.
   *
   * @param {number} now
   * @param {number} all New connections of all together, in a second.
   */
  tick(now, all) {
    if (this.#server === undefined) return;
    const { stateSince, lastVerdict } = this.#server;
    setText(this.#for, stateSince === undefined ? "" : `for ${since(stateSince, now)}`);
    // The time of a check is told where it is late alone.
    setText(this.#age, lastVerdict?.at === undefined ? "" : `checked ${since(lastVerdict.at, now)} ago`);
    const rate = this.rate.get();
    setText(this.#connections.value, rate === undefined ? "–" : perSecond(rate.connections));
    setText(this.#traffic.value, rate === undefined ? "–" : bytes(rate.bytes));
    setText(this.#share.value, all > 0 ? `${Math.round((100 * (rate?.connections ?? 0)) / all)} %` : "–");
    this.#details.tick(now);
  }
}
