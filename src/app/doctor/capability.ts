import { readFileSync } from "node:fs";
import { note, ok, problem, type Finding } from "../../domain/finding.ts";

export interface CapabilityReadings {
  /** As /proc/self/status has it. */
  readonly effective: bigint;
  /** The user namespace of the host, whose root is root everywhere. */
  readonly isHostsUsers: boolean;
}

/** Whether this process may change the network; a daemon started the same way could not do more. */
export function judgeCapability({ effective, isHostsUsers }: CapabilityReadings): Finding[] {
  const users = isHostsUsers
    ? []
    : [
        note(
          "user-namespace",
          "this process is in a user namespace of its own, whose root the kernel does not let change IPVS",
          "run on the host, or the container with the host's users (docker: `--userns=host`)",
        ),
      ];
  if ((effective & CAP_NET_ADMIN) !== 0n) return [ok("capability", "this process has CAP_NET_ADMIN"), ...users];
  return [
    problem(
      "capability",
      "without CAP_NET_ADMIN neither IPVS nor routes, addresses and firewall rules can be changed, and some cannot be looked at",
      "run `sudo lvscare doctor`; a container needs `--cap-add NET_ADMIN`",
    ),
    ...users,
  ];
}

export function readCapability(
  status = readFileSync("/proc/self/status", "utf8"),
  users = readFileSync("/proc/self/uid_map", "utf8"),
): CapabilityReadings {
  const [, effective] = /^CapEff:\s*([\da-f]+)$/m.exec(status) ?? [];
  if (effective === undefined) throw new Error("/proc/self/status tells no capabilities");
  return { effective: BigInt(`0x${effective}`), isHostsUsers: /^\s*0\s+0\s+4294967295\s*$/.test(users) };
}

/** As far as its capabilities say. */
export function mayChangeNetwork(): boolean {
  return (readCapability().effective & CAP_NET_ADMIN) !== 0n;
}

// --- internal ---

/** linux/capability.h */
const CAP_NET_ADMIN = 1n << 12n;
