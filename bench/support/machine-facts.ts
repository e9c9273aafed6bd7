import { cpus, release, totalmem } from "node:os";

/** On what a bench ran: numbers mean little without it. */
export interface MachineFacts {
  readonly where: "vm" | "here";
  readonly processors: number;
  readonly model: string;
  readonly memoryGib: number;
  readonly kernel: string;
  readonly bun: string;
  readonly commit: string;
  /** Versions of the programs compared with. */
  readonly peers: Readonly<Record<string, string>>;
}

export function machineFacts(where: "vm" | "here", peers: readonly string[]): MachineFacts {
  const [first] = cpus();
  return {
    where,
    processors: cpus().length,
    model: first?.model.trim() ?? "unknown",
    memoryGib: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    bun: Bun.version,
    commit: textOf(["git", "rev-parse", "--short", "HEAD"]).trim() || "unknown",
    peers: Object.fromEntries(peers.map((peer) => [peer, versionOf(peer)])),
  };
}

// --- internal ---

const ASK: Readonly<Record<string, readonly string[]>> = {
  keepalived: ["keepalived", "--version"],
  haproxy: ["haproxy", "-v"],
  ipvsadm: ["ipvsadm", "--version"],
};

function versionOf(peer: string): string {
  return /\bv?(\d+\.\d[\w.-]*)/.exec(textOf(ASK[peer] ?? [peer, "--version"]))?.[1] ?? "unknown";
}

function textOf(command: readonly string[]): string {
  try {
    const { stdout, stderr } = Bun.spawnSync([...command], { cwd: import.meta.dir });
    return `${stdout.toString()}${stderr.toString()}`;
  } catch {
    // It is not installed.
    return "";
  }
}
