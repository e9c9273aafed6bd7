// @ts-check
import { byId, element, setText, setTextOrHide } from "./elements.js";
import { bytes, counted, duration, latency, since, thousands, timeOfDay } from "./words.js";

/** @typedef {import("../../domain/status.ts").VirtualServerStatus} VirtualServerStatus */

/** What there is to know of the virtual server besides its real servers. */
export class Facts {
  /** @type {Map<string, { row: HTMLElement, text: HTMLElement }>} */
  #rows = new Map();
  /** @type {VirtualServerStatus | undefined} */
  #status;

  /**
   * @param {VirtualServerStatus} status
   * @param {number} now
   */
  update(status, now) {
    this.#status = status;
    const called = status.protocol === "tcp" ? status.address : `${status.protocol} ${status.address}`;
    setText(byId("address"), called);
    const summary = summarise(status);
    const { condition = "no daemon" } = status;
    setText(byId("summary"), `${condition} · ${summary} in service`);
    byId("summary").dataset["condition"] = condition;
    showIcon(status.condition);
    document.title = `${condition} · ${summary.replace(" of ", "/")} in service · ${called} · LVScare`;
    this.tick(now);
  }

  /** @param {number} now */
  tick(now) {
    if (this.#status === undefined) return;
    const { scheduler, protocol, dataPlane, reach, way, daemon, stats, failOpen, lastResort } = this.#status;
    setTextOrHide(
      byId("fail-open"),
      failOpen === undefined
        ? ""
        : `Fail-open since ${timeOfDay(failOpen.since)}: only ${failOpen.healthy} of ${failOpen.total} real servers are healthy, so health is ignored.`,
    );
    setTextOrHide(
      byId("last-resort"),
      lastResort === undefined
        ? ""
        : `Last resort since ${timeOfDay(lastResort.since)}: none of ${lastResort.total} real servers is healthy, so ${lastResort.held.length} that still accept connections stay in service.`,
    );
    const because = dataPlane.because === undefined ? "" : `, because ${dataPlane.because}`;
    this.#show("Scheduler", `${scheduler}, ${protocol}`);
    this.#show("Data plane", `${dataPlane.kind} (${dataPlane.via})${because}`, because !== "");
    this.#show(
      "Reach",
      reach && describeReach(reach),
      reach?.objects.some(({ state }) => state === "failed"),
    );
    this.#show("Way", way && describeWay(way, now), way?.answers === false);
    this.#show("Daemon", daemon && `${daemon.version}, pid ${daemon.pid}, up ${since(daemon.startedAt, now)}`);
    this.#show("State", daemon && `${daemon.state}, checks every ${duration(daemon.intervalMs)}`);
    this.#show(
      "Writes",
      daemon &&
        `${counted(daemon.applies, "apply").replace("applys", "applies")}, ${thousands(daemon.repairs)} of them repairs`,
    );
    this.#show(
      "Traffic",
      `${counted(stats.connections, "connection")}, ${bytes(stats.inBytes)} in, ${bytes(stats.outBytes)} out`,
    );
    const failing = daemon?.failing;
    this.#show("Failing", failing && `for ${since(failing.since, now)}: nothing can be written`, true);
    const error = daemon?.lastError;
    this.#show("Last error", error && `${since(error.at, now)} ago: ${error.message}`, true);
  }

  // --- internal ---

  /**
   * @param {string} name
   * @param {string | undefined} value Nothing is shown for undefined.
   * @param {boolean} [isBad]
   */
  #show(name, value, isBad = false) {
    const { row, text } = this.#rows.get(name) ?? this.#add(name);
    setText(text, value ?? "");
    row.hidden = value === undefined;
    row.classList.toggle("bad", isBad);
  }

  /** @param {string} name */
  #add(name) {
    const row = element("div", "fact");
    const text = element("dd");
    row.append(element("dt", undefined, name), text);
    byId("facts").append(row);
    this.#rows.set(name, { row, text });
    return { row, text };
  }
}

// --- internal ---

/** @param {VirtualServerStatus["condition"]} condition */
function showIcon(condition) {
  const icon = byId("icon");
  const href = condition === undefined ? "page/icon.svg" : `page/icon-${condition}.svg`;
  if (icon.getAttribute("href") !== href) icon.setAttribute("href", href);
}

/** @param {VirtualServerStatus} status */
function summarise({ realServers }) {
  return `${thousands(realServers.filter(({ inService }) => inService === true).length)} of ${thousands(realServers.length)}`;
}

/**
 * @param {NonNullable<VirtualServerStatus["way"]>} way
 * @param {number} now
 */
function describeWay({ answers, since: lostAt, latencyMs, problem }, now) {
  return answers ? `answers in ${latency(latencyMs)}` : `no answer for ${since(lostAt, now)}: ${problem}`;
}

/** @param {NonNullable<VirtualServerStatus["reach"]>} reach */
function describeReach({ mode, objects }) {
  if (objects.length === 0) return `${mode}, nothing to keep`;
  /** @param {"stands" | "left" | "failed"} state */
  const count = (state) => objects.filter((one) => one.state === state).length;
  const [left, failed] = [count("left"), count("failed")];
  const counts = [
    `${count("stands")} of ${objects.length} stand`,
    ...(left === 0 ? [] : [`${left} left as ${left === 1 ? "it is" : "they are"}`]),
    ...(failed === 0 ? [] : [`${failed} failed`]),
  ];
  const problems = objects.flatMap(({ name, problem }) => (problem === undefined ? [] : [`${name}: ${problem}`]));
  return [[mode, ...counts].join(", "), ...problems].join("; ");
}
