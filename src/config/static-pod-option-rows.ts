import { CARE_OPTION_ROWS, type CareFlag } from "./care-option-rows.ts";
import type { OptionRow } from "./option-row.ts";

const FILE = "The file";
const POD = "The pod";

/** The options of `lvscare static-pod` that are its own. */
export const STATIC_POD_OPTION_ROWS = [
  {
    flag: "path",
    kind: "text",
    valueName: "directory",
    takesFile: true,
    default: "/etc/kubernetes/manifests",
    help: "where kubelet looks for static pods; made if need be. The file is <name>.yaml",
    group: FILE,
  },
  { flag: "print", kind: "boolean", help: "print the manifest and write nothing", group: FILE },
  {
    flag: "set-img",
    kind: "boolean",
    help: "only put --image into the file that is there, and leave all else in it as it is",
    group: FILE,
  },
  {
    flag: "vip",
    alsoCalled: ["vs"],
    kind: "text",
    valueName: "IP:port",
    default: "10.103.97.2:6443",
    help: "the virtual server, as --vs of lvscare care",
    group: POD,
  },
  {
    flag: "masters",
    alsoCalled: ["rs"],
    kind: "list",
    valueName: "IP:port",
    help: "the real servers, as --rs of lvscare care; repeat the flag or list several with commas (required without --config and --set-img)",
    group: POD,
  },
  {
    flag: "config",
    kind: "text",
    valueName: "file",
    takesFile: true,
    help: "a configuration file on the node instead of --vip and --masters, as --config of lvscare care; the pod sees its whole folder, so that an exchanged file is noticed",
    group: POD,
  },
  {
    flag: "name",
    kind: "text",
    valueName: "name",
    default: "kube-sealos-lvscare",
    help: "the name of pod, container and file",
    group: POD,
  },
  {
    flag: "image",
    kind: "text",
    valueName: "image",
    default: "sealos.hub:5000/sealos/lvscare:latest",
    help: "the container's image, with lvscare at /usr/bin/lvscare",
    group: POD,
  },
  {
    flag: "options",
    kind: "list",
    takesFlags: true,
    valueName: "argument",
    help: "an argument of lvscare care as it is, one for each --options or comma; flags of lvscare care can stand here themselves, too",
    group: POD,
  },
  {
    flag: "requests",
    kind: "list",
    valueName: "name=quantity",
    help: "what the container asks of its node: cpu=20m,memory=64Mi",
    group: POD,
  },
  {
    flag: "liveness",
    kind: "boolean",
    help: "have kubelet restart the container when its daemon no longer answers",
    group: POD,
  },
  {
    flag: "least-privilege",
    kind: "boolean",
    help: "NET_ADMIN instead of a privileged container; kernel settings are then left to the host",
    group: POD,
  },
] as const satisfies readonly OptionRow[];

export type StaticPodFlag = (typeof STATIC_POD_OPTION_ROWS)[number]["flag"];

/** Options that make no sense in a pod that stays, or have another name here. */
const NOT_HERE: ReadonlySet<CareFlag> = new Set(["vs", "rs", "run-once", "clean"]);

/** Flags of `lvscare care` that the pod's daemon may be given. */
export const DAEMON_OPTION_ROWS: readonly OptionRow[] = CARE_OPTION_ROWS.filter(({ flag }) => !NOT_HERE.has(flag));

/** Flags that `sealctl static-pod` does not know: they are about a manifest that is written from scratch. */
export const NEW_POD_FLAGS: ReadonlySet<string> = new Set([
  ...DAEMON_OPTION_ROWS.map(({ flag }) => flag),
  "config",
  "requests",
  "liveness",
  "least-privilege",
]);
