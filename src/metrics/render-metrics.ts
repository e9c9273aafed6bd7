import { conditionOf, CONDITIONS } from "../domain/in-service.ts";
import type { MetricsFormat } from "../domain/metrics-format.ts";
import type { ConfigurationStatus, VirtualServerStatus } from "../domain/status.ts";
import { Exposition } from "./exposition.ts";
import type { Metrics } from "./metrics.ts";
import { renderStatus } from "./status-metrics.ts";
import type { TurnFigures } from "./turns.ts";

/** What a process is at this moment. */
export interface ProcessFigures {
  readonly cpuSeconds: number;
  readonly residentBytes: number;
  readonly virtualBytes: number;
  readonly openDescriptors: number;
  /** Undefined where there is no limit. */
  readonly mostDescriptors: number | undefined;
  /** Unix time. */
  readonly startedAtSeconds: number;
}

export interface MetricsSources {
  readonly virtualServers: readonly { readonly metrics: Metrics; readonly status: VirtualServerStatus }[];
  readonly configuration: ConfigurationStatus | undefined;
  readonly process: ProcessFigures | undefined;
  readonly version: string;
  readonly turns: TurnFigures;
}

/**
 * The metrics of a process: counted from events, and, for what stands, read from status. Made for whoever asks; what
 * nobody asks for costs no more than its counting. Names and units follow Prometheus' conventions (base units, `_total`
 * for what only grows).
 */
export function renderMetrics(sources: MetricsSources, format: MetricsFormat): string {
  const { virtualServers, configuration, process, version, turns } = sources;
  const text = new Exposition(format);
  text.ofProcess("lvscare_build_info", { version }, 1);
  const conditions = virtualServers.flatMap(({ status }) => (status.leaving === true ? [] : [conditionOf(status)]));
  for (const condition of CONDITIONS)
    text.ofProcess("lvscare_virtual_servers", { condition }, conditions.filter((one) => one === condition).length);
  if (configuration !== undefined) renderConfiguration(text, configuration);
  text.ofProcess("lvscare_event_loop_lag_seconds", {}, turns.lagMs / 1000);
  text.ofProcess("lvscare_stalls_total", {}, turns.stalls);
  text.ofProcess("lvscare_stalled_seconds_total", {}, turns.stalledMs / 1000);
  if (process !== undefined) renderProcess(text, process);
  for (const { metrics, status } of virtualServers) {
    text.begin(status);
    renderStatus(text, status);
    metrics.renderInto(text);
  }
  return text.toString();
}

// --- internal ---

/** By the names that Prometheus gives its own. */
function renderConfiguration(text: Exposition, { file, appliedAt, refused }: ConfigurationStatus): void {
  text.ofProcess("lvscare_config_info", { file }, 1);
  text.ofProcess("lvscare_config_last_reload_successful", {}, refused === undefined ? 1 : 0);
  text.ofProcess("lvscare_config_last_reload_success_timestamp_seconds", {}, Date.parse(appliedAt) / 1000);
}

/** By the names that all of Prometheus' clients give them. */
function renderProcess(text: Exposition, figures: ProcessFigures): void {
  const { mostDescriptors } = figures;
  text.ofProcess("process_cpu_seconds_total", {}, figures.cpuSeconds);
  text.ofProcess("process_resident_memory_bytes", {}, figures.residentBytes);
  text.ofProcess("process_virtual_memory_bytes", {}, figures.virtualBytes);
  text.ofProcess("process_open_fds", {}, figures.openDescriptors);
  if (mostDescriptors !== undefined) text.ofProcess("process_max_fds", {}, mostDescriptors);
  text.ofProcess("process_start_time_seconds", {}, figures.startedAtSeconds);
}
