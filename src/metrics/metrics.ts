import { formatEndpoint } from "../domain/endpoint.ts";
import type { CareEvent } from "../domain/events.ts";
import { outcomeOf, REAL_SERVER_STATES, type RealServerState } from "../domain/health.ts";
import type { Exposition } from "./exposition.ts";
import { Histogram } from "./histogram.ts";

/** What is counted of a virtual server from its events, for its metrics. */
export class Metrics {
  readonly #realServers = new Map<string, Counts>();
  readonly #checkSeconds = new Histogram([0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]);
  readonly #outSeconds = new Histogram([0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]);
  /** Failed, and not yet at weight 0 in the data plane: since when. */
  readonly #goingOut = new Map<string, number>();
  #applyFailures = 0;
  #repairedOperations = 0;

  /** `atMs`: when it happened, on a clock that never jumps. */
  note(event: CareEvent, atMs: number): void {
    switch (event.type) {
      case "realServer.probed":
        this.#countsOf(event.server).checks[outcomeOf(event.verdict)]++;
        this.#checkSeconds.observe(event.verdict.latencyMs / 1000);
        return;
      case "realServer.unchecked":
        this.#countsOf(event.server).checks.skipped++;
        return;
      case "realServer.healthChanged": {
        this.#countsOf(event.server).transitions[event.to]++;
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
        this.#realServers.delete(event.server);
        this.#goingOut.delete(event.server);
        return;
      default:
    }
  }

  /** Asking changes nothing. */
  renderInto(text: Exposition): void {
    for (const [server, { checks, transitions }] of this.#realServers) {
      for (const result of RESULTS) text.ofRealServer("lvscare_checks_total", server, { result }, checks[result]);
      for (const to of REAL_SERVER_STATES)
        text.ofRealServer("lvscare_transitions_total", server, { to }, transitions[to]);
    }
    text.histogram("lvscare_check_duration_seconds", this.#checkSeconds);
    text.histogram("lvscare_out_of_rotation_duration_seconds", this.#outSeconds);
    text.ofVirtualServer("lvscare_apply_failures_total", {}, this.#applyFailures);
    text.ofVirtualServer("lvscare_repairs_total", {}, this.#repairedOperations);
  }

  // --- internal ---

  /** All of them from the first one on: what appears at 1 has never grown, for Prometheus. */
  #countsOf(server: string): Counts {
    let counts = this.#realServers.get(server);
    if (counts === undefined) this.#realServers.set(server, (counts = newCounts()));
    return counts;
  }
}

// --- internal ---

const RESULTS = ["passed", "failed", "leaving", "skipped"] as const;

interface Counts {
  readonly checks: Record<(typeof RESULTS)[number], number>;
  readonly transitions: Record<RealServerState, number>;
}

function newCounts(): Counts {
  return {
    checks: { passed: 0, failed: 0, leaving: 0, skipped: 0 },
    transitions: { healthy: 0, draining: 0, removed: 0, recovering: 0 },
  };
}
