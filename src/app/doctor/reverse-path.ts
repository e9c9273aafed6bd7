import { readFileSync, readdirSync } from "node:fs";
import { note, ok, problem, type Finding } from "../../domain/finding.ts";
import { readText } from "./read-text.ts";

export interface ReversePathReadings {
  /** `net.ipv4.conf.all.rp_filter`; the greater of this and an interface's own counts. */
  readonly all: number;
  readonly interfaces: readonly { readonly name: string; readonly value: number }[];
  /** Packets that it dropped while connections were tried. */
  readonly dropped: number;
}

/**
 * In strict mode (1) the kernel drops a packet that arrives on another interface than the one that leads back to its
 * source. So a real server's answer never arrives if its way differs from the way to the server. Loose mode (2) only
 * needs some way back. IPv4 only.
 */
export function judgeReversePath({ all, interfaces, dropped }: ReversePathReadings): Finding {
  const strict = interfaces.filter(({ value }) => Math.max(all, value) === STRICT).map(({ name }) => name);
  if (dropped > 0) {
    const where = strict.length === 0 ? "" : ` (strict on ${list(strict)})`;
    return problem(
      "rp_filter",
      `the reverse-path filter dropped ${dropped} packets while connections were tried${where}`,
      REMEDY,
    );
  }
  // With one way out of this host every answer comes in by it.
  if (strict.length === 0 || interfaces.length < 2) return ok("rp_filter", "no strict filter is in the way of answers");
  return note(
    "rp_filter",
    `strict on ${list(strict)}: answers of a real server that come in by another interface than the one that leads to it are dropped`,
    REMEDY,
  );
}

export function readReversePath(droppedBefore: number, folder = "/proc/sys/net/ipv4/conf"): ReversePathReadings {
  const valueOf = (name: string): number => Number(readText(`${folder}/${name}/rp_filter`) ?? 0);
  const names = readdirSync(folder).filter((name) => !["all", "default", "lo"].includes(name));
  return {
    all: valueOf("all"),
    interfaces: names.map((name) => ({ name, value: valueOf(name) })),
    dropped: droppedByReversePath() - droppedBefore,
  };
}

/** Since this network namespace began: `IPReversePathFilter`, whose column is given by the line before. */
export function droppedByReversePath(netstat = readFileSync("/proc/self/net/netstat", "utf8")): number {
  const lines = netstat.split("\n").map((line) => line.trim().split(/\s+/));
  const heading = lines.findIndex((words) => words.includes("IPReversePathFilter"));
  const at = lines[heading]?.indexOf("IPReversePathFilter") ?? -1;
  return Number(lines[heading + 1]?.[at] ?? 0);
}

// --- internal ---

const STRICT = 1;
const REMEDY = "`sysctl -w net.ipv4.conf.all.rp_filter=2` makes it loose everywhere";
const MOST_NAMES = 5;

function list(names: readonly string[]): string {
  const more = names.length - MOST_NAMES;
  return `${names.slice(0, MOST_NAMES).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}
