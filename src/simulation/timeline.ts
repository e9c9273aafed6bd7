import { formatEndpoint } from "../domain/endpoint.ts";
import type { CareEvent } from "../domain/events.ts";
import type { RealServerState } from "../domain/health.ts";
import type { HealthPolicy } from "../domain/health-policy.ts";
import type { Logger } from "../domain/logger.ts";
import type { TimelineEntry } from "../domain/simulation-report.ts";
import type { ScenarioEvent } from "./scenario.ts";
import type { SimulationObserver } from "./simulation.ts";

/** Turns the daemon's events into lines of its log. */
export type EventLog = (logger: Logger) => (event: CareEvent) => void;

/**
 * Writes down what happened: the events of the scenario, the daemon's log, and the checks that brought it nearer to a
 * decision.
 */
export class Timeline implements SimulationObserver {
  readonly entries: TimelineEntry[] = [];
  readonly #now: () => number;
  readonly #policy: HealthPolicy;
  readonly #log: (event: CareEvent) => void;
  readonly #servers = new Map<string, { state: RealServerState; passes: number; failures: number }>();
  #telling: CareEvent | undefined;

  constructor(now: () => number, policy: HealthPolicy, eventLog: EventLog) {
    this.#now = now;
    this.#policy = policy;
    const note = (text: string): void => this.#noteLog(text);
    this.#log = eventLog({
      debug: (text) => note(typeof text === "string" ? text : text()),
      info: note,
      warn: (text) => this.#noteLog(text, true),
      error: note,
    });
  }

  happened(event: ScenarioEvent): void {
    const server = event.kind === "server" && { server: formatEndpoint(event.server) };
    this.#note({ kind: "script", text: event.text, ...server });
  }

  told(event: CareEvent): void {
    if (event.type === "virtualServer.adopted") {
      for (const [server, state] of Object.entries(event.states)) {
        this.#servers.set(server, { state, passes: 0, failures: 0 });
      }
    }
    if (event.type === "realServer.probed") return this.#noteCheck(event);
    if (event.type === "realServer.healthChanged") {
      const known = this.#servers.get(event.server);
      if (known !== undefined) known.state = event.to;
    }
    this.#telling = event;
    this.#log(event);
  }

  // --- internal ---

  /**
   * Only checks that count towards a threshold without reaching it: one that reaches it is reported as a transition.
   */
  #noteCheck({ server, verdict }: Extract<CareEvent, { type: "realServer.probed" }>): void {
    const known = this.#servers.get(server);
    if (known === undefined) return;
    const failuresBefore = known.failures;
    // That a server says that it leaves is no failure, and ends a row of them.
    const isFailure = !verdict.passed && verdict.leaving !== true;
    known.passes = verdict.passed ? known.passes + 1 : 0;
    known.failures = isFailure ? known.failures + 1 : 0;
    const { state, passes, failures } = known;
    const { fall, rise } = this.#policy;
    const note = (text: string): void =>
      this.#note({ kind: "check", server, text: `${server} ${text}: ${verdict.reason}` });
    if (state === "healthy" && failures > 0 && failures < fall) note(`failed check ${failures} of ${fall}`);
    if (state === "healthy" && passes === 1 && failuresBefore > 0) note("passes again");
    if ((state === "draining" || state === "recovering") && passes > 0 && passes < rise)
      note(`passed check ${passes} of ${rise}`);
  }

  #noteLog(text: string, isWarning = false): void {
    const event = this.#telling;
    if (event === undefined) return;
    this.#note({
      kind: kindOf(event, isWarning),
      text,
      ...("server" in event && { server: event.server }),
    });
  }

  #note(entry: Omit<TimelineEntry, "atMs">): void {
    this.entries.push({ atMs: this.#now(), ...entry });
  }
}

// --- internal ---

function kindOf(event: CareEvent, isWarning: boolean): TimelineEntry["kind"] {
  switch (event.type) {
    case "virtualServer.adopted":
    case "virtualServer.refilled":
    case "virtualServer.configured":
    case "virtualServer.withdrawn":
    case "probe.accepted":
    case "process.stalled":
    case "reach.established":
    case "reach.repaired":
    case "reach.left":
    case "reach.failed":
    case "reach.unwatched":
    case "members.drained":
    case "members.undrained":
    case "config.applied":
    case "config.unchanged":
    case "config.doubted":
    case "config.rejected":
    case "way.answers":
    case "way.lost":
    case "way.untried":
    case "certificate.expiring":
    case "members.listed":
    case "members.kept":
    case "members.ignored":
    case "members.missed":
    case "members.found":
    case "members.recalled":
    case "members.dismissed":
    case "members.unkept":
      return "daemon";
    case "realServer.probed":
    case "realServer.unchecked":
      return "check";
    case "realServer.healthChanged":
    case "realServer.held":
    case "realServer.asked":
    case "agent.expired":
    case "agent.heard":
    case "realServer.unanswered":
    case "realServer.answered":
    case "realServer.unlisted":
    case "realServer.departed":
      return "health";
    case "plan.applied":
      return isWarning ? "repair" : "write";
    case "failOpen.entered":
    case "failOpen.left":
      return "fail-open";
    case "lastResort.entered":
    case "lastResort.left":
      return "last resort";
    case "virtualServer.emptied":
    case "probe.suspicious":
    case "realServer.restarted":
    case "repairs.recurring":
    case "plan.failed":
      return "error";
  }
}
