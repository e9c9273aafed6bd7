// @ts-check
import { command } from "./commands.js";
import { element, setText } from "./elements.js";
import { duration, latency, timeOfDay } from "./words.js";

/** @typedef {import("../real-server-report.ts").RealServerReport} RealServerReport */

/** What is known of one real server besides, asked for while it is open. */
export class ServerDetails {
  element = element("div", "more");
  #address;
  #box;
  #askedAt = Number.NEGATIVE_INFINITY;
  /** How often it was asked: an answer that comes after a later one is out of date. */
  #asked = 0;
  /** What is shown already. */
  #shown = "";

  /**
   * @param {string} address
   * @param {HTMLDetailsElement} box Whose contents it is.
   */
  constructor(address, box) {
    this.#address = address;
    this.#box = box;
    box.addEventListener("toggle", () => this.renew());
  }

  /** What is shown would contradict what is shown beside it. */
  renew() {
    if (this.#box.open) void this.#ask();
  }

  /** @param {number} now */
  tick(now) {
    if (this.#box.open && now - this.#askedAt >= EVERY_MS) {
      this.#askedAt = now;
      void this.#ask();
    }
  }

  // --- internal ---

  async #ask() {
    const asked = ++this.#asked;
    const query = new URLSearchParams(location.search);
    query.set("server", this.#address);
    const answer = await fetch(`api/v1/real-server?${query}`).catch(() => undefined);
    if (answer === undefined) return;
    const text = await answer.text();
    if (asked !== this.#asked) return;
    // Whoever reads or copies just now must not lose their place.
    if (text === this.#shown || this.element.contains(document.activeElement) || this.#isSelected()) return;
    this.#shown = text;
    if (!answer.ok) return setText(this.element, text);
    this.element.replaceChildren(...sections(JSON.parse(text), query.get("vs")));
  }

  #isSelected() {
    const selection = getSelection();
    return selection !== null && !selection.isCollapsed && this.element.contains(selection.anchorNode);
  }
}

// --- internal ---

const EVERY_MS = 5000;

/**
 * @param {RealServerReport} report
 * @param {string | null} vs
 */
function sections({ realServer, failures, transitions }, vs) {
  const { lastVerdict, checks = [], certificate } = realServer;
  return [
    section(
      "Last check",
      lastVerdict === undefined ? [element("p", undefined, "not checked yet")] : lastCheck(lastVerdict),
    ),
    ...(checks.length === 0
      ? []
      : [
          section("Its checks, which decide together", [
            pairs(checks.map(({ name, state, reason = "" }) => [name, `${state}: ${reason}`])),
          ]),
        ]),
    section("Last failures", [
      failures.length === 0
        ? element("p", undefined, "none since the daemon began")
        : pairs(
            failures.map(({ at, since: from, count, reason }) => [
              span(from, at),
              count === 1 ? reason : `${reason} (${count} times)`,
            ]),
          ),
    ]),
    section("History", [
      transitions.length === 0
        ? element("p", undefined, "nothing has changed")
        : pairs(transitions.map(({ at, from, to, reason }) => [timeOfDay(at), `${from} → ${to}: ${reason}`])),
    ]),
    ...(certificate === undefined ? [] : [section("Certificate", [pairs(certificatePairs(certificate))])]),
    section("In the table", [pairs(tablePairs(realServer))]),
    section("On the node", commandsFor(realServer, vs)),
  ];
}

/**
 * @param {string} title
 * @param {readonly Element[]} contents
 */
function section(title, contents) {
  const made = element("div", "part");
  made.append(element("h3", undefined, title), ...contents);
  return made;
}

/** @param {readonly (readonly string[])[]} all */
function pairs(all) {
  const list = element("dl");
  for (const [name = "", value = ""] of all) {
    const pair = element("div");
    pair.append(element("dt", undefined, name), element("dd", undefined, value));
    list.append(pair);
  }
  return list;
}

/** @param {import("../../domain/status.ts").VerdictStatus} verdict */
function lastCheck({ passed, reason, latencyMs, at, timings = {}, ...others }) {
  const outcome = passed ? "passed" : "leaving" in others ? "leaving" : "failed";
  const { connectMs, tlsMs, firstByteMs } = timings;
  const parts = [
    ["connect", connectMs],
    ["TLS", tlsMs],
    ["first byte", firstByteMs],
  ].flatMap(([name, ms]) => (typeof ms === "number" ? [[String(name), latency(ms)]] : []));
  return [pairs([[timeOfDay(at), `${outcome}: ${reason}`], ...parts, ["in all", latency(latencyMs)]])];
}

/** @param {import("../../domain/certificate.ts").CertificateStatus} certificate */
function certificatePairs({ subject, issuer, names, notAfter, shownBy, fingerprint }) {
  const days = Math.floor((Date.parse(notAfter) - Date.now()) / 86_400_000);
  return [
    ["for", subject],
    ["signed by", issuer],
    ["valid until", `${timeOfDay(notAfter)} (${days < 0 ? "expired" : `${days} days`})`],
    ["names", names.join(", ")],
    ...(shownBy === undefined ? [] : [["shown by", shownBy]]),
    ["SHA-256", fingerprint],
  ];
}

/** @param {import("../../domain/status.ts").RealServerStatus} server */
function tablePairs({ weight, forwarding, activeConnections, inactiveConnections, hold, lastRequest }) {
  return [
    ["weight", weight === undefined ? "not in the table" : String(weight)],
    ...(forwarding === undefined ? [] : [["forwarding", forwarding]]),
    ["connections", `${activeConnections} active, ${inactiveConnections} inactive`],
    ...(hold === undefined
      ? []
      : [
          [
            "held",
            `${hold.drained ? "drained" : `weight ${hold.weight}`} by ${hold.by ?? "an operator"} since ${timeOfDay(hold.since)}`,
          ],
        ]),
    ...(lastRequest === undefined ? [] : [["its check asks", `${lastRequest.asks} (${lastRequest.reason})`]]),
  ];
}

/**
 * @param {import("../../domain/status.ts").RealServerStatus} server
 * @param {string | null} vs
 */
function commandsFor({ address, hold }, vs) {
  const target = [address, ...(vs === null ? [] : ["--vs", vs])];
  const isDrained = hold?.drained === true;
  return [
    command("check it now", ["lvscare", "check", ...target]),
    isDrained
      ? command("let it have clients again", ["lvscare", "undrain", ...target])
      : command("drain it", ["lvscare", "drain", ...target]),
  ];
}

/**
 * @param {string} from
 * @param {string} to
 */
function span(from, to) {
  if (from === to) return timeOfDay(to);
  return `${timeOfDay(from)}, for ${duration(Date.parse(to) - Date.parse(from))}`;
}
