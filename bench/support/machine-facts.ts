import { cpus, release, totalmem } from "node:os";
import { join } from "node:path";

/** On what a bench ran: numbers mean little without it. */
export interface MachineFacts extends Omit<SystemFacts, "programs"> {
  /** The lab, or `here` for this machine itself. */
  readonly where: string;
  readonly processors: number;
  /** Of the processors that there really are, also where a lab emulates others. */
  readonly model: string;
  readonly bun: string;
  readonly commit: string;
  /** Versions of the programs compared with. */
  readonly peers: Readonly<Record<string, string>>;
}

/** What a bench sees of the system that it runs in. */
export interface SystemFacts {
  readonly memoryGib: number;
  readonly kernel: string;
  readonly programs: Readonly<Record<string, string>>;
}

export function systemFacts(): SystemFacts {
  return {
    memoryGib: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    programs: Object.fromEntries(Object.entries(ASK).map(([program, flag]) => [program, versionOf(program, flag)])),
  };
}

export function machineFacts(
  where: string,
  peers: readonly string[],
  { memoryGib, kernel, programs }: SystemFacts,
): MachineFacts {
  const [first] = cpus();
  return {
    where,
    processors: cpus().length,
    model: first?.model.trim() ?? "unknown",
    memoryGib,
    kernel,
    bun: Bun.version,
    commit: commit(),
    peers: Object.fromEntries(peers.map((peer) => [peer, programs[peer] ?? "unknown"])),
  };
}

// --- internal ---

/** How each program is asked for its version. */
const ASK: Readonly<Record<string, string>> = { keepalived: "--version", haproxy: "-v", ipvsadm: "--version" };

/** By the line that it names itself in: others may tell what it misses. */
function versionOf(program: string, flag: string): string {
  const line = new RegExp(`^${program}\\b.*?\\bv?(\\d+\\.\\d[\\w.-]*)`, "im");
  return line.exec(textOf([program, flag]))?.[1] ?? "unknown";
}

function commit(): string {
  const name = textOf(["git", "rev-parse", "--short", "HEAD"]).trim() || "unknown";
  // What benches of the same run have written is no change of what they measure.
  const changes = textOf(["git", "status", "--porcelain", "--", ":/", ":!results", ":!RESULTS.md"]);
  return changes === "" ? name : `${name} with changes`;
}

function textOf(command: readonly string[]): string {
  try {
    const { stdout, stderr } = Bun.spawnSync([...command], { cwd: join(import.meta.dir, "..") });
    return `${stdout.toString()}${stderr.toString()}`;
  } catch {
    // It is not installed.
    return "";
  }
}
