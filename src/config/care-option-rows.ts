import { LARGEST_WEIGHT, SCHEDULERS } from "../domain/virtual-server.ts";
import type { OptionRow } from "./option-row.ts";
import { CHECKS } from "./probe-kinds/probe-kind.ts";
import { PROBE_FLAG_ROWS } from "./probe-kinds/probe-kinds.ts";

/** In a row, that change a state. */
export const MOST_CHECKS = 1000;

/** Under way in this process. */
export const MOST_CONCURRENT_CHECKS = 4096;

/** Of a cluster. */
export const MOST_NODES = 100_000;

const SERVERS = "Virtual server";
const REACH = "Reaching the virtual address";
const RUNNING = "Running";

/** Every option of `lvscare care`, in the order of its help. */
export const CARE_OPTION_ROWS = [
  {
    flag: "vs",
    alsoCalled: ["vip", "virtual-server"],
    kind: "text",
    valueName: "IP:port",
    help: "the virtual server: the address that clients connect to (required)",
    group: SERVERS,
  },
  {
    flag: "rs",
    alsoCalled: ["master", "masters", "real-server", "real-servers"],
    kind: "list",
    valueName: "IP:port",
    help: "a real server; repeat the flag or list several with commas (required unless --clean)",
    group: SERVERS,
  },
  {
    flag: "weight",
    kind: "text",
    valueName: "number",
    default: "1",
    help: "the weight of each real server, from 1 to 65535",
    group: SERVERS,
    inFile: { place: "virtual-server", type: "whole-number", bounds: [1, LARGEST_WEIGHT] },
  },
  {
    flag: "scheduler",
    kind: "text",
    valueName: "name",
    choices: SCHEDULERS,
    default: "rr",
    help: `how connections are spread over the real servers: ${SCHEDULERS.join(", ")}`,
    group: SERVERS,
    inFile: { place: "virtual-server", type: "choice" },
  },
  {
    flag: "data-plane",
    kind: "text",
    valueName: "kind",
    choices: ["auto", "ipvs", "userspace"],
    default: "auto",
    help: "what moves the packets: ipvs (the kernel), userspace (a TCP proxy in this process) or auto (ipvs where it works)",
    group: SERVERS,
    inFile: { place: "virtual-server", type: "choice" },
  },
  {
    flag: "init-state",
    kind: "text",
    valueName: "state",
    choices: ["down", "up"],
    default: "down",
    help: "how a real server starts that the kernel's table knows nothing of: down proves itself with one good check first, up takes traffic at once",
    group: SERVERS,
    inFile: { place: "virtual-server", type: "choice" },
  },
  {
    flag: "keep-foreign",
    kind: "boolean",
    help: "leave real servers of this virtual server alone that --rs does not list, instead of draining and removing them",
    group: SERVERS,
    inFile: {
      place: "virtual-server",
      type: "boolean",
      help: "leave real servers of this virtual server alone that are not listed, instead of draining and removing them",
    },
  },
  {
    flag: "interval",
    kind: "text",
    valueName: "time",
    default: "5s",
    help: "from one check of a real server to its next, at most (they come up to a tenth early, so as not to fall into step, and sooner where a real server closes idle connections): whole seconds, or a duration like 500ms",
    group: CHECKS,
    inFile: { place: "virtual-server", type: "time" },
  },
  {
    flag: "interval-fast",
    kind: "text",
    valueName: "time",
    help: "the same while a verdict is in doubt: fewer failures than --fall, fewer successes than --rise (default: --interval)",
    group: CHECKS,
    inFile: { place: "virtual-server", type: "time" },
  },
  {
    flag: "interval-down",
    kind: "text",
    valueName: "time",
    help: "the same while a real server is removed (default: --interval)",
    group: CHECKS,
    inFile: { place: "virtual-server", type: "time" },
  },
  {
    flag: "fall",
    kind: "text",
    valueName: "count",
    default: "1",
    help: "failed checks in a row that take a healthy real server out",
    group: CHECKS,
    inFile: { place: "virtual-server", type: "whole-number", bounds: [1, MOST_CHECKS] },
  },
  {
    flag: "rise",
    kind: "text",
    valueName: "count",
    default: "1",
    help: "good checks in a row that bring a real server back",
    group: CHECKS,
    inFile: { place: "virtual-server", type: "whole-number", bounds: [1, MOST_CHECKS] },
  },
  {
    flag: "drain",
    kind: "text",
    valueName: "until",
    choices: ["next-check", "connections"],
    default: "next-check",
    help: "how long a failed real server stays at weight 0: until the next-check that fails, or until it has no open connections any more; one that cannot be reached at all is not waited for",
    group: CHECKS,
    inFile: { place: "virtual-server", type: "choice" },
  },
  {
    flag: "drain-timeout",
    kind: "text",
    valueName: "duration",
    default: "1m",
    help: "the longest that --drain connections waits",
    group: CHECKS,
    inFile: { place: "virtual-server", type: "time" },
  },
  {
    flag: "slow-start",
    kind: "text",
    valueName: "time",
    default: "0",
    help: "a real server that comes back climbs to its weight in this time, instead of at once; for schedulers that heed weights, with --weight above 1",
    group: CHECKS,
    inFile: { place: "virtual-server", type: "time" },
  },
  {
    flag: "panic-threshold",
    kind: "text",
    valueName: "percent",
    default: "0",
    help: "fail open: with less than this percentage of the real servers healthy, keep those in service that are not removed yet, whatever their checks say; 0: never",
    group: CHECKS,
    inFile: { place: "virtual-server", type: "share", bounds: [0, 100] },
  },
  {
    flag: "last-resort",
    kind: "boolean",
    default: "true",
    help: "with no real server healthy, keep in service, or take back, those that served before and still accept connections; =false: clients are refused",
    group: CHECKS,
    inFile: {
      place: "virtual-server",
      type: "boolean",
      help: "with no real server healthy, keep in service, or take back, those that served before and still accept connections; false: clients are refused",
    },
  },
  ...PROBE_FLAG_ROWS,
  {
    flag: "sentinel",
    kind: "boolean",
    default: "true",
    help: "keep a connection to each real server between checks: when it ends, or the link or neighbour it goes through fails, the server is checked at once. --sentinel=false: keep none, and make a new connection for every check",
    group: CHECKS,
    inFile: {
      place: "virtual-server",
      type: "boolean",
      help: "keep a connection to each real server between checks: when it ends, or the link or neighbour it goes through fails, the server is checked at once; false: keep none, and make a new connection for every check",
    },
  },
  {
    flag: "sentinel-timeout",
    kind: "text",
    valueName: "duration",
    default: "300ms",
    help: "a real server is checked at once, too, when its host acknowledges nothing on that connection for so long, and fails a check that neither this connection nor several new ones beside it get through to; raise it for real servers far away",
    group: CHECKS,
    inFile: { place: "virtual-server", type: "time" },
  },
  {
    flag: "mode",
    kind: "text",
    valueName: "mode",
    choices: ["route", "link", "none"],
    default: "route",
    help: "how this host gets to the virtual IP: route (a route through --ip), link (a dummy interface) or none; empty means none",
    group: REACH,
    inFile: { place: "virtual-server", type: "choice" },
  },
  {
    flag: "ip",
    kind: "text",
    valueName: "IP",
    help: "the gateway of route mode, usually this node's own address; LVSCARE_NODE_IP stands in for it, else it is found",
    group: REACH,
    inFile: { place: "virtual-server", type: "address" },
  },
  {
    flag: "iface",
    alias: "i",
    kind: "text",
    valueName: "name",
    default: "lvscare",
    help: "the dummy interface of link mode",
    group: REACH,
    inFile: { place: "virtual-server", type: "text" },
  },
  {
    flag: "masqueradebit",
    kind: "text",
    valueName: "bit",
    default: "0",
    help: "the bit of the packet mark that marks packets to masquerade in link mode, 0 to 31",
    group: REACH,
    inFile: { place: "virtual-server", type: "whole-number", bounds: [0, 31] },
  },
  {
    flag: "sysctls",
    kind: "text",
    valueName: "choice",
    choices: ["manage", "keep"],
    default: "manage",
    help: "manage sets the kernel settings that IPVS and the mode need and keeps them so, keep leaves all of them alone",
    group: REACH,
    inFile: { place: "virtual-server", type: "choice" },
  },
  {
    flag: "strict-arp",
    kind: "boolean",
    help: "in link mode, have no link of this host but the dummy answer for the virtual address: for networks whose hosts share it",
    group: REACH,
    inFile: { place: "virtual-server", type: "boolean" },
  },
  {
    flag: "check-way",
    kind: "boolean",
    default: "true",
    help: "connect through the virtual address from this host when the first real server comes into service, after each change of what leads there, and once a minute; tells whether clients get through, and changes no weight",
    group: CHECKS,
    inFile: { place: "virtual-server", type: "boolean" },
  },
  {
    flag: "suspicion",
    kind: "boolean",
    default: "true",
    help: "check a real server at once when its clients seem to get no answer, and while that check gets none either, have no new clients for it as long as another one serves; by what IPVS counts of connections and packets, so with masquerading alone",
    group: CHECKS,
    inFile: { place: "virtual-server", type: "boolean" },
  },
  {
    flag: "run-once",
    kind: "boolean",
    help: "program the virtual server and its real servers once, without checks, and exit; the rules stay",
    group: RUNNING,
  },
  {
    flag: "clean",
    alias: "C",
    kind: "boolean",
    help: "remove the virtual server and what reaches it, and exit; fine if nothing is there",
    group: RUNNING,
  },
  {
    flag: "logger",
    alsoCalled: ["debug", "log-level", "verbose"],
    kind: "text",
    valueName: "level",
    choices: ["INFO", "DEBG"],
    default: "INFO",
    help: "INFO, or DEBG (also written DEBUG) for the checks too",
    group: RUNNING,
    inFile: { place: "process", type: "choice" },
  },
  {
    flag: "log-format",
    kind: "text",
    valueName: "format",
    choices: ["text", "json"],
    default: "text",
    help: "text, or json for one object per line; logs go to stderr",
    group: RUNNING,
    inFile: { place: "process", type: "choice" },
  },
  {
    flag: "http-listen",
    kind: "text",
    valueName: "[IP:]port",
    help: "show a page, and tell metrics, health and status over HTTP, to read only, to whoever gets there: on loopback when only a port is given (default: off)",
    group: RUNNING,
    inFile: { place: "process", type: "listen" },
  },
  {
    flag: "max-concurrent-checks",
    kind: "text",
    valueName: "count",
    default: "256",
    help: "checks under way at the same time, of all virtual servers; who has waited longest for a result comes next",
    group: RUNNING,
    inFile: { place: "process", type: "whole-number", bounds: [1, MOST_CONCURRENT_CHECKS] },
  },
  {
    flag: "checks-per-server",
    kind: "text",
    valueName: "rate",
    help: "what all nodes of a cluster together ask of one real server, such as 50/s: this node keeps to its share, whatever its intervals say (default: no limit)",
    group: RUNNING,
    inFile: { place: "process", type: "text" },
  },
  {
    flag: "cluster-nodes",
    kind: "text",
    valueName: "count",
    help: "how many nodes share --checks-per-server (default: this one alone)",
    group: RUNNING,
    inFile: {
      place: "process",
      type: "whole-number",
      bounds: [1, MOST_NODES],
      help: "how many nodes share checks-per-server (default: this one alone)",
    },
  },
] as const satisfies readonly OptionRow[];

export type CareFlag = (typeof CARE_OPTION_ROWS)[number]["flag"];

/** In the place of all options that belong to a virtual server. */
export const CONFIG_OPTION_ROW = {
  flag: "config",
  kind: "text",
  valueName: "file",
  takesFile: true,
  help: "care for the virtual servers of a configuration file, YAML or JSON, instead of one that flags describe; of the flags, only those under Running go with it. `lvscare check-config` checks such a file, `lvscare config` writes one",
  group: SERVERS,
} as const satisfies OptionRow;

/** For a call by hand: no daemon has it. */
export const DRY_RUN_OPTION_ROW = {
  flag: "dry-run",
  kind: "boolean",
  help: "print what would be done on this host, in order, and change nothing; goes with --config, --run-once and --clean, too. Exit code 0: nothing to do, 2: something, 1: it cannot be done",
  group: RUNNING,
} as const satisfies OptionRow;

/** What `lvscare care` takes. */
export const CARE_COMMAND_ROWS = [CONFIG_OPTION_ROW, ...CARE_OPTION_ROWS, DRY_RUN_OPTION_ROW] as const;
