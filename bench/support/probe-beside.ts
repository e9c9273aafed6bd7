import { chmodSync, copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { Farm, farmAddresses } from "./farm.ts";
import { tableReader, timeUntil } from "./ipvs-table.ts";
import { keepalivedCommand, keepalivedConfiguration } from "./keepalived.ts";
import type { Measure } from "./measures.ts";
import { familyMs, family } from "./process-cost.ts";
import { SETTINGS } from "./settings.ts";

/** What a check costs in a daemon with a thousand servers, beside what keepalived has for it: needs IPVS. */
export async function besideKeepalived(): Promise<Measure[]> {
  const measures: Measure[] = [];
  for (const { what, peer, ours, intervalS = 5, isForked = false, goal = 1 } of PAIRS) {
    if (!what.includes(SETTINGS.only ?? "")) continue;
    await using farm = await Farming.start(/SSL|https|tls/.test(JSON.stringify([peer, ours])));
    const timing = { isForked, farm, intervalS };
    writeFileSync(
      KEEPALIVED,
      keepalivedConfiguration([{ address: VS, realServers: SERVERS, checker: peer }], intervalS),
    );
    const theirs = await observe(keepalivedCommand(KEEPALIVED), timing);
    for (const [how, probe] of Object.entries(ours)) {
      const more = "fresh-connection" in probe ? FRESH : {};
      const patient = "command" in probe ? probe : { ...probe, ...PATIENT };
      const file = { version: 1, "virtual-servers": [{ ...CARE, ...more, interval: intervalS, probe: patient }] };
      writeFileSync(CONFIG, JSON.stringify(file));
      const own = await observe([LVSCARE, "care", "--config", CONFIG], timing);
      console.log(what, how, "ours", own, "peer", theirs);
      measures.push({
        what: `${SIZE} servers: ${what}${how === "" ? "" : `, ${how}`}`,
        unit: "µs of processor time a check",
        ours: own.perCheckUs,
        peer: theirs.perCheckUs,
        goal: `${goal === 1 ? "no more than the peer's" : `${goal} of the peer's`}`,
        isMet: own.perCheckUs <= goal * theirs.perCheckUs,
      });
    }
  }
  return measures;
}

// --- internal ---

const SIZE = SETTINGS.isQuick ? 50 : 1000;
const SETTLE_S = SETTINGS.isQuick ? 2 : 8;
const MEASURE_S = SETTINGS.isQuick ? 5 : 10;
/** Where few checks are made, what is compiled at first would be most of what is measured. */
const SETTLE_INTERVALS = SETTINGS.isQuick ? 0 : 2;
const VS = "10.0.0.1:80";
const SERVERS = farmAddresses(SIZE);
const KEEPALIVED = "/tmp/keepalived.conf";
const CONFIG = "/tmp/bench-probe.json";
const LVSCARE = `${import.meta.dir}/../../dist/lvscare`;
/** Nobody else may be able to write what root runs. */
const PROGRAM = "/tmp/bench-true";
const LOG = "/tmp/bench-probe.log";
const WITHIN_MS = 300_000;

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
  readonly intervalS?: number;
  /** Its checks are counted by the processes that are made. */
  readonly isForked?: boolean;
  readonly goal?: number;
}

const PAIRS: readonly Pair[] = [
  { what: "tcp (TCP_CHECK)", peer: "TCP_CHECK { connect_timeout 30 }", ours: { "": { type: "tcp" } } },
  {
    what: "http (HTTP_GET)",
    peer: "HTTP_GET { url { path / status_code 200 } connect_timeout 30 }",
    ours: {
      kept: { type: "http", scheme: "http", path: "/" },
      fresh: { type: "http", scheme: "http", path: "/", "fresh-connection": true },
    },
  },
  {
    what: "https (SSL_GET)",
    peer: "SSL_GET { url { path / status_code 200 } connect_timeout 30 }",
    // A thousand handshakes take ten seconds of such a processor.
    intervalS: 20,
    ours: {
      kept: { type: "http", path: "/" },
      fresh: { type: "http", path: "/", "fresh-connection": true },
      "kube-apiserver, kept": { type: "kube-apiserver" },
      "type tls": { type: "tls" },
    },
  },
  {
    what: "exec (MISC_CHECK)",
    peer: `MISC_CHECK { misc_path ${PROGRAM} misc_timeout 15 }`,
    intervalS: 20,
    isForked: true,
    goal: 1.2,
    ours: { "": { type: "exec", command: [PROGRAM], timeout: "15s" } },
  },
];

interface Timing {
  readonly isForked: boolean;
  readonly farm: Farming;
  readonly intervalS: number;
}

interface Observed {
  readonly perCheckUs: number;
  readonly perSecond: number;
}

async function observe(command: readonly string[], { isForked, farm, intervalS }: Timing): Promise<Observed> {
  Bun.spawnSync(["ipvsadm", "-C"]);
  const child = Bun.spawn([...command], {
    stdin: "ignore",
    stdout: "ignore",
    stderr: Bun.file(LOG),
  });
  await timeUntil(
    tableReader(),
    (weights) => [...weights.values()].filter((one) => one > 0).length === SIZE,
    WITHIN_MS,
  );
  await Bun.sleep(1000 * Math.max(SETTLE_S, SETTLE_INTERVALS * intervalS));
  const count = isForked ? forks : farm.count;
  const [beforeMs, before, startedMs] = [familyMs(child.pid), await count(), performance.now()];
  // Each server once at least.
  await Bun.sleep(1000 * Math.max(MEASURE_S, intervalS));
  const [usedMs, checks] = [familyMs(child.pid) - beforeMs, (await count()) - before];
  const seconds = (performance.now() - startedMs) / 1000;
  const all = family(child.pid);
  child.kill();
  await child.exited;
  for (const pid of all) await ended(pid);
  return { perCheckUs: (1000 * usedMs) / checks, perSecond: checks / seconds };
}

/** The servers, and how many checks they met: connections that were opened, or requests where those are kept. */
class Farming implements AsyncDisposable {
  readonly #farm: Farm;

  static async start(tls: boolean): Promise<Farming> {
    copyFileSync("/bin/true", PROGRAM);
    chmodSync(PROGRAM, 0o755);
    return new Farming(await Farm.start({ tls }));
  }

  private constructor(farm: Farm) {
    this.#farm = farm;
  }

  readonly count = async (): Promise<number> => {
    const { met } = await this.#farm.report();
    return met;
  };

  [Symbol.asyncDispose](): Promise<void> {
    return this.#farm.kill();
  }
}

/** Processes and threads that were begun on this host so far. */
async function forks(): Promise<number> {
  return Number(/^processes (\d+)$/m.exec(readFileSync("/proc/stat", "latin1"))?.[1] ?? 0);
}

async function ended(pid: number): Promise<void> {
  for (;;) {
    try {
      process.kill(pid, 0);
    } catch {
      return;
    }
    await Bun.sleep(10);
  }
}
