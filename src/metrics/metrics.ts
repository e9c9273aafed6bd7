import { formatEndpoint } from "../domain/endpoint.ts";
import type { CareEvent } from "../domain/events.ts";
import { outcomeOf, type RealServerState } from "../domain/health.ts";
import type { Exposition } from "./exposition.ts";
import { Histogram } from "./histogram.ts";
import type { RecentMaximum } from "./recent-maximum.ts";

/** What is counted of a virtual server from its events, for its metrics. */
export class Metrics {
  readonly #checks = new Map<string, Record<CountedResult, number>>();
  readonly #transitions = new Map<string, Map<RealServerState, number>>();
  readonly #checkSeconds = new Histogram([0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]);
  readonly #outSeconds = new Histogram([0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]);
  /** Failed, and not yet at weight 0 in the data plane: since when. */
  readonly #goingOut = new Map<string, number>();
  #applyFailures = 0;
  #repairedOperations = 0;
  #stalls = 0;
  #stalledMs = 0;
  readonly #lagMs: Pick<RecentMaximum, "read">;

  /** `lagMs`: how late this process got to what was due. */
  constructor(lagMs: Pick<RecentMaximum, "read">) {
    this.#lagMs = lagMs;
  }

  /** `atMs`: when it happened, on a clock that never jumps. */
  note(event: CareEvent, atMs: number): void {
    switch (event.type) {
      case "realServer.probed":
        this.#countCheck(event.server, outcomeOf(event.verdict));
        this.#checkSeconds.observe(event.verdict.latencyMs / 1000);
        return;
      case "realServer.unchecked":
        return this.#countCheck(event.server, "skipped");
      case "realServer.healthChanged": {
        this.#countTransition(event.server, event.to);
        if (event.to === "draining") this.#goingOut.set(event.server, atMs);
        else this.#goingOut.delete(event.server);
        return;
      }
      case "plan.applied":
        this.#repairedOperations += event.repairs.length;
        for (const operation of event.operations) {
          if (operation.kind !== "server.update" || operation.server.weight > 0) continue;
          const server = formatEndpoint(operation.server.endpoint);
          const sinceMs = this.#goingOut.get(server);
          if (sinceMs !== undefined) this.#outSeconds.observe((atMs - sinceMs) / 1000);
          this.#goingOut.delete(server);
        }
        return;
      case "plan.failed":
        this.#applyFailures++;
        return;
      // Nobody asks for it any more, and pods that come and go would add up.
      case "realServer.departed":
        this.#checks.delete(event.server);
        this.#transitions.delete(event.server);
        this.#goingOut.delete(event.server);
        return;
      case "process.stalled":
        this.#stalls++;
        this.#stalledMs += event.forMs;
        return;
      default:
    }
  }

  /** Asking changes nothing. */
  renderInto(text: Exposition, nowMs: number): void {
    for (const [server, counts] of this.#checks)
      for (const result of RESULTS) text.ofRealServer("lvscare_checks_total", server, { result }, counts[result]);
    for (const [server, counts] of this.#transitions)
      for (const [to, count] of counts) text.ofRealServer("lvscare_transitions_total", server, { to }, count);
    text.histogram("lvscare_check_duration_seconds", this.#checkSeconds);
    text.histogram("lvscare_out_of_rotation_duration_seconds", this.#outSeconds);
    text.ofVirtualServer("lvscare_apply_failures_total", {}, this.#applyFailures);
    text.ofVirtualServer("lvscare_repairs_total", {}, this.#repairedOperations);
    text.ofVirtualServer("lvscare_event_loop_lag_seconds", {}, this.#lagMs.read(nowMs) / 1000);
    text.ofVirtualServer("lvscare_stalls_total", {}, this.#stalls);
    text.ofVirtualServer("lvscare_stalled_seconds_total", {}, this.#stalledMs / 1000);
  }

  // --- internal ---

  #countCheck(server: string, result: CountedResult): void {
    const counts = this.#checks.get(server);
    if (counts === undefined) this.#checks.set(server, { passed: 0, failed: 0, leaving: 0, skipped: 0, [result]: 1 });
    else counts[result]++;
  }

  #countTransition(server: string, to: RealServerState): void {
    let counts = this.#transitions.get(server);
    if (counts === undefined) this.#transitions.set(server, (counts = new Map()));
    counts.set(to, (counts.get(to) ?? 0) + 1);
  }
}

// --- internal ---

const RESULTS = ["passed", "failed", "leaving", "skipped"] as const;

type CountedResult = (typeof RESULTS)[number];
