import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { waitFor } from "../test/kernel/support/wait-for.ts";
import { lvscareBinary } from "../test/kernel/support/lvscare.ts";
import { NodeShell } from "../test/node/support/node-shell.ts";
import { SwitchedNetwork } from "../test/node/support/switched-network.ts";
import { allowWatching, WATCHER } from "../test/cluster/support/allow-watching.ts";
import { ControlPlane } from "../test/cluster/support/control-plane.ts";
import { kernelName } from "./support/ipvs-table.ts";
import { keepalivedConfiguration } from "./support/keepalived.ts";
import { median, report, type Sought } from "./support/measures.ts";
import { SETTINGS } from "./support/settings.ts";

// Three nodes in kernels of their own beside one control plane: a fault strikes all of them at once. One has keepalived, two have ours, of
// which one is told who the masters are and the other finds out. All of them check each second first, then as often as each does by itself.

const VIP = "10.96.0.1";
const VS = `${VIP}:6443`;
const [ETCD, OBSERVER] = ["10.0.0.8", "10.0.0.9"] as const;
const MASTERS = ["10.0.0.2", "10.0.0.3", "10.0.0.4"] as const;
const [FIRST, VICTIM] = MASTERS;
const SERVERS = MASTERS.map((master) => `${master}:6443`);
const ROUNDS = SETTINGS.isQuick ? 1 : 3;
const WATCH_PORT = 9106;
/** As the masters' leases are, and some more. */
const ETCD_HANGS_MS = 30_000;

const CHECKERS = ["peer", "fixed", "found"] as const;
type Checker = (typeof CHECKERS)[number];

/** How often all of them check. */
interface Pace {
  readonly words: string;
  readonly ours: readonly string[];
  readonly peer: { readonly delayS: number | undefined; readonly limits: string };
  readonly nodes: Readonly<Record<Checker, string>>;
  /** So long a fault lasts: the cluster's own list learns of a dead master in it, too, and the slowest of the checks fails at least once. */
  readonly faultMs: number;
}

const PACES: readonly Pace[] = [
  {
    words: "checked each second",
    ours: ["--interval", "1", "--health-timeout", "1s"],
    peer: { delayS: 1, limits: "connect_timeout 1 retry 0" },
    nodes: { peer: "10.0.0.20", fixed: "10.0.0.21", found: "10.0.0.22" },
    faultMs: 25_000,
  },
  {
    words: "default settings",
    ours: [],
    // It checks each minute, and tries three times again, each three seconds after a failure that may take five.
    peer: { delayS: undefined, limits: "" },
    nodes: { peer: "10.0.0.30", fixed: "10.0.0.31", found: "10.0.0.32" },
    faultMs: 100_000,
  },
];

const FAULTS = {
  kill: "a killed API server",
  shutdown: "one that is told to end, and serves on for five seconds",
  hang: "a hung one",
  cut: "one cut off behind the switch",
  etcd: "etcd hung for half a minute",
} as const;
type Fault = keyof typeof FAULTS;
/** Who checks once a minute has to find each of them twice. */
const PATIENT = { timeoutMs: 300_000, everyMs: 500 } as const;

interface Seen {
  readonly asked: readonly { readonly atMs: number; readonly isAnswered: boolean | undefined }[];
  readonly changes: readonly { readonly atMs: number; readonly server: string; readonly weight: number }[];
}

interface Outcome {
  readonly outMs: number | undefined;
  readonly backMs: number | undefined;
  readonly failed: number;
  readonly asked: number;
}

await using stack = new AsyncDisposableStack();
const network = stack.use(await SwitchedNetwork.create());
const plane = stack.use(await ControlPlane.create(network, { etcd: ETCD, masters: MASTERS, names: [VIP] }));
await Promise.all(MASTERS.map((master) => plane.start(master)));
await allowWatching(plane, FIRST);
const observer = (await network.addHost(`${OBSERVER}/24`)).namespace;
const faults = (Object.keys(FAULTS) as Fault[]).filter((fault) => fault.includes(SETTINGS.only ?? ""));

const measures: Sought[] = [];
for (const pace of PACES) {
  await using nodes = new AsyncDisposableStack();
  for (const checker of CHECKERS) await startNode(nodes, checker, pace);
  const outcomes: { readonly fault: Fault; readonly checker: Checker; readonly outcome: Outcome }[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    for (const fault of faults) {
      for (const [checker, outcome] of await suffer(fault, pace)) {
        console.log(pace.words, fault, checker, JSON.stringify(outcome));
        outcomes.push({ fault, checker, outcome });
      }
    }
  }
  for (const fault of faults) {
    const ofFault = (of: Checker): readonly Outcome[] =>
      outcomes.filter((one) => one.fault === fault && one.checker === of).map(({ outcome }) => outcome);
    measures.push(...measuresOf(`${FAULTS[fault]}, ${pace.words}`, fault === "etcd", ofFault));
  }
}
await stack.disposeAsync();
report(measures);
process.exit(0);

// --- internal ---

async function startNode(nodes: AsyncDisposableStack, checker: Checker, pace: Pace): Promise<void> {
  const address = pace.nodes[checker];
  const node = nodes.use(await NodeShell.start("uml", network, address, observer));
  const { folder } = plane.keys;
  if (checker === "peer") {
    const file = join(folder, `keepalived-${address}.conf`);
    const { delayS, limits } = pace.peer;
    const check = `SSL_GET { url { path /readyz status_code 200 } ${limits} }`;
    await writeFile(file, keepalivedConfiguration([{ address: VS, realServers: SERVERS, checker: check }], delayS));
    // Nobody else makes the address one that packets are sent to.
    await node.exec("ip", "route", "add", `${VIP}/32`, "via", address, "metric", "50");
    await node.leave("keepalived", "--dont-fork", "--check", `--use-file=${file}`);
  } else {
    const rs = checker === "fixed" ? SERVERS : SERVERS.slice(0, 1);
    const flags = `--vs ${VS} --rs ${rs.join(",")} --ip ${address} --health-schem kube-apiserver`;
    const kubeconfig = await plane.keys.kubeconfig(`node-${address}`, WATCHER, `https://${VS}`);
    const discovery = checker === "found" ? ["--discover", "kubernetes", "--kubeconfig", kubeconfig] : [];
    await node.leave(lvscareBinary(), "care", ...flags.split(" "), ...pace.ours, ...discovery);
  }
  const script = join(import.meta.dir, "support/node-watch-process.ts");
  await node.leave(process.execPath, script, `https://${VS}/version`, `${address}:${WATCH_PORT}`);
}

async function suffer(fault: Fault, { nodes, faultMs }: Pace): Promise<ReadonlyMap<Checker, Outcome>> {
  const allServe = async (): Promise<boolean> => (await Promise.all(Object.values(nodes).map(seenBy))).every(servesAll);
  await waitFor(allServe, Boolean, PATIENT);
  // Whoever checks once a second has settled.
  await Bun.sleep(3000);
  const struckMs = Date.now();
  await strike(fault);
  await Bun.sleep(fault === "etcd" ? ETCD_HANGS_MS : faultMs);
  const healedMs = Date.now();
  await heal(fault);
  await waitFor(allServe, Boolean, PATIENT);
  await Bun.sleep(2500);
  const each = CHECKERS.map(async (checker): Promise<[Checker, Outcome]> => {
    const { asked, changes } = await seenBy(nodes[checker]);
    const of = changes.filter(({ server }) => fault === "etcd" || server === kernelName(`${VICTIM}:6443`).slice(0, 8));
    const out = of.find(({ atMs, weight }) => atMs >= struckMs && weight === 0);
    const back = of.findLast(({ atMs, weight }) => atMs >= healedMs && weight > 0);
    const then = asked.filter(({ atMs, isAnswered }) => atMs >= struckMs && isAnswered !== undefined);
    return [
      checker,
      {
        outMs: out && out.atMs - struckMs,
        backMs: back && back.atMs - healedMs,
        failed: then.filter(({ isAnswered }) => isAnswered === false).length,
        asked: then.length,
      },
    ];
  });
  return new Map(await Promise.all(each));
}

async function strike(fault: Fault): Promise<void> {
  if (fault === "kill") plane.stop(VICTIM, "SIGKILL");
  if (fault === "shutdown") plane.stop(VICTIM, "SIGTERM");
  if (fault === "hang") plane.stop(VICTIM, "SIGSTOP");
  if (fault === "cut") await plane.setPort(VICTIM, "down");
  if (fault === "etcd") plane.etcd.signal("SIGSTOP");
}

async function heal(fault: Fault): Promise<void> {
  if (fault === "kill" || fault === "shutdown") await plane.start(VICTIM);
  if (fault === "hang") plane.stop(VICTIM, "SIGCONT");
  if (fault === "cut") await plane.setPort(VICTIM, "up");
  if (fault === "etcd") plane.etcd.signal("SIGCONT");
}

function servesAll({ changes }: Seen): boolean {
  const weights = new Map(changes.map(({ server, weight }) => [server, weight]));
  return [...weights.values()].filter((weight) => weight > 0).length === MASTERS.length;
}

async function seenBy(address: string): Promise<Seen> {
  const { stdout } = await observer.run(["curl", "--silent", "--max-time", "10", `http://${address}:${WATCH_PORT}/`]);
  return stdout === "" ? { asked: [], changes: [] } : (JSON.parse(stdout) as Seen);
}

/** A row for everything that may have been, also where it never was. */
function measuresOf(fault: string, isOfAll: boolean, outcomesOf: (checker: Checker) => readonly Outcome[]): Sought[] {
  const middle = (checker: Checker, key: keyof Outcome): number | undefined => {
    // What did not happen in most of the rounds has no middle.
    const value = median(outcomesOf(checker).map((one) => one[key] ?? Number.POSITIVE_INFINITY));
    return Number.isFinite(value) ? value : undefined;
  };
  return (["fixed", "found"] as const).flatMap((checker) => {
    const row = (what: string, unit: string, key: keyof Outcome, never: string): Sought => ({
      what: `${fault}, ${checker === "fixed" ? "list as written" : "list discovered"}: ${what}`,
      unit,
      ours: middle(checker, key),
      peer: middle("peer", key),
      never,
    });
    return [
      row(`${isOfAll ? "anybody" : "it is"} out of rotation after`, "ms", "outMs", "never"),
      row("back after its return", "ms", "backMs", "never out"),
      row("failed requests of ten a second", "", "failed", "none asked"),
    ];
  });
}
