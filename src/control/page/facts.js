// @ts-check
import { byId, element, setText } from "./elements.js";
import { totalsOf } from "./verdict.js";
import { bytes, counted, duration, latency, since, thousands } from "./words.js";

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
    this.tick(now);
  }

  /** @param {number} now */
  tick(now) {
    if (this.#status === undefined) return;
    const { scheduler, protocol, dataPlane, reach, way, daemon, stats, discovery } = this.#status;
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
    this.#show("State", daemon?.state);
    this.#show("Check", daemon?.checked && describeChecked(daemon.checked, daemon.intervalMs));
    this.#show("Members", discovery && describeDiscovery(discovery, now), discovery?.failing !== undefined);
    this.#show(
      "Configuration",
      daemon?.configuration && describeConfiguration(daemon.configuration, now),
      daemon?.configuration?.refused !== undefined,
    );
    this.#show(
      "Writes",
      daemon &&
        `${counted(daemon.applies, "apply").replace("applys", "applies")}, ${thousands(daemon.repairs)} of them repairs`,
    );
    this.#show(
      "Traffic",
      `${counted(stats.connections, "connection")}, ${bytes(totalsOf(stats).bytes)}, since it is in the table`,
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

/**
 * @param {import("../../domain/status.ts").CheckedStatus} checked
 * @param {number} intervalMs
 */
function describeChecked({ probe, fall, rise, fastIntervalMs, downIntervalMs }, intervalMs) {
  return `${probe.join(", ")}; every ${duration(intervalMs)} (in doubt ${duration(fastIntervalMs)}, removed ${duration(downIntervalMs)}); out after ${fall} failed, back after ${rise} good`;
}

/**
 * @param {import("../../domain/members.ts").DiscoveryStatus} discovery
 * @param {number} now
 */
function describeDiscovery({ source, members, toldAt, failing, kept = [] }, now) {
  const told = toldAt === undefined ? "nothing told yet" : `told ${since(toldAt, now)} ago`;
  const counts = members === undefined ? "" : `, ${counted(members, "member")}`;
  const guards = kept.map(({ guard, servers }) => `; ${counted(servers.length, "member")} kept (${guard})`).join("");
  return `${source}${counts}, ${told}${guards}${failing === undefined ? "" : `; cannot be read for ${since(failing.since, now)}: ${failing.reason}`}`;
}

/**
 * @param {import("../../domain/status.ts").ConfigurationStatus} configuration
 * @param {number} now
 */
function describeConfiguration({ file, appliedAt, warnings = [], refused }, now) {
  const bad = refused === undefined ? "" : `; refused ${since(refused.at, now)} ago: ${refused.problem}`;
  return [`${file}, in force for ${since(appliedAt, now)}${bad}`, ...warnings].join("; ");
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
