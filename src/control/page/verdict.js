// @ts-check
import { byId, element, setText, shape } from "./elements.js";
import { Rate } from "./rates.js";
import { bytes, counted, duration, perSecond, thousands, timeOfDay } from "./words.js";

/** @typedef {import("../../domain/status.ts").VirtualServerStatus} VirtualServerStatus */
/** @typedef {import("../../domain/status.ts").Condition} Condition */
/** @typedef {import("../overview.ts").Overview} Overview */

/** How well it serves, in a word, in the title and in the icon of the tab; and the few figures that go with it. */
export class Verdict {
  /** @type {Condition | undefined} */
  #condition;
  #word = "";
  #title = "";
  #isUnknown = false;
  #rate = new Rate();
  /** @type {VirtualServerStatus | undefined} */
  #status;

  /**
   * @param {VirtualServerStatus} status
   * @param {number} now
   */
  update(status, now) {
    this.#status = status;
    const { condition, realServers, protocol, address, name } = status;
    const called = protocol === "tcp" ? address : `${protocol} ${address}`;
    setText(byId("title"), name === undefined ? called : `${name} ${called}`);
    const { count, of } = status.inService ?? { count: 0, of: realServers.length };
    const healthy = realServers.filter((server) => server.state === "healthy").length;
    const summary = [
      `${thousands(count)} of ${thousands(of)} in service`,
      ...(condition === "fail-open" ? [`only ${thousands(healthy)} healthy`] : []),
      ...outOf(countedBy(realServers)),
    ].join(" · ");
    setText(byId("summary"), summary);
    setText(byId("host"), status.daemon?.host ?? "");
    this.#show(condition, `${thousands(count)}/${thousands(of)} in service · ${called}`);
    this.tick(now);
  }

  /** @param {Overview} overview */
  updateAll({ host, virtualServers }) {
    const all = Object.values(virtualServers);
    const caredFor = all.filter(({ leaving }) => leaving !== true);
    const worst = CONDITIONS.find((condition) => caredFor.some((one) => one.condition === condition));
    /** @param {Condition} condition */
    const count = (condition) => caredFor.filter((one) => one.condition === condition).length;
    const counts = CONDITIONS.map((condition) => ({ condition, count: count(condition) })).filter(
      (one) => one.count > 0,
    );
    setText(byId("title"), host ?? "This node");
    const words = counts.map((one) => `${thousands(one.count)} ${one.condition}`).join(" · ");
    setText(
      byId("summary"),
      all.length === 0 ? "no virtual server is cared for" : `${counted(all.length, "virtual server")}: ${words}`,
    );
    const short = counts.map((one) => `${one.count} ${one.condition}`).slice(1);
    const first = counts[0];
    const bad = caredFor.filter(({ condition }) => condition !== "serving").length;
    const word = worst === "serving" ? "all serving" : `${thousands(bad)} of ${thousands(all.length)} in trouble`;
    this.#show(
      worst,
      [`${first?.count ?? 0}/${all.length}`, ...short, host ?? "all virtual servers"].join(" · "),
      word,
    );
    byId("figures").hidden = true;
  }

  /** @param {number} now */
  tick(now) {
    const status = this.#status;
    if (status === undefined) return;
    const totals = totalsOf(status.stats);
    this.#rate.sample(now, totals);
    const rate = this.#rate.get();
    const open = status.realServers.reduce((sum, { activeConnections }) => sum + activeConnections, 0);
    const figures = [
      ["new connections", rate === undefined ? "…" : `${perSecond(rate.connections)}/s`],
      ["traffic", rate === undefined ? "…" : `${bytes(rate.bytes)}/s`],
      ["open connections", thousands(open)],
      ["checked", checkedBy(status)],
    ];
    const list = byId("figures");
    while (list.childElementCount < figures.length) {
      const figure = element("div");
      figure.append(element("dt"), element("dd"));
      list.append(figure);
    }
    for (const [at, [name = "", value = ""]] of figures.entries()) {
      const figure = list.children[at];
      if (figure?.firstElementChild && figure.lastElementChild) {
        setText(figure.firstElementChild, name);
        setText(figure.lastElementChild, value);
      }
    }
    notice(noticesOf(status));
  }

  /** It was told, whatever it was before. */
  known() {
    if (!this.#isUnknown) return;
    this.#isUnknown = false;
    this.#tell();
  }

  /** @param {string} why */
  unknown(why) {
    byId("icon").setAttribute("href", "page/icon-unknown.svg");
    document.title = [why, this.#title, "LVScare"].filter((part) => part !== "").join(" · ");
    if (this.#isUnknown || this.#word === "") return;
    this.#isUnknown = true;
    byId("pill").replaceChildren(shape("unknown"), element("span", undefined, `was ${this.#word}`));
  }

  // --- internal ---

  /**
   * @param {Condition | undefined} condition
   * @param {string} title
   * @param {string} [word]
   */
  #show(condition, title, word = condition === undefined ? "no daemon" : WORDS[condition]) {
    if (this.#condition === condition && this.#title === title && this.#word === word) return;
    this.#condition = condition;
    this.#title = title;
    this.#word = word;
    this.#tell();
  }

  #tell() {
    const shown = this.#condition ?? "unknown";
    byId("pill").replaceChildren(shape(shown), element("span", undefined, this.#word));
    for (const id of ["verdict", "notices"]) byId(id).dataset["condition"] = shown;
    byId("icon").setAttribute(
      "href",
      this.#condition === undefined ? "page/icon.svg" : `page/icon-${this.#condition}.svg`,
    );
    document.title = `${this.#condition ?? "no daemon"} · ${this.#title} · LVScare`;
  }
}

/** @param {{ connections: number, bytes?: number, inBytes?: number, outBytes?: number }} stats As they are told in brief, or whole. */
export function totalsOf({ connections, bytes: all, inBytes = 0, outBytes = 0 }) {
  return { connections, bytes: all ?? inBytes + outBytes };
}

/**
 * `2 failed`, `1 drained`
 *
 * @param {Readonly<Record<string, number | undefined>>} counts
 */
export function outOf(counts) {
  return Object.entries(counts).map(([why, count = 0]) => `${thousands(count)} ${why.replace("-", " ")}`);
}

/** From worst to best. */
export const CONDITIONS = /** @type {const} */ (["nobody", "fail-open", "degraded", "serving"]);

/** @type {Record<Condition, string>} */
export const WORDS = { nobody: "nobody serves", "fail-open": "fail-open", degraded: "degraded", serving: "serving" };

// --- internal ---

/** @param {VirtualServerStatus["realServers"]} realServers */
function countedBy(realServers) {
  /** @type {Map<string, number>} */
  const counts = new Map();
  for (const { outOfService } of realServers) {
    if (outOfService !== undefined) counts.set(outOfService.why, (counts.get(outOfService.why) ?? 0) + 1);
  }
  return Object.fromEntries([...counts].toSorted(([, one], [, other]) => other - one));
}

/** @param {VirtualServerStatus} status */
function checkedBy({ daemon }) {
  const probes = (daemon?.probes ?? []).map(({ type, path = "" }) => `${type} ${path}`.trim());
  const what = probes.length > 2 ? `${probes.length} checks` : probes.join(", ");
  return daemon === undefined ? "by nobody" : `${what} every ${duration(daemon.intervalMs)}`.trim();
}

/**
 * What people must know beside the verdict.
 *
 * @param {VirtualServerStatus} status
 */
function noticesOf({ condition, failOpen, lastResort, suspicion, trial, leaving, way, daemon }) {
  return [
    condition === "nobody" && "Clients are not served: no real server takes new connections.",
    failOpen &&
      `Fail-open since ${timeOfDay(failOpen.since)}: only ${failOpen.healthy} of ${failOpen.total} real servers are healthy, so health is ignored.`,
    lastResort &&
      `Last resort since ${timeOfDay(lastResort.since)}: none of ${lastResort.total} real servers is healthy, so ${lastResort.held.length} that still accept connections stay in service.`,
    daemon?.failing &&
      `Since ${timeOfDay(daemon.failing.since)} nothing can be written to the data plane: ${daemon.failing.message}`,
    way?.answers === false && `No answer through the virtual address since ${timeOfDay(way.since)}: ${way.problem}`,
    suspicion &&
      `The changed check finds no real server good (${suspicion.reason}): the one before it goes on deciding. Changed: ${(suspicion.changes ?? []).join("; ")}`,
    trial &&
      `A changed check is on trial since ${timeOfDay(trial.since)}, and the one before it decides. Changed: ${trial.changes.join("; ")}`,
    leaving && "It has left the configuration: its real servers drain, then it goes.",
  ].filter((text) => typeof text === "string");
}

/** @param {readonly string[]} texts Without ages: each change is read out. */
function notice(texts) {
  const box = byId("notices");
  while (box.childElementCount > texts.length) box.lastElementChild?.remove();
  while (box.childElementCount < texts.length) {
    const made = element("p", "notice");
    made.setAttribute("role", "alert");
    box.append(made);
  }
  for (const [at, text] of texts.entries()) {
    const made = box.children[at];
    if (made !== undefined) setText(made, text);
  }
}
