import { readFileSync } from "node:fs";
import { release } from "node:os";
import { join } from "node:path";
import type { Family } from "../domain/endpoint.ts";
import type { HostObject } from "./host-object.ts";
import { HostView } from "./host-view.ts";
import { parseVersion } from "./kernel-version.ts";
import { sysctl } from "./sysctl.ts";

export interface SysctlTableOptions {
  readonly mode: "route" | "link" | "none";
  readonly strictArp: boolean;
  readonly family: Family;
  /** `6.1.0-56-amd64` */
  readonly kernelRelease?: string;
  readonly root?: string;
  readonly view?: HostView;
  readonly ipv6RoutesFile?: string;
}

/** The kernel settings that a mode wants. */
export function sysctls(options: SysctlTableOptions): HostObject[] {
  const { root = "/proc/sys", view = new HostView() } = options;
  return sysctlRows(options).map(({ name, wanted, why, needed }) =>
    // What only makes failures milder must not keep a process with few rights from its work, nor an older kernel.
    sysctl(name, wanted, why, { root, view, tolerates: needed === true ? [] : ["NOT_PERMITTED", "NOT_SUPPORTED"] }),
  );
}

/** The same as a table. */
export function sysctlRows({
  mode,
  strictArp,
  family,
  kernelRelease = release(),
  ipv6RoutesFile = "/proc/net/ipv6_route",
}: Omit<SysctlTableOptions, "root" | "view">): readonly SysctlRow[] {
  const version = parseVersion(kernelRelease);
  const rows = [...IPVS_ROWS, ...(mode === "link" ? linkRows(family, strictArp, ipv6RoutesFile) : NO_LINK_ROWS)];
  return rows.filter(({ from = 0, before = Number.POSITIVE_INFINITY }) => version >= from && version < before);
}

export interface SysctlRow {
  /** Its path below /proc/sys. */
  readonly name: string;
  readonly wanted: string;
  /** Its purpose, to follow "so that". */
  readonly why: string;
  /** The mode cannot work without it. */
  readonly needed?: true;
}

/** Where to look for changes of them. */
export const SYSCTL_FOLDERS: readonly string[] = [
  "net/ipv4/vs",
  "net/ipv4",
  "net/ipv4/conf/all",
  "net/ipv6/conf/all",
].map((folder) => join("/proc/sys", folder));

// --- internal ---

interface Row extends SysctlRow {
  /** Of kernel versions, as `parseVersion` gives them. */
  readonly from?: number;
  readonly before?: number;
}

/**
 * From 5.9 on, a port that a client reuses neither waits until its old connection is forgotten nor ends at a server
 * that is gone.
 */
const REUSE_WORKS = parseVersion("5.9");

const IPVS_ROWS: readonly Row[] = [
  {
    name: "net/ipv4/vs/expire_nodest_conn",
    wanted: "1",
    why: "connections to a removed server end instead of hanging",
  },
  {
    name: "net/ipv4/vs/expire_quiescent_template",
    wanted: "1",
    why: "persistent clients leave a server that is drained",
  },
  {
    // Others set it to 0 because of older kernels.
    name: "net/ipv4/vs/conn_reuse_mode",
    wanted: "1",
    why: "a client that uses a port again gets a server that is there",
    from: REUSE_WORKS,
  },
];

const NO_LINK_ROWS: readonly Row[] = [
  {
    // In link mode the virtual address is on this host itself, and its TCP stack resets packets that belong to no
    // connection. Elsewhere the rest of an expired connection would leave for a gateway that never answers, and the
    // client would wait for a quarter of an hour.
    name: "net/ipv4/vs/sloppy_tcp",
    wanted: "1",
    why: "the rest of an expired connection reaches another server, which resets it",
  },
];

const LINK_ROWS: readonly Row[] = [
  {
    name: "net/ipv4/vs/conntrack",
    wanted: "1",
    why: "connections through IPVS can be masqueraded",
    needed: true,
  },
  {
    // Together with conntrack, 1 loses the first packet of a connection from a port that is used again: a second's delay.
    name: "net/ipv4/vs/conn_reuse_mode",
    wanted: "0",
    why: "a client that uses a port again does not wait for a second",
    before: REUSE_WORKS,
  },
];

/**
 * A host answers ARP for its dummy interface's address on every other interface too. The dummy's own settings would
 * not help, because those of the asked interface count. Those of `all` break ARP for containers whose host has no
 * address on its end of the cable: Kubernetes once made that its default and had to take it back. So only users who
 * ask for it get it, because hosts share the virtual address's network. IPv6 has nothing of the kind.
 */
const STRICT_ARP_ROWS: readonly Row[] = [
  {
    name: "net/ipv4/conf/all/arp_ignore",
    wanted: "1",
    why: "no other link answers for the virtual address",
    needed: true,
  },
  {
    name: "net/ipv4/conf/all/arp_announce",
    wanted: "2",
    why: "neighbours do not learn the virtual address from this host's own questions",
    needed: true,
  },
];

function linkRows(family: Family, strictArp: boolean, ipv6RoutesFile: string): readonly Row[] {
  if (family === "ipv6") return [...LINK_ROWS, ...ipv6ForwardingRows(ipv6RoutesFile)];
  return [...LINK_ROWS, ...IPV4_FORWARDING_ROWS, ...(strictArp ? STRICT_ARP_ROWS : [])];
}

const ANSWERS = "the answers to clients that are not this host itself find their way back";

const IPV4_FORWARDING_ROWS: readonly Row[] = [{ name: "net/ipv4/ip_forward", wanted: "1", why: ANSWERS, needed: true }];

function ipv6ForwardingRows(routesFile: string): readonly Row[] {
  return [
    // With `accept_ra` as it usually is, a host that begins to forward drops the default routes that routers announced to it.
    ...linksWithAnnouncedDefaultRoute(routesFile).map((link) => ({
      name: `net/ipv6/conf/${link}/accept_ra`,
      wanted: "2",
      why: "the host keeps the default route that a router announced",
      needed: true as const,
    })),
    { name: "net/ipv6/conf/all/forwarding", wanted: "1", why: ANSWERS, needed: true },
  ];
}

/** linux/ipv6_route.h, linux/route.h: RTF_DEFAULT and RTF_ADDRCONF. */
const ANNOUNCED_DEFAULT = 0x0005_0000;

/** Lines of `destination prefix source prefix gateway metric references uses flags link`, numbers in hexadecimal. */
function linksWithAnnouncedDefaultRoute(routesFile: string): string[] {
  const lines = readFileSync(routesFile, "utf8").trim().split("\n");
  const links = lines.map((line) => {
    const [, , , , , , , , flags = "", link = ""] = line.trim().split(/ +/);
    return (Number.parseInt(flags, 16) & ANNOUNCED_DEFAULT) === ANNOUNCED_DEFAULT ? link : "";
  });
  return [...new Set(links)].filter((link) => link !== "");
}
