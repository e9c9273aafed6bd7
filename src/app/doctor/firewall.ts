import { describeError, LvscareError } from "../../domain/errors.ts";
import { note, ok, problem, unknown, type Finding } from "../../domain/finding.ts";
import { runProgram } from "../../reach/link/run-program.ts";
import { hasNftables } from "../../reach/link/nft-rules.ts";
import { readText } from "./read-text.ts";

export interface FirewallReadings {
  /** Whether the kernel answers; or why that is not known. */
  readonly nftables: boolean | { readonly unknownBecause: string };
  /** What `iptables --version` prints; undefined when there is none. */
  readonly iptables: string | undefined;
  /** Tables of the kernel's older packet filter in this network namespace: `nat`, `filter`. */
  readonly legacyTables: readonly string[];
  /** Link mode masquerades, and so needs one of the two. */
  readonly isNeeded: boolean;
}

/** Whether link mode can masquerade, and whether two packet filters are at work. */
export function judgeFirewall({ nftables, iptables, legacyTables, isNeeded }: FirewallReadings): Finding[] {
  const findings = [judgeNftables(nftables, iptables, isNeeded), judgeIptables(iptables)];
  if (legacyTables.length === 0) return findings;
  // The tables come with the module, with or without rules. An iptables that does not show them makes them easy to
  // overlook.
  const isOverlooked = nftables === true && !(iptables ?? "").includes("legacy");
  const shown = `the kernel's legacy tables are in use: ${legacyTables.join(", ")}`;
  return [
    ...findings,
    isOverlooked
      ? note(
          "legacy-tables",
          `${shown}; packets pass them besides nftables, and neither \`nft\` nor \`iptables\` shows their rules`,
          "`iptables-legacy-save` shows them; move them to nftables",
        )
      : ok("legacy-tables", shown),
  ];
}

export async function readFirewall(isNeeded: boolean): Promise<FirewallReadings> {
  const tables = ["ip_tables_names", "ip6_tables_names"].flatMap((name) =>
    (readText(`/proc/self/net/${name}`) ?? "").split("\n").map((line) => line.trim()),
  );
  return {
    nftables: askNftables(),
    iptables: await askIptables(),
    legacyTables: [...new Set(tables)].filter((name) => name !== ""),
    isNeeded,
  };
}

// --- internal ---

function judgeNftables(
  nftables: FirewallReadings["nftables"],
  iptables: string | undefined,
  isNeeded: boolean,
): Finding {
  if (nftables === true) return ok("nftables", "the kernel has nftables, and answers over netlink");
  if (nftables !== false) return unknown("nftables", nftables.unknownBecause);
  const load = "`modprobe nf_tables` on the host";
  if (iptables !== undefined) {
    return note("nftables", "the kernel has no nftables; link mode would masquerade through iptables", load);
  }
  if (isNeeded) {
    return problem(
      "nftables",
      "the kernel has no nftables and there is no iptables: link mode cannot masquerade",
      load,
    );
  }
  return note("nftables", "the kernel has no nftables and there is no iptables; only link mode would need one", load);
}

function judgeIptables(version: string | undefined): Finding {
  if (version === undefined) return ok("iptables", "there is none, and none is needed where the kernel has nftables");
  // Before 1.8 there was only the one back end.
  const backend = /\((nf_tables|legacy)\)/.exec(version)?.[1] ?? "legacy";
  return ok("iptables", `${version.replace(/ *\(.*/, "")}, back end ${backend}`);
}

function askNftables(): FirewallReadings["nftables"] {
  try {
    return hasNftables();
  } catch (error) {
    const isRefused = error instanceof LvscareError && error.code === "NOT_PERMITTED";
    return {
      unknownBecause: isRefused ? "this process may not ask" : `the kernel cannot be asked: ${describeError(error)}`,
    };
  }
}

async function askIptables(): Promise<string | undefined> {
  const ended = await runProgram(["iptables", "--version"], undefined, ASK_TIMEOUT_MS);
  if (ended === undefined) return undefined;
  if (ended.exitCode === 0) return ended.stdout.trim();
  throw new Error(`\`iptables --version\` fails with ${ended.exitCode}: ${ended.stderr.trim()}`);
}

const ASK_TIMEOUT_MS = 3000;
