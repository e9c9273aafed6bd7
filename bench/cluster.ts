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
import { median, report, type Measure } from "./support/measures.ts";
import { SETTINGS } from "./support/settings.ts";

// Three nodes in kernels of their own beside one control plane: a fault strikes all of them at once. One has keepalived, two have ours, of
// which one is told who the masters are and the other finds out.

const VIP = "10.96.0.1";
const VS = `${VIP}:6443`;
const [ETCD, OBSERVER] = ["10.0.0.8", "10.0.0.9"] as const;
const MASTERS = ["10.0.0.2", "10.0.0.3", "10.0.0.4"] as const;
const [FIRST, VICTIM] = MASTERS;
const SERVERS = MASTERS.map((master) => `${master}:6443`);
const ROUNDS = SETTINGS.isQuick ? 1 : 3;
const WATCH_PORT = 9106;
/** For so long a fault lasts, in which the cluster's own list learns of a dead master, too. */
const FAULT_MS = 25_000;
/** As the masters' leases are, and some more. */
const ETCD_HANGS_MS = 30_000;

const CHECKERS = { peer: "10.0.0.20", fixed: "10.0.0.21", found: "10.0.0.22" } as const;
type Checker = keyof typeof CHECKERS;
const FAULTS = {
  kill: "a killed API server",
  shutdown: "one that is told to end, and serves on for five seconds",
  hang: "a hung one",
  cut: "one cut off behind the switch",
  etcd: "etcd hung for half a minute",
} as const;
type Fault = keyof typeof FAULTS;

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
for (const checker of Object.keys(CHECKERS) as Checker[]) await startNode(checker);

const outcomes = new Map<string, Outcome[]>();
for (let round = 0; round < ROUNDS; round++) {
  for (const fault of Object.keys(FAULTS) as Fault[]) {
    for (const [checker, outcome] of await suffer(fault)) {
      console.log(fault, checker, JSON.stringify(outcome));
      outcomes.set(`${fault} ${checker}`, [...(outcomes.get(`${fault} ${checker}`) ?? []), outcome]);
    }
  }
}
await stack.disposeAsync();
report((Object.keys(FAULTS) as Fault[]).flatMap(measuresOf));
process.exit(0);

// --- internal ---

async function startNode(checker: Checker): Promise<void> {
  const address = CHECKERS[checker];
  const node = stack.use(await NodeShell.start("uml", network, address, observer));
  const { folder } = plane.keys;
  if (checker === "peer") {
    const file = join(folder, "keepalived.conf");
    const check = "SSL_GET { url { path /readyz status_code 200 } connect_timeout 1 retry 0 }";
    await writeFile(file, keepalivedConfiguration([{ address: VS, realServers: SERVERS, checker: check }]));
    // Nobody else makes the address one that packets are sent to.
    await node.exec("ip", "route", "add", `${VIP}/32`, "via", address, "metric", "50");
    await node.leave("keepalived", "--dont-fork", "--check", `--use-file=${file}`);
  } else {
    const rs = checker === "fixed" ? SERVERS : SERVERS.slice(0, 1);
    const flags = `--vs ${VS} --rs ${rs.join(",")} --ip ${address} --interval 1 --health-timeout 1s --health-schem kube-apiserver`;
    const kubeconfig = await plane.keys.kubeconfig(`node-${checker}`, WATCHER, `https://${VS}`);
    const discovery = checker === "found" ? ["--discover", "kubernetes", "--kubeconfig", kubeconfig] : [];
    await node.leave(lvscareBinary(), "care", ...flags.split(" "), ...discovery);
  }
  const script = join(import.meta.dir, "support/node-watch-process.ts");
  await node.leave(process.execPath, script, `https://${VS}/version`, `${address}:${WATCH_PORT}`);
}

async function suffer(fault: Fault): Promise<ReadonlyMap<Checker, Outcome>> {
  await waitFor(allServe, Boolean, { timeoutMs: 120_000, everyMs: 500 });
  // Whoever checks once a second has settled.
  await Bun.sleep(3000);
  const struckMs = Date.now();
  await strike(fault);
  await Bun.sleep(fault === "etcd" ? ETCD_HANGS_MS : FAULT_MS);
  const healedMs = Date.now();
  await heal(fault);
  await waitFor(allServe, Boolean, { timeoutMs: 120_000, everyMs: 500 });
  await Bun.sleep(2500);
  const each = Object.entries(CHECKERS).map(async ([checker, address]): Promise<[Checker, Outcome]> => {
    const { asked, changes } = await seenBy(address);
    const of = changes.filter(({ server }) => fault === "etcd" || server === kernelName(`${VICTIM}:6443`).slice(0, 8));
    const out = of.find(({ atMs, weight }) => atMs >= struckMs && weight === 0);
    const back = of.findLast(({ atMs, weight }) => atMs >= healedMs && weight > 0);
    const then = asked.filter(({ atMs, isAnswered }) => atMs >= struckMs && isAnswered !== undefined);
    return [
      checker as Checker,
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

async function allServe(): Promise<boolean> {
  const tables = await Promise.all(Object.values(CHECKERS).map(seenBy));
  return tables.every(({ changes }) => {
    const weights = new Map(changes.map(({ server, weight }) => [server, weight]));
    return [...weights.values()].filter((weight) => weight > 0).length === MASTERS.length;
  });
}

async function seenBy(address: string): Promise<Seen> {
  const { stdout } = await observer.run(["curl", "--silent", "--max-time", "10", `http://${address}:${WATCH_PORT}/`]);
  return stdout === "" ? { asked: [], changes: [] } : (JSON.parse(stdout) as Seen);
}

function measuresOf(fault: Fault): Measure[] {
  const middle = (checker: Checker, key: keyof Outcome): number | undefined => {
    const values = (outcomes.get(`${fault} ${checker}`) ?? []).flatMap((one) => one[key] ?? []);
    return values.length === 0 ? undefined : median(values);
  };
  const row = (what: string, unit: string, key: keyof Outcome, checker: Checker): Measure[] => {
    const [ours, peer] = [middle(checker, key), middle("peer", key)];
    return ours === undefined ? [] : [{ what, unit, ours, ...(peer !== undefined && { peer }) }];
  };
  return (["fixed", "found"] as const).flatMap((checker) => {
    const words = `${FAULTS[fault]}, ${checker === "fixed" ? "list as written" : "list discovered"}`;
    return [
      ...row(`${words}: ${fault === "etcd" ? "anybody" : "it is"} out of rotation after`, "ms", "outMs", checker),
      ...row(`${words}: back after its return`, "ms", "backMs", checker),
      ...row(`${words}: failed requests of ten a second`, "", "failed", checker),
    ];
  });
}
