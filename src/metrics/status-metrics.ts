import { formatDuration } from "../domain/duration.ts";
import { REAL_SERVER_STATES } from "../domain/health.ts";
import { conditionOf, CONDITIONS, isInService, isKeptDrained, outOfService } from "../domain/in-service.ts";
import type { DiscoveryStatus } from "../domain/members.ts";
import type { RealServerStatus, VirtualServerStatus } from "../domain/status.ts";
import type { Exposition } from "./exposition.ts";

/** What a virtual server's status tells, as metrics. */
export function renderStatus(text: Exposition, status: VirtualServerStatus): void {
  const { daemon, way } = status;
  renderSettings(text, status);
  const condition = conditionOf(status);
  for (const one of CONDITIONS)
    text.ofVirtualServer("lvscare_condition", { condition: one }, one === condition ? 1 : 0);
  for (const server of status.realServers) renderRealServer(text, server);
  text.ofVirtualServer("lvscare_applies_total", {}, daemon?.applies ?? 0);
  text.ofVirtualServer("lvscare_fail_open", {}, status.failOpen === undefined ? 0 : 1);
  text.ofVirtualServer("lvscare_last_resort", {}, status.lastResort === undefined ? 0 : 1);
  text.ofVirtualServer("lvscare_probe_suspicious", {}, status.suspicion === undefined ? 0 : 1);
  const wayState = way === undefined ? "untried" : way.answers ? "answers" : "silent";
  for (const state of WAY_STATES) text.ofVirtualServer("lvscare_way_state", { state }, state === wayState ? 1 : 0);
  if (way !== undefined) {
    text.ofVirtualServer("lvscare_way_up", {}, way.answers ? 1 : 0);
    text.ofVirtualServer("lvscare_way_connect_seconds", {}, way.latencyMs / 1000);
  }
  for (const { name: object, state } of status.reach?.objects ?? [])
    for (const one of REACH_STATES)
      text.ofVirtualServer("lvscare_reach_object_state", { object, state: one }, one === state ? 1 : 0);
  if (status.discovery !== undefined) renderDiscovery(text, status.discovery);
}

// --- internal ---

const WAY_STATES = ["answers", "silent", "untried"] as const;

const REACH_STATES = ["stands", "left", "failed"] as const;

function renderSettings(
  text: Exposition,
  { name = "", scheduler, dataPlane, reach, daemon }: VirtualServerStatus,
): void {
  const { kind: data_plane, via } = dataPlane;
  text.ofVirtualServer(
    "lvscare_virtual_server_info",
    { name, scheduler, data_plane, via, reach: reach?.mode ?? "none" },
    1,
  );
  if (daemon === undefined) return;
  text.ofVirtualServer("lvscare_check_interval_seconds", {}, daemon.intervalMs / 1000);
  if (daemon.checked === undefined) return;
  const { probe, fall, rise, fastIntervalMs, downIntervalMs } = daemon.checked;
  text.ofVirtualServer(
    "lvscare_check_settings_info",
    {
      probe: probe.join(", "),
      fall: String(fall),
      rise: String(rise),
      interval: formatDuration(daemon.intervalMs),
      interval_fast: formatDuration(fastIntervalMs),
      interval_down: formatDuration(downIntervalMs),
    },
    1,
  );
}

function renderRealServer(text: Exposition, server: RealServerStatus): void {
  const {
    address,
    name = "",
    forwarding = "",
    state,
    health = state,
    weight,
    stats,
    lastVerdict,
    certificate,
  } = server;
  text.ofRealServer("lvscare_real_server_info", address, { name, forwarding }, 1);
  for (const one of REAL_SERVER_STATES)
    text.ofRealServer("lvscare_real_server_state", address, { state: one }, one === health ? 1 : 0);
  text.ofRealServer("lvscare_real_server_in_service", address, {}, isInService(server) ? 1 : 0);
  const why = outOfService(server)?.why;
  if (why !== undefined) text.ofRealServer("lvscare_real_server_out_of_service", address, { why }, 1);
  if (weight !== undefined) text.ofRealServer("lvscare_real_server_weight", address, {}, weight);
  text.ofRealServer("lvscare_real_server_drained", address, {}, isKeptDrained(server) ? 1 : 0);
  if (lastVerdict !== undefined) {
    const { at, latencyMs } = lastVerdict;
    text.ofRealServer("lvscare_real_server_last_check_timestamp_seconds", address, {}, Date.parse(at) / 1000);
    text.ofRealServer("lvscare_real_server_last_check_duration_seconds", address, {}, latencyMs / 1000);
  }
  if (certificate !== undefined) {
    const notAfter = Date.parse(certificate.notAfter) / 1000;
    text.ofRealServer("lvscare_certificate_not_after_seconds", address, {}, notAfter);
  }
  const connections = "lvscare_real_server_connections";
  text.ofRealServer(connections, address, { state: "active" }, server.activeConnections);
  text.ofRealServer(connections, address, { state: "inactive" }, server.inactiveConnections);
  if (stats === undefined) return;
  text.ofRealServer("lvscare_real_server_new_connections_total", address, {}, stats.connections);
  text.ofRealServer("lvscare_real_server_packets_total", address, { direction: "in" }, stats.inPackets);
  text.ofRealServer("lvscare_real_server_packets_total", address, { direction: "out" }, stats.outPackets);
  text.ofRealServer("lvscare_real_server_bytes_total", address, { direction: "in" }, stats.inBytes);
  text.ofRealServer("lvscare_real_server_bytes_total", address, { direction: "out" }, stats.outBytes);
}

function renderDiscovery(text: Exposition, discovery: DiscoveryStatus): void {
  const { source, policy, members, toldAt, failing, kept = [], ignored = [] } = discovery;
  text.ofVirtualServer("lvscare_discovery_info", { source, policy }, 1);
  text.ofVirtualServer("lvscare_discovery_up", {}, failing === undefined ? 1 : 0);
  if (members !== undefined) text.ofVirtualServer("lvscare_discovery_members", {}, members);
  if (toldAt !== undefined)
    text.ofVirtualServer("lvscare_discovery_last_told_timestamp_seconds", {}, Date.parse(toldAt) / 1000);
  for (const guard of GUARDS) {
    const count = kept.filter((one) => one.guard === guard).reduce((sum, { servers }) => sum + servers.length, 0);
    text.ofVirtualServer("lvscare_discovery_kept_members", { guard }, count);
  }
  text.ofVirtualServer("lvscare_discovery_ignored_members", {}, ignored.length);
}

const GUARDS = ["empty", "too-many"] as const;
