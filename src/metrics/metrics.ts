import { formatEndpoint } from "../domain/endpoint.ts";
import type { CareEvent } from "../domain/events.ts";
import { outcomeOf, REAL_SERVER_STATES } from "../domain/health.ts";
import { conditionOf, CONDITIONS, isInService, isKeptDrained, outOfService } from "../domain/in-service.ts";
import type { ConfigurationStatus, VirtualServerStatus } from "../domain/status.ts";
import { Exposition, type Labels } from "./exposition.ts";
import { Histogram } from "./histogram.ts";
import type { RecentMaximum } from "./recent-maximum.ts";

/**
 * The metrics for Prometheus: counted from the events of a daemon, and, for the contents of the data plane, read from
 * its status at each request. Names and units follow the conventions (base units, `_total` for what only grows).
 */
export class Metrics {
  readonly #checks = new Map<string, Record<CountedResult, number>>();
  readonly #transitions = new Map<string, number>();
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
        const key = `${event.server} ${event.to}`;
        this.#transitions.set(key, (this.#transitions.get(key) ?? 0) + 1);
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
      case "process.stalled":
        this.#stalls++;
        this.#stalledMs += event.forMs;
        return;
      default:
    }
  }

  /** Asking changes nothing. */
  renderInto(text: Exposition, status: VirtualServerStatus, nowMs: number): void {
    text.family("lvscare_build_info", "gauge", "Always 1; the version is in the label.", [
      [{ version: status.daemon?.version ?? "unknown" }, 1],
    ]);
    const condition = conditionOf(status);
    text.family(
      "lvscare_condition",
      "gauge",
      "1 for how well the virtual server serves: serving, degraded (some should be in service and are not), fail-open (also by the last resort), nobody.",
      CONDITIONS.map((one): Sample => [{ condition: one }, one === condition ? 1 : 0]),
    );
    this.#renderRealServers(text, status);
    this.#renderChecks(text);
    const { daemon } = status;
    text.family("lvscare_applies_total", "counter", "Rounds that changed something in the data plane.", [
      [{}, daemon?.applies ?? 0],
    ]);
    text.family("lvscare_apply_failures_total", "counter", "Rounds in which something could not be written.", [
      [{}, this.#applyFailures],
    ]);
    text.family("lvscare_repairs_total", "counter", "Changes by others that were undone.", [
      [{}, this.#repairedOperations],
    ]);
    text.family("lvscare_fail_open", "gauge", "1 while too few real servers are healthy and health is ignored.", [
      [{}, status.failOpen === undefined ? 0 : 1],
    ]);
    text.family(
      "lvscare_probe_suspicious",
      "gauge",
      "1 while a changed probe lets no real server serve and the one before it goes on deciding.",
      [[{}, status.suspicion === undefined ? 0 : 1]],
    );
    text.family(
      "lvscare_way_up",
      "gauge",
      "1 when the last connection through the virtual address was answered, 0 when it was not; absent until one was tried.",
      status.way === undefined ? [] : [[{}, status.way.answers ? 1 : 0]],
    );
    text.family(
      "lvscare_way_state",
      "gauge",
      "1 for the state of the way through the virtual address: answers, silent (the last connection got no answer), untried.",
      WAY_STATES.map((one): Sample => [{ state: one }, one === wayState(status) ? 1 : 0]),
    );
    text.family(
      "lvscare_way_connect_seconds",
      "gauge",
      "How long that connection took.",
      status.way === undefined ? [] : [[{}, status.way.latencyMs / 1000]],
    );
    text.family(
      "lvscare_reach_object_state",
      "gauge",
      "1 for the state of each thing that is kept on the host for the virtual address to be reached.",
      (status.reach?.objects ?? []).flatMap(({ name, state }) =>
        REACH_STATES.map((one): Sample => [{ object: name, state: one }, one === state ? 1 : 0]),
      ),
    );
    text.family(
      "lvscare_last_resort",
      "gauge",
      "1 while no real server is healthy and those that still accept connections are in service all the same.",
      [[{}, status.lastResort === undefined ? 0 : 1]],
    );
    text.family(
      "lvscare_event_loop_lag_seconds",
      "gauge",
      "How late this process was at the latest to start what was due, in the last minute.",
      [[{}, this.#lagMs.read(nowMs) / 1000]],
    );
    text.family("lvscare_stalls_total", "counter", "Times that this process got no turn for half a second or more.", [
      [{}, this.#stalls],
    ]);
    text.family("lvscare_stalled_seconds_total", "counter", "How long it got no turn then, together.", [
      [{}, this.#stalledMs / 1000],
    ]);
  }

  // --- internal ---

  #countCheck(server: string, result: CountedResult): void {
    const counts = this.#checks.get(server);
    if (counts === undefined) this.#checks.set(server, { passed: 0, failed: 0, leaving: 0, skipped: 0, [result]: 1 });
    else counts[result]++;
  }

  #renderChecks(text: Exposition): void {
    const checks = [...this.#checks].flatMap(([server, counts]) =>
      Object.entries(counts).map(([result, count]): Sample => [{ real_server: server, result }, count]),
    );
    text.family(
      "lvscare_checks_total",
      "counter",
      "Checks by their result; leaving: it said that it shuts down, skipped: for want of means of this host.",
      checks,
    );
    const transitions = [...this.#transitions].map(([key, count]): Sample => {
      const [server = "", to = ""] = key.split(" ");
      return [{ real_server: server, to }, count];
    });
    text.family("lvscare_transitions_total", "counter", "Changes of a real server's state.", transitions);
    text.histogram("lvscare_check_duration_seconds", "How long checks took.", this.#checkSeconds);
    text.histogram(
      "lvscare_out_of_rotation_duration_seconds",
      "From the failed check that takes a real server out to its weight 0 in the data plane.",
      this.#outSeconds,
    );
  }

  #renderRealServers(text: Exposition, { realServers }: VirtualServerStatus): void {
    const each = (pick: (server: VirtualServerStatus["realServers"][number]) => readonly Sample[]): Sample[] =>
      realServers.flatMap((server) =>
        pick(server).map(([labels, value]): Sample => [{ real_server: server.address, ...labels }, value]),
      );
    text.family(
      "lvscare_real_server_state",
      "gauge",
      "1 for the state that a real server is in, by its checks.",
      each(({ state, health = state }) => REAL_SERVER_STATES.map((one) => [{ state: one }, one === health ? 1 : 0])),
    );
    text.family(
      "lvscare_real_server_in_service",
      "gauge",
      "1 while it takes new connections.",
      each((server) => [[{}, isInService(server) ? 1 : 0]]),
    );
    text.family(
      "lvscare_real_server_out_of_service",
      "gauge",
      "Always 1, for each that takes no new connections; why: failed, unanswered, unwritten, unproved, shutting-down, drained, set-aside, leaving, unlisted.",
      each((server) => {
        const why = outOfService(server)?.why;
        return why === undefined ? [] : [[{ why }, 1]];
      }),
    );
    text.family(
      "lvscare_real_server_weight",
      "gauge",
      "Weight in the data plane; absent for a real server that is not there.",
      each(({ weight }) => (weight === undefined ? [] : [[{}, weight]])),
    );
    text.family(
      "lvscare_real_server_drained",
      "gauge",
      "1 while an operator or the configuration has it take no new connections.",
      each((server) => [[{}, isKeptDrained(server) ? 1 : 0]]),
    );
    text.family(
      "lvscare_real_server_connections",

      "gauge",
      "Connections as the data plane counts them.",
      each(({ activeConnections, inactiveConnections }) => [
        [{ state: "active" }, activeConnections],
        [{ state: "inactive" }, inactiveConnections],
      ]),
    );
    text.family(
      "lvscare_real_server_connections_total",
      "counter",
      "Connections since the real server was put into the data plane.",
      each(({ stats }) => (stats === undefined ? [] : [[{}, stats.connections]])),
    );
    text.family(
      "lvscare_certificate_not_after_seconds",
      "gauge",
      "Until when the certificate is valid that a real server showed last, as Unix time; absent without TLS.",
      each(({ certificate }) => (certificate === undefined ? [] : [[{}, Date.parse(certificate.notAfter) / 1000]])),
    );
    text.family(
      "lvscare_real_server_packets_total",
      "counter",
      "Packets since then.",
      each(({ stats }) =>
        stats === undefined
          ? []
          : [
              [{ direction: "in" }, stats.inPackets],
              [{ direction: "out" }, stats.outPackets],
            ],
      ),
    );
    text.family(
      "lvscare_real_server_bytes_total",
      "counter",
      "Bytes since then.",
      each(({ stats }) =>
        stats === undefined
          ? []
          : [
              [{ direction: "in" }, stats.inBytes],
              [{ direction: "out" }, stats.outBytes],
            ],
      ),
    );
  }
}

/** What the virtual servers of one process count, in Prometheus' text format, each sample with the label of its own. */
export function renderMetrics(
  all: readonly { readonly metrics: Metrics; readonly status: VirtualServerStatus }[],
  configuration: ConfigurationStatus | undefined,
  nowMs: number,
): string {
  const text = new Exposition();
  if (configuration !== undefined) renderConfiguration(text, configuration);
  const conditions = all.flatMap(({ status }) => (status.leaving === true ? [] : [conditionOf(status)]));
  text.family(
    "lvscare_virtual_servers",
    "gauge",
    "Virtual servers of this process by how well they serve; those that leave the configuration are left out.",
    CONDITIONS.map((condition): Sample => [{ condition }, conditions.filter((one) => one === condition).length]),
  );
  for (const { metrics, status } of all) {
    text.label({ virtual_server: status.address, protocol: status.protocol });
    metrics.renderInto(text, status, nowMs);
  }
  return text.toString();
}

// --- internal ---

/** By the names that Prometheus gives its own. */
function renderConfiguration(text: Exposition, { appliedAt, refused }: ConfigurationStatus): void {
  text.family(
    "lvscare_config_last_reload_successful",
    "gauge",
    "0 when the configuration was refused at its last reading.",
    [[{}, refused === undefined ? 1 : 0]],
  );
  text.family(
    "lvscare_config_last_reload_success_timestamp_seconds",
    "gauge",
    "When the configuration was last read and found good.",
    [[{}, Date.parse(appliedAt) / 1000]],
  );
}

const WAY_STATES = ["answers", "silent", "untried"] as const;

function wayState({ way }: VirtualServerStatus): (typeof WAY_STATES)[number] {
  if (way === undefined) return "untried";
  return way.answers ? "answers" : "silent";
}

const REACH_STATES = ["stands", "left", "failed"] as const;

type CountedResult = "passed" | "failed" | "leaving" | "skipped";

type Sample = readonly [labels: Labels, value: number];
