/** A metric, by the name that Prometheus stores it under. */
export interface Family {
  /** Of a histogram, without `_bucket`, `_sum` and `_count`. */
  readonly name: string;
  /** `info`: a gauge that is always 1 and says something in its labels. */
  readonly type: "gauge" | "counter" | "histogram" | "info";
  /** Besides those that name what it is of. */
  readonly labels: readonly string[];
  readonly help: string;
}

/** What the process has once. */
const OF_PROCESS = [
  row("info", "lvscare_build_info", ["version"], "Always 1; the version is in the label."),
  row(
    "gauge",
    "lvscare_virtual_servers",
    ["condition"],
    "Virtual servers of this process by how well they serve; those that leave the configuration are left out.",
  ),
  row("info", "lvscare_config_info", ["file"], "Always 1; the configuration file is in the label. Absent without one."),
  row(
    "gauge",
    "lvscare_config_last_reload_successful",
    [],
    "0 when the configuration was refused at its last reading.",
  ),
  row(
    "gauge",
    "lvscare_config_last_reload_success_timestamp_seconds",
    [],
    "When the configuration was last read and found good.",
  ),
  row(
    "gauge",
    "lvscare_event_loop_lag_seconds",
    [],
    "How late this process was at the latest to start what was due, in the last minute.",
  ),
  row("counter", "lvscare_stalls_total", [], "Times that this process got no turn for half a second or more."),
  row("counter", "lvscare_stalled_seconds_total", [], "How long it got no turn then, together."),
  row(
    "counter",
    "process_cpu_seconds_total",
    [],
    "Processor time that this process has used, its own and the kernel's for it.",
  ),
  row("gauge", "process_resident_memory_bytes", [], "Memory that this process has in use."),
  row(
    "gauge",
    "process_virtual_memory_bytes",
    [],
    "Addresses that this process has set aside; the runtime takes many and uses few.",
  ),
  row("gauge", "process_open_fds", [], "File descriptors that this process has open."),
  row("gauge", "process_max_fds", [], "How many it may open."),
  row("gauge", "process_start_time_seconds", [], "When this process started, as Unix time."),
] as const;

/** What each virtual server has. */
const OF_VIRTUAL_SERVER = [
  row(
    "info",
    "lvscare_virtual_server_info",
    ["name", "scheduler", "data_plane", "via", "reach"],
    "Always 1; how the virtual server is set up is in the labels: its name in the configuration, its scheduler, who moves its packets, and how this host reaches it (route, link, none).",
  ),
  row(
    "info",
    "lvscare_check_settings_info",
    ["probe", "fall", "rise", "interval", "interval_fast", "interval_down"],
    "Always 1; what real servers are asked, and what becomes of the answers, is in the labels.",
  ),
  row("gauge", "lvscare_check_interval_seconds", [], "Time between two checks of a healthy real server."),
  row(
    "gauge",
    "lvscare_condition",
    ["condition"],
    "1 for how well the virtual server serves: serving, degraded (some should be in service and are not, or nobody answers through the virtual address), fail-open (also by the last resort), nobody.",
  ),
  row("histogram", "lvscare_check_duration_seconds", [], "How long checks took."),
  row(
    "histogram",
    "lvscare_out_of_rotation_duration_seconds",
    [],
    "From the failed check that takes a real server out to its weight 0 in the data plane.",
  ),
  row("counter", "lvscare_applies_total", [], "Rounds that changed something in the data plane."),
  row("counter", "lvscare_apply_failures_total", [], "Rounds in which something could not be written."),
  row("counter", "lvscare_repairs_total", [], "Changes by others that were undone."),
  row("gauge", "lvscare_fail_open", [], "1 while too few real servers are healthy and health is ignored."),
  row(
    "gauge",
    "lvscare_last_resort",
    [],
    "1 while no real server is healthy and those that still accept connections are in service all the same.",
  ),
  row(
    "gauge",
    "lvscare_probe_suspicious",
    [],
    "1 while a changed probe lets no real server serve and the one before it goes on deciding.",
  ),
  row(
    "gauge",
    "lvscare_way_up",
    [],
    "1 when the last connection through the virtual address was answered, 0 when it was not; absent until one was tried.",
  ),
  row(
    "gauge",
    "lvscare_way_state",
    ["state"],
    "1 for the state of the way through the virtual address: answers, silent (the last connection got no answer), untried.",
  ),
  row("gauge", "lvscare_way_connect_seconds", [], "How long that connection took."),
  row(
    "gauge",
    "lvscare_reach_object_state",
    ["object", "state"],
    "1 for the state of each thing that is kept on the host for the virtual address to be reached.",
  ),
  row(
    "info",
    "lvscare_discovery_info",
    ["source", "policy"],
    "Always 1; who tells the members of the virtual server is in the labels. Absent where the configuration lists them all, as the next ones.",
  ),
  row("gauge", "lvscare_discovery_up", [], "1 while the source of members can be read."),
  row(
    "gauge",
    "lvscare_discovery_members",
    [],
    "Members that count because the source lists them, or listed them; absent as long as it never listed any.",
  ),
  row(
    "gauge",
    "lvscare_discovery_last_told_timestamp_seconds",
    [],
    "When the source told anything last, as Unix time.",
  ),
  row(
    "gauge",
    "lvscare_discovery_kept_members",
    ["guard"],
    "Members that the source lists no longer and that stay because its list is not believed: it is empty, or lost too many at once.",
  ),
  row(
    "gauge",
    "lvscare_discovery_ignored_members",
    [],
    "Members that the source lists and that cannot be real servers.",
  ),
] as const;

/** What each real server has, behind each of its virtual servers. */
const OF_REAL_SERVER = [
  row(
    "info",
    "lvscare_real_server_info",
    ["name", "forwarding"],
    "Always 1; its name in the configuration and how packets get to it are in the labels.",
  ),
  row("gauge", "lvscare_real_server_state", ["state"], "1 for the state that a real server is in, by its checks."),
  row("gauge", "lvscare_real_server_in_service", [], "1 while it takes new connections."),
  row(
    "gauge",
    "lvscare_real_server_out_of_service",
    ["why"],
    "Always 1, for each that takes no new connections; why: failed, unanswered, unwritten, unproved, shutting-down, drained, set-aside, leaving, unlisted.",
  ),
  row(
    "gauge",
    "lvscare_real_server_weight",
    [],
    "Weight in the data plane; absent for a real server that is not there.",
  ),
  row(
    "gauge",
    "lvscare_real_server_drained",
    [],
    "1 while an operator or the configuration has it take no new connections.",
  ),
  row(
    "gauge",
    "lvscare_real_server_last_check_timestamp_seconds",
    [],
    "When its last check ended, as Unix time; absent before the first one.",
  ),
  row("gauge", "lvscare_real_server_last_check_duration_seconds", [], "How long that check took."),
  row("gauge", "lvscare_real_server_connections", ["state"], "Connections as the data plane counts them."),
  row(
    "counter",
    "lvscare_real_server_new_connections_total",
    [],
    "Connections since the real server was put into the data plane.",
  ),
  row("counter", "lvscare_real_server_packets_total", ["direction"], "Packets since then."),
  row("counter", "lvscare_real_server_bytes_total", ["direction"], "Bytes since then."),
  row(
    "gauge",
    "lvscare_certificate_not_after_seconds",
    [],
    "Until when the certificate is valid that a real server showed last, as Unix time; absent without TLS.",
  ),
  row(
    "counter",
    "lvscare_checks_total",
    ["result"],
    "Checks by their result; leaving: it said that it shuts down, skipped: for want of means of this host.",
  ),
  row("counter", "lvscare_transitions_total", ["to"], "Changes of a real server's state."),
] as const;

/**
 * Every metric that a daemon tells, by what its samples are of. What is told and what is documented are made from this table.
 */
export const FAMILIES = {
  process: OF_PROCESS,
  "virtual server": OF_VIRTUAL_SERVER,
  "real server": OF_REAL_SERVER,
} as const satisfies Readonly<Record<string, readonly Family[]>>;

export type Subject = keyof typeof FAMILIES;

/** The names of those that have samples of this. */
export type FamilyOf<Of extends Subject> = (typeof FAMILIES)[Of][number]["name"];

/** The labels of a metric's own. */
export type OwnLabels<Name extends FamilyOf<Subject>> = Readonly<
  Record<Extract<(typeof FAMILIES)[Subject][number], { readonly name: Name }>["labels"][number], string>
>;

/** The labels that say of whom a sample is, in front of its own. */
export const SUBJECT_LABELS: Readonly<Record<Subject, readonly string[]>> = {
  process: [],
  "virtual server": ["virtual_server", "protocol"],
  "real server": ["virtual_server", "protocol", "real_server"],
};

/** The base unit that the name of a metric ends with, before `_total`. */
export function unitOf({ name }: Family): "seconds" | "bytes" | undefined {
  return UNITS.find((unit) => name.replace(/_total$/, "").endsWith(`_${unit}`));
}

// --- internal ---

const UNITS = ["seconds", "bytes"] as const;

function row<const Type extends Family["type"], const Name extends string, const Labels extends readonly string[]>(
  type: Type,
  name: Name,
  labels: Labels,
  help: string,
) {
  return { name, type, labels, help };
}
