import type { DiscoverSource } from "./discover-options.ts";
import type { OptionRow } from "./option-row.ts";

const GROUP = "Discovery";

const SHARED_ROWS = [
  {
    flag: "discover-policy",
    kind: "text",
    choices: ["bootstrap", "merge", "only"],
    default: "bootstrap",
    help: "what real-servers are beside the discovered ones: bootstrap (they count until there is a list, and when nobody of it serves), merge (they count beside it) or only (they do not count)",
    group: GROUP,
    inFile: { place: "discover", key: "policy", type: "choice" },
  },
  {
    flag: "discover-remove-at-most",
    kind: "text",
    default: "50%",
    help: "the share of the discovered real servers that may vanish at once; a list that loses more is believed after confirm",
    group: GROUP,
    inFile: { place: "discover", key: "remove-at-most", type: "share", bounds: [0, 100] },
  },
  {
    flag: "discover-confirm",
    kind: "text",
    default: "1m",
    help: "how long a list that loses more than remove-at-most has to stand before it is believed",
    group: GROUP,
    inFile: { place: "discover", key: "confirm", type: "time" },
  },
  {
    flag: "discover-debounce",
    kind: "text",
    default: "1s",
    help: "for how long changes of the list are gathered before they count",
    group: GROUP,
    inFile: { place: "discover", key: "debounce", type: "time" },
  },
] as const satisfies readonly OptionRow[];

const FILE_SOURCE_ROWS = [
  {
    flag: "discover-path",
    kind: "text",
    takesFile: true,
    help: "of type file, the file: lines of IP:port and perhaps a weight, or JSON as Prometheus' file_sd has it. Read again when it changes",
    group: GROUP,
    inFile: { place: "discover", key: "path", type: "text" },
  },
] as const satisfies readonly OptionRow[];

const KUBERNETES_SOURCE_ROWS = [
  {
    flag: "discover-service",
    kind: "text",
    default: "default/kubernetes",
    help: "of type kubernetes, the service whose endpoints are the members, with its namespace; that of the API servers themselves unless given",
    group: GROUP,
    inFile: { place: "discover", key: "service", type: "text" },
  },
  {
    flag: "discover-port",
    kind: "text",
    help: "the port of it, by its name or number; not needed where there is one only",
    group: GROUP,
    inFile: { place: "discover", key: "port", type: "port" },
  },
  {
    flag: "discover-kubeconfig",
    kind: "text",
    takesFile: true,
    fileKind: "kubeconfig",
    help: "whom to trust and what to show (default: the service account of the pod, else /etc/kubernetes/kubelet.conf). The service of API servers is asked for through the virtual server itself and at its members, any other at the server that stands in it. Read again when it changes",
    group: GROUP,
    inFile: { place: "discover", key: "kubeconfig", type: "text" },
  },
  {
    flag: "discover-context",
    kind: "text",
    help: "the context of the kubeconfig that counts (default: its current-context)",
    group: GROUP,
    inFile: { place: "discover", key: "context", type: "text" },
  },
  {
    flag: "discover-poll",
    kind: "text",
    default: "30s",
    help: "from one question to the next where the credentials do not allow to watch",
    group: GROUP,
    inFile: { place: "discover", key: "poll", type: "time" },
  },
] as const satisfies readonly OptionRow[];

const DNS_SOURCE_ROWS = [
  {
    flag: "discover-name",
    kind: "text",
    help: "of type dns, the name that stands for the members: of hosts, with port, or of a service, such as _https._tcp.example.org",
    group: GROUP,
    inFile: { place: "discover", key: "name", type: "text" },
  },
  {
    flag: "discover-servers",
    kind: "list",
    help: "the name servers to ask, in turn, IP or IP:port (default: those of /etc/resolv.conf)",
    group: GROUP,
    inFile: { place: "discover", key: "servers", type: "words" },
  },
  {
    flag: "discover-min-ttl",
    kind: "text",
    default: "5s",
    help: "a name is not asked for again sooner, however short its time is",
    group: GROUP,
    inFile: { place: "discover", key: "min-ttl", type: "time" },
  },
  {
    flag: "discover-max-ttl",
    kind: "text",
    default: "5m",
    help: "a name is asked for again then, however long its time is",
    group: GROUP,
    inFile: { place: "discover", key: "max-ttl", type: "time" },
  },
  {
    flag: "discover-obsolete",
    kind: "text",
    default: "30s",
    help: "for how long a member stays that answers lack, since an answer may be a part of the list",
    group: GROUP,
    inFile: { place: "discover", key: "obsolete", type: "time" },
  },
] as const satisfies readonly OptionRow[];

/** Those of all types. */
export const DISCOVER_ROWS: readonly OptionRow[] = [
  ...FILE_SOURCE_ROWS,
  ...KUBERNETES_SOURCE_ROWS,
  ...DNS_SOURCE_ROWS,
  ...SHARED_ROWS,
];

/** The rows of one type. */
export function discoverRowsOf(type: DiscoverSource["type"]): readonly OptionRow[] {
  return [...ROWS_OF_TYPE[type], ...SHARED_ROWS];
}

// --- internal ---

const ROWS_OF_TYPE = {
  file: FILE_SOURCE_ROWS,
  kubernetes: KUBERNETES_SOURCE_ROWS,
  dns: [...DNS_SOURCE_ROWS, ...KUBERNETES_SOURCE_ROWS.filter(({ flag }) => flag === "discover-port")],
} as const;
