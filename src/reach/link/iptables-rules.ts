import { readFileSync } from "node:fs";
import { hostCidr, type Family } from "../../domain/endpoint.ts";
import { LvscareError } from "../../domain/errors.ts";
import { formatServiceKey } from "../../domain/virtual-server.ts";
import type { FirewallRules, MasqueradeOptions } from "./firewall-rules.ts";
import type { Turns } from "./turns.ts";

/** Runs a program to its end; undefined when there is no such program. */
export type RunProgram = (argv: readonly string[]) => Promise<ProgramEnd | undefined>;

export interface ProgramEnd {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * The same rules as for nftables, for kernels without it: in the chains LVSCARE-SERVICES and LVSCARE-POSTROUTING of
 * the nat table, which all virtual servers share and the last one removes. Iptables knows no "unless it is there": all
 * of a process take turns, or two at once would both add what they both found missing.
 */
export function iptablesRules(
  { service, bit }: MasqueradeOptions,
  turns: Turns,
  run: RunProgram = (argv) => runProgram(argv),
): FirewallRules {
  const { endpoint, protocol } = service;
  const programs = endpoint.family === "ipv6" ? IP6TABLES : IPTABLES;
  const key = formatServiceKey(service);
  const comment = `${key} bit ${bit}`;
  const mark = `0x${(2 ** bit).toString(16)}`;
  const noted = ["-m", "comment", "--comment", comment];
  const host = hostCidr(endpoint);
  const to = ["-p", protocol, "-d", host, "-m", protocol, "--dport", String(endpoint.port)];
  const wanted: readonly Rule[] = [
    { chain: SERVICES, spec: [...to, ...noted, "-j", "MARK", "--set-xmark", `${mark}/${mark}`] },
    {
      chain: POSTROUTING,
      spec: ["-m", "mark", "--mark", `${mark}/${mark}`, ...noted, "-j", "MASQUERADE", RANDOM_PORTS],
    },
  ];
  const iptables = new Iptables(programs, run);

  const ours = async (): Promise<readonly ListedRule[]> =>
    (await iptables.list()).filter((rule) => rule.comment?.startsWith(`${key} `) === true);
  const isComplete = (rules: readonly ListedRule[]): boolean =>
    rules.length === wanted.length &&
    wanted.every(({ chain }) => rules.some((rule) => rule.chain === chain && rule.comment === comment));

  return {
    async inspect() {
      const rules = await ours();
      if (isComplete(rules) && (await iptables.hasJumps())) return undefined;
      return rules.length === 0 ? "missing" : "is not as it should be";
    },
    establish: () =>
      turns.take(async () => {
        await iptables.ensureChains();
        const rules = await ours();
        if (isComplete(rules)) return;
        for (const rule of wanted) await iptables.append(rule);
        for (const rule of rules) await iptables.must(["-D", rule.chain, ...rule.spec]);
      }),
    remove: () =>
      turns.take(async () => {
        if (!(await iptables.isUsable())) return false;
        const rules = await ours();
        for (const rule of rules) await iptables.must(["-D", rule.chain, ...rule.spec]);
        // Also when another program emptied the chains and left them.
        const isLast = (await iptables.list()).length === 0;
        if (isLast) await iptables.dropChains();
        return isLast || rules.length > 0;
      }),
    // Asking for a table that is not there yet would load it.
    hasAny: async () => hasNatTable(endpoint.family) && (await iptables.isUsable()) && (await ours()).length > 0,
  };
}

// --- internal ---

interface Rule {
  readonly chain: string;
  readonly spec: readonly string[];
}

interface ListedRule extends Rule {
  readonly comment: string | undefined;
}

const SERVICES = "LVSCARE-SERVICES";
const POSTROUTING = "LVSCARE-POSTROUTING";

const JUMPS = [
  { from: "PREROUTING", to: SERVICES },
  { from: "OUTPUT", to: SERVICES },
  { from: "POSTROUTING", to: POSTROUTING },
] as const;

/** So that two connections do not choose one port at the same moment. */
const RANDOM_PORTS = "--random-fully";

/** The kernel's own first: where there is no nftables, the iptables that is made of it does not work either. */
const IPTABLES = ["iptables-legacy", "iptables"];
const IP6TABLES = ["ip6tables-legacy", "ip6tables"];

/** For iptables to get its lock, which another process may have, and to do its work. */
const LOCK_S = 5;
const TIMEOUT_MS = 15_000;

/** Of the kernel's iptables. */
function hasNatTable(family: Family): boolean {
  const path = family === "ipv6" ? "/proc/net/ip6_tables_names" : "/proc/net/ip_tables_names";
  try {
    return readFileSync(path, "utf8").split("\n").includes("nat");
  } catch {
    return false;
  }
}

class Iptables {
  readonly #programs: readonly string[];
  readonly #run: RunProgram;

  constructor(programs: readonly string[], run: RunProgram) {
    this.#programs = programs;
    this.#run = run;
  }

  /** Whether there is an iptables, and our chains or rules could be in it. */
  async isUsable(): Promise<boolean> {
    const ended = await this.#call(["-S", SERVICES]);
    return ended !== undefined && ended.exitCode === 0;
  }

  async list(): Promise<readonly ListedRule[]> {
    const chains = await Promise.all(
      [SERVICES, POSTROUTING].map(async (chain) => {
        const ended = await this.#call(["-S", chain]);
        if (ended === undefined) throw missing(this.#programs);
        return ended.exitCode === 0 ? ended.stdout.split("\n") : [];
      }),
    );
    return chains.flat().flatMap(readRule);
  }

  async hasJumps(): Promise<boolean> {
    for (const { from, to } of JUMPS) {
      if ((await this.#call(["-C", from, "-j", to]))?.exitCode !== 0) return false;
    }
    return true;
  }

  async ensureChains(): Promise<void> {
    // A chain that is there already is as good, also when another process was quicker.
    for (const chain of [SERVICES, POSTROUTING]) {
      const isThere = async (): Promise<boolean> => (await this.#call(["-S", chain]))?.exitCode === 0;
      if (await isThere()) continue;
      const made = await this.#call(["-N", chain]);
      if (made?.exitCode !== 0 && !(await isThere())) await this.must(["-N", chain]);
    }
    for (const { from, to } of JUMPS) {
      if ((await this.#call(["-C", from, "-j", to]))?.exitCode !== 0) await this.must(["-A", from, "-j", to]);
    }
  }

  async dropChains(): Promise<void> {
    for (const { from, to } of JUMPS) await this.#call(["-D", from, "-j", to]);
    for (const chain of [SERVICES, POSTROUTING]) await this.#call(["-X", chain]);
  }

  async append({ chain, spec }: Rule): Promise<void> {
    const ended = await this.#call(["-A", chain, ...spec]);
    if (ended?.exitCode === 0) return;
    // Before 1.6.2 it knows no such option: better some of the time than not at all.
    await this.must(["-A", chain, ...spec.filter((word) => word !== RANDOM_PORTS)]);
  }

  async must(argv: readonly string[]): Promise<void> {
    const ended = await this.#call(argv);
    if (ended === undefined) throw missing(this.#programs);
    if (ended.exitCode === 0) return;
    const said = ended.stderr.trim().split("\n")[0] ?? "";
    throw new LvscareError("KERNEL_REFUSED", said || `exit code ${ended.exitCode}`, {
      operation: `iptables -t nat ${argv.join(" ")}`,
      remedy: "load nf_tables, which needs no iptables, or see to it that iptables works",
    });
  }

  async #call(argv: readonly string[]): Promise<ProgramEnd | undefined> {
    for (const program of this.#programs) {
      const ended = await this.#run([program, "-w", String(LOCK_S), "-t", "nat", ...argv]);
      if (ended !== undefined) return ended;
    }
    return undefined;
  }
}

/** A line of `iptables -S`, with the arguments that make the rule again. */
function readRule(line: string): ListedRule[] {
  const words = [...line.matchAll(/"((?:[^"\\]|\\.)*)"|(\S+)/g)].map(([, quoted, bare]) =>
    quoted === undefined ? (bare ?? "") : quoted.replaceAll(/\\(.)/g, "$1"),
  );
  const [verb, chain, ...spec] = words;
  if (verb !== "-A" || chain === undefined) return [];
  const at = spec.indexOf("--comment");
  return [{ chain, spec, comment: at === -1 ? undefined : spec[at + 1] }];
}

function missing(programs: readonly string[]): LvscareError {
  return new LvscareError("KERNEL_REFUSED", `this kernel has no nftables, and this host has no ${programs.at(-1)}`, {
    operation: "set up masquerading",
    remedy: "modprobe nf_tables, or install iptables",
  });
}

/** `timeoutMs` ends it with a signal, which does not count as exit code 0. */
export async function runProgram(argv: readonly string[], timeoutMs = TIMEOUT_MS): Promise<ProgramEnd | undefined> {
  const [program = "", ...rest] = argv;
  const path = Bun.which(program, { PATH: `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin` });
  if (path === null) return undefined;
  const child = Bun.spawn([path, ...rest], { stdin: "ignore", stdout: "pipe", stderr: "pipe", timeout: timeoutMs });
  const [stdout, stderr, exitCode] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return { exitCode, stdout, stderr };
}
