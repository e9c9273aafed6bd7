import { chmodSync, copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Namespace } from "../../test/kernel/support/namespace.ts";
import { waitFor } from "../../test/kernel/support/wait-for.ts";
import { NodeShell } from "../../test/node/support/node-shell.ts";
import { SwitchedNetwork } from "../../test/node/support/switched-network.ts";
import { Farm, farmAddresses } from "./farm.ts";
import { keepalivedCommand, keepalivedConfiguration } from "./keepalived.ts";
import type { Measure } from "./measures.ts";
import { family, spentMs } from "./process-cost.ts";
import { SETTINGS } from "./settings.ts";

/**
 * What a check costs in a daemon with a thousand servers, beside what keepalived has for it: of a node with a kernel of its own, and all that this
 * kernel does for it, packets included. Needs root.
 */
export async function besideKeepalived(): Promise<Measure[]> {
  using files = new Files();
  const pairs = pairsWith(files.program).filter(({ what }) => what.includes(SETTINGS.only ?? ""));
  const measures: Measure[] = [];
  for (const lab of LABS) {
    const ofLab = pairs.filter(({ labs = ["uml"] }) => labs.includes(lab));
    if (ofLab.length === 0) continue;
    await using stage = await Stage.open(lab);
    for (const pair of ofLab) measures.push(...(await compare(stage, files, pair)));
  }
  return measures;
}

// --- internal ---

const SIZE = SETTINGS.isQuick ? 50 : 1000;
const SETTLE_S = SETTINGS.isQuick ? 2 : 20;
const MEASURE_S = SETTINGS.isQuick ? 5 : 20;
const REST_S = SETTINGS.isQuick ? 2 : 10;
/** Where few checks are made, what is compiled at first would be most of what is measured. */
const SETTLE_INTERVALS = SETTINGS.isQuick ? 0 : 2;
const [FARM, NODE] = ["10.0.0.2", "10.0.0.20"] as const;
const VS = "10.96.0.1:80";
const SERVERS = farmAddresses(SIZE, 10);
const LVSCARE = `${import.meta.dir}/../../dist/lvscare`;
const WITHIN_MS = 300_000;

/** That the node reads: it sees this machine's files. */
class Files implements Disposable {
  readonly #folder = mkdtempSync(join(tmpdir(), "lvscare-bench-"));
  #count = 0;
  /** Nobody else may be able to write what root runs. */
  readonly program = join(this.#folder, "true");

  constructor() {
    copyFileSync("/bin/true", this.program);
    chmodSync(this.program, 0o755);
  }

  /** Another one each time: what the node has read of a file once, it does not read again. */
  write(text: string): string {
    const path = join(this.#folder, `${++this.#count}.conf`);
    writeFileSync(path, text);
    return path;
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true });
  }
}

const LABS = ["uml", "qemu"] as const;
type LabName = (typeof LABS)[number];

/** As the kernels of their nodes are called among the processes of this machine. */
const KERNELS: Readonly<Record<LabName, string>> = { uml: "linux.uml", qemu: "qemu-system" };

const CARE = {
  address: VS,
  "real-servers": SERVERS,
  mode: "none",
  sysctls: "keep",
  "check-way": false,
};

/** A lab that gets too little of the processors is late, and that is not what is measured. */
const PATIENT = { timeout: "30s", "connect-timeout": "30s" };

/** With no connection kept between checks, as keepalived has none. */
const FRESH = { sentinel: false };

interface Pair {
  readonly what: string;
  /** Of keepalived. */
  readonly peer: string;
  readonly ours: Readonly<Record<string, object>>;
  readonly intervalS: number;
  /** Its checks are counted by the processes that are made. */
  readonly isForked?: boolean;
  readonly goal?: number;
  /** User-mode Linux unless given. */
  readonly labs?: readonly LabName[];
}

const pairsWith = (program: string): readonly Pair[] => [
  { what: "tcp (TCP_CHECK)", peer: "TCP_CHECK { connect_timeout 30 }", intervalS: 5, ours: { "": { type: "tcp" } } },
  {
    what: "http (HTTP_GET)",
    peer: "HTTP_GET { url { path / status_code 200 } connect_timeout 30 }",
    intervalS: 5,
    ours: {
      kept: { type: "http", scheme: "http", path: "/" },
      fresh: { type: "http", scheme: "http", path: "/", "fresh-connection": true },
    },
  },
  {
    what: "https (SSL_GET)",
    peer: "SSL_GET { url { path / status_code 200 } connect_timeout 30 }",
    intervalS: 5,
    ours: {
      kept: { type: "http", path: "/" },
      fresh: { type: "http", path: "/", "fresh-connection": true },
      "kube-apiserver, kept": { type: "kube-apiserver" },
      "type tls": { type: "tls" },
    },
  },
  {
    what: "exec (MISC_CHECK)",
    peer: `MISC_CHECK { misc_path ${program} misc_timeout 15 }`,
    // To start a program takes long there.
    intervalS: 60,
    isForked: true,
    goal: 1.2,
    labs: LABS,
    ours: { "": { type: "exec", command: [program], timeout: "15s" } },
  },
];

async function compare(
  stage: Stage,
  files: Files,
  { what, peer, ours, intervalS, isForked = false, goal = 1 }: Pair,
): Promise<readonly Measure[]> {
  const farm = await stage.farm(/SSL|https|tls/.test(JSON.stringify([peer, ours])));
  const checked = [{ address: VS, realServers: SERVERS, checker: peer }];
  const theirFile = files.write(keepalivedConfiguration(checked, intervalS));
  const theirs = await stage.observe(keepalivedCommand(theirFile), farm, { intervalS, isForked });
  const measures: Measure[] = [];
  for (const [how, probe] of Object.entries(ours)) {
    const more = "fresh-connection" in probe ? FRESH : {};
    const patient = "command" in probe ? probe : { ...probe, ...PATIENT };
    const file = { version: 1, "virtual-servers": [{ ...CARE, ...more, interval: intervalS, probe: patient }] };
    const ownFile = files.write(JSON.stringify(file));
    const own = await stage.observe([LVSCARE, "care", "--config", ownFile], farm, { intervalS, isForked });
    console.log(what, stage.lab, how, "ours", own, "peer", theirs);
    const where = stage.lab === "uml" ? [] : ["in QEMU"];
    measures.push({
      what: `${SIZE} servers: ${[what, how, ...where].filter(Boolean).join(", ")}`,
      unit: "µs of processor time a check",
      ours: own.perCheckUs,
      peer: theirs.perCheckUs,
      goal: `${goal === 1 ? "no more than the peer's" : `${goal} of the peer's`}`,
      isMet: own.perCheckUs <= goal * theirs.perCheckUs,
    });
  }
  await farm.kill();
  return measures;
}

interface Observed {
  readonly perCheckUs: number;
  readonly perSecond: number;
}

/** The servers on a host of this machine, and the daemon that checks them in a node with a kernel of its own, which does nothing else. */
class Stage implements AsyncDisposable {
  readonly lab: LabName;
  readonly #stack: AsyncDisposableStack;
  readonly #servers: Namespace;
  readonly #node: NodeShell;
  /** What the node takes of this machine's processors while no daemon runs, milliseconds a second. */
  readonly #restMsPerSecond: number;

  static async open(lab: LabName): Promise<Stage> {
    await using stack = new AsyncDisposableStack();
    const network = stack.use(await SwitchedNetwork.create());
    const { namespace } = await network.addHost(`${FARM}/24`);
    await namespace.exec("ip", "route", "add", "local", "10.1.0.0/16", "dev", "lo");
    await namespace.exec("sysctl", "-qw", "net.core.somaxconn=4096");
    const node = stack.use(await NodeShell.start(lab, network, NODE, namespace));
    await node.exec("ip", "route", "add", "10.1.0.0/16", "via", FARM);
    for (const module of ["ip_vs", "ip_vs_rr"]) await node.exec("modprobe", module);
    const [beforeMs, startedMs] = [nodeMs(lab), performance.now()];
    await Bun.sleep(REST_S * 1000);
    const restMsPerSecond = (1000 * (nodeMs(lab) - beforeMs)) / (performance.now() - startedMs);
    return new Stage(lab, stack.move(), namespace, node, restMsPerSecond);
  }

  private constructor(
    lab: LabName,
    stack: AsyncDisposableStack,
    servers: Namespace,
    node: NodeShell,
    restMsPerSecond: number,
  ) {
    this.lab = lab;
    [this.#stack, this.#servers, this.#node, this.#restMsPerSecond] = [stack, servers, node, restMsPerSecond];
  }

  farm(tls: boolean): Promise<Farm> {
    return Farm.start({ tls, on: this.#servers });
  }

  async observe(
    command: readonly string[],
    farm: Farm,
    { intervalS, isForked }: Pick<Pair, "intervalS" | "isForked">,
  ): Promise<Observed> {
    const [lab, node] = [this.lab, this.#node];
    await node.exec("ipvsadm", "-C");
    const pid = await node.leave(...command);
    await waitFor(
      () => node.exec("ipvsadm", "-Sn"),
      (rules) => inService(rules) === SIZE,
      { timeoutMs: WITHIN_MS, everyMs: 500 },
    );
    await Bun.sleep(1000 * Math.max(SETTLE_S, SETTLE_INTERVALS * intervalS));
    const count = async (): Promise<number> => (isForked ? forksOn(node) : (await farm.report()).met);
    const [before, beforeMs, startedMs] = [await count(), nodeMs(lab), performance.now()];
    // Each server once at least.
    await Bun.sleep(1000 * Math.max(MEASURE_S, intervalS));
    const [usedMs, seconds] = [nodeMs(lab) - beforeMs, (performance.now() - startedMs) / 1000];
    const checks = (await count()) - before;
    // A daemon that has ended, or checks nobody, must not look cheap.
    if (checks < (SIZE * seconds) / intervalS / 2) throw new Error(`${command.join(" ")} made only ${checks} checks`);
    await node.exec("kill", pid);
    await waitFor(
      () => node.run(["kill", "-0", pid]),
      ({ exitCode }) => exitCode !== 0,
      { timeoutMs: WITHIN_MS, everyMs: 100 },
    );
    return { perCheckUs: (1000 * (usedMs - seconds * this.#restMsPerSecond)) / checks, perSecond: checks / seconds };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stack.disposeAsync();
  }
}

/** Real servers with a weight, of what `ipvsadm -Sn` prints. */
function inService(rules: string): number {
  return rules.matchAll(/^-a .* -w [1-9]/gm).toArray().length;
}

/** Processes and threads that were begun on it so far. */
async function forksOn(node: NodeShell): Promise<number> {
  return Number(/^processes (\d+)$/m.exec(await node.exec("cat", "/proc/stat"))?.[1] ?? 0);
}

/**
 * What the node took of this machine's processors so far: its kernel and its programs are processes here. Its own clock cannot say, because it
 * counts whoever runs when its timer ticks, and a check is much shorter than that.
 */
function nodeMs(lab: LabName): number {
  const kernels = family(process.pid).filter((pid) =>
    readFileSync(`/proc/${pid}/comm`, "latin1").startsWith(KERNELS[lab]),
  );
  return kernels.reduce((sum, pid) => sum + spentMs(pid), 0);
}
