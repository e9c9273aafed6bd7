import { unattendedStatus } from "../../actors/status.ts";
import type { DataPlane } from "../../dataplane/data-plane.ts";
import { openIpvs } from "../../dataplane/ipvs/ipvs-plane.ts";
import { parseEndpoint } from "../../domain/endpoint.ts";
import { countFindings, note, ok, unknown, type DoctorReport, type Finding } from "../../domain/finding.ts";
import { describeElsewhere, type ElsewhereStatus, type VirtualServerStatus } from "../../domain/status.ts";
import {
  formatServiceKey,
  virtualServer,
  type ObservedVirtualServer,
  type VirtualServer,
} from "../../domain/virtual-server.ts";
import { keyOf } from "../../domain/virtual-server-name.ts";
import { interfaceNames, neighbours } from "../culprit.ts";
import { collectStatus } from "../status.ts";
import { askForStatus } from "../daemon-sockets.ts";
import { VERSION } from "../version.ts";
import { readOwnAddresses } from "../../reach/own-addresses.ts";
import { judgeArrangement } from "./arrangement.ts";
import { attempt } from "./attempt.ts";
import { judgeCertificates } from "./certificates.ts";
import { judgeCapability, readCapability } from "./capability.ts";
import { judgeClaimants, readClaimants } from "./claimants.ts";
import { judgeConnections } from "./connections.ts";
import { judgeFirewall, readFirewall } from "./firewall.ts";
import { judgeKernel, readKernel } from "./kernel.ts";
import { judgeKubeProxy, readKubeProxy } from "./kube-proxy.ts";
import { judgeNeighbours, readCommands } from "./neighbours.ts";
import { droppedByReversePath, judgeReversePath, readReversePath } from "./reverse-path.ts";
import { parseProcTable } from "./proc-table.ts";
import { readText } from "./read-text.ts";
import { judgeProbe } from "./probe.ts";
import { judgeReach, judgeWay, readWay } from "./route.ts";
import { judgeServiceRange, readServiceRange } from "./service-range.ts";
import { judgeSettings, readSettings } from "./settings.ts";
import { about, subjectsOf, type DoctorOptions, type Subject } from "./subject.ts";
import { connectionPorts, tryConnections } from "./try-connections.ts";
import { judgeSilence, silentlyChecked, speaksTls } from "./unsaid.ts";

/**
 * Looks at everything that a virtual server needs of this host, and tries it. Changes nothing, except that it makes a
 * virtual server at an unused address and deletes it again, as a daemon does at its start. The kernel may load
 * modules for that.
 */
export async function examineHost(options: DoctorOptions): Promise<DoctorReport> {
  const findings: Finding[] = [];
  const look = async (...examination: Parameters<typeof attempt>): Promise<void> => {
    findings.push(...(await attempt(...examination)));
  };
  let subjects: readonly Subject[] = [];
  let standing: readonly ObservedVirtualServer[] = [];
  await look("daemons", async () => {
    const { told, table, silent, elsewhere } = await readVirtualServers(options);
    subjects = subjectsOf(options, told, table);
    standing = table;
    return [
      ...silent.map((complaint) => unknown("daemons", complaint)),
      ...elsewhere.map((one) => ok("daemons", describeElsewhere(one))),
    ];
  });
  // Even if something could not be read, named virtual servers are examined.
  if (subjects.length === 0) subjects = subjectsOf(options, [], []);
  const mode = options.mode ?? "route";
  const isSpared = subjects.length > 0 && subjects.every(({ plane }) => plane === "userspace");
  const isMasquerading = !isSpared && subjects.some((subject) => (subject.mode ?? mode) === "link");

  await look("capability", () => judgeCapability(readCapability()));
  await look("ipvs", () => examineKernel(options, subjects, isSpared));
  if (!isSpared) await look("sysctl", () => judgeSettings(readSettings(subjects, mode)));
  await look("firewall", async () => judgeFirewall(await readFirewall(isMasquerading)));
  await look("kube-proxy", async () => judgeKubeProxy(await readKubeProxy(neighbours(), interfaceNames()), subjects));
  await look("service range", () => judgeServiceRange(readServiceRange(neighbours(), interfaceNames()), subjects));
  await look("neighbours", () => judgeNeighbours(readCommands(neighbours()), subjects));
  let droppedBefore = 0;
  await look("rp_filter", () => {
    droppedBefore = droppedByReversePath();
    return [];
  });
  for (const subject of subjects) {
    const target = about(subject);
    findings.push(...judgeReach(subject), ...judgeFailOpen(subject), ...judgeLastResort(subject));
    findings.push(...judgeProbe(subject), ...judgeCertificates(subject));
    await look("probe", () => examineSilence(subject), target);
    const servers = subject.realServers.map(({ endpoint }) => endpoint);
    await look("route", () => [judgeWay(readWay(subject.service.endpoint, servers), subject)], target);
    await look("arrangement", () => judgeArrangement(subject, readOwnAddresses(), standing), target);
    // Without a mode the address stays where it is.
    if (subject.mode !== "none") {
      await look("address", async () => judgeClaimants(await readClaimants(subject.service.endpoint), subject), target);
    }
    await look("connection", () => examineConnections(subject), target);
  }
  await look("rp_filter", () => [judgeReversePath(readReversePath(droppedBefore))]);
  return {
    version: VERSION,
    virtualServers: subjects.map(({ service }) => formatServiceKey(service)),
    counts: countFindings(findings),
    findings,
  };
}

// --- internal ---

async function examineSilence(subject: Subject): Promise<Finding[]> {
  const server = silentlyChecked(subject);
  return server === undefined ? [] : judgeSilence(await speaksTls(server, subject), server, subject);
}

interface KnownVirtualServers {
  /** Those that daemons care for, then the rest of the table. */
  readonly told: readonly VirtualServerStatus[];
  readonly table: readonly ObservedVirtualServer[];
  /** Of daemons that do not answer as they should. */
  readonly silent: readonly string[];
  /** In other network namespaces. */
  readonly elsewhere: readonly ElsewhereStatus[];
}

async function readVirtualServers({ virtualServers }: DoctorOptions): Promise<KnownVirtualServers> {
  const answers = await askForStatus(virtualServers);
  const elsewhere = answers.elsewhere.map(({ where }) => where);
  const table = await readTable();
  const cared = answers.told.map(({ answer }) => answer);
  const known = new Set(cared.map(keyOf));
  const others = table.entries.filter(({ service }) => !known.has(formatServiceKey(service)));
  return {
    told: [...cared, ...others.map((one) => unattendedStatus(one, { kind: "ipvs", via: table.via }))],
    table: table.entries,
    silent: answers.complaints,
    elsewhere,
  };
}

/**
 * Over netlink, or else from the file that any user may read. If neither works, the examination of the kernel finds
 * and reports that too.
 */
async function readTable(): Promise<{ readonly entries: readonly ObservedVirtualServer[]; readonly via: string }> {
  let dataPlane: DataPlane | undefined;
  try {
    dataPlane = await openIpvs();
    return { entries: await dataPlane.readAll(), via: dataPlane.via };
  } catch {
    return { entries: parseProcTable(readText(PROC_TABLE) ?? ""), via: PROC_TABLE };
  } finally {
    await dataPlane?.close();
  }
}

const PROC_TABLE = "/proc/self/net/ip_vs";

async function examineKernel(
  { scheduler }: DoctorOptions,
  subjects: readonly Subject[],
  isSpared: boolean,
): Promise<readonly Finding[]> {
  const onKernel = subjects.filter(({ plane }) => plane !== "userspace").map(({ service }) => service);
  const nobodys = virtualServer({ protocol: "tcp", endpoint: NOBODYS }, scheduler ?? "rr");
  const asked: readonly VirtualServer[] = scheduler === undefined && onKernel.length > 0 ? [] : [nobodys];
  const dataPlane = await openIpvs();
  try {
    return judgeKernel(await readKernel(dataPlane, [...onKernel, ...asked], isSpared));
  } finally {
    await dataPlane.close();
  }
}

/** Only its family matters: the test entry gets another address. */
const NOBODYS = parseEndpoint("198.51.100.0:1");

async function examineConnections(subject: Subject): Promise<readonly Finding[]> {
  const { service } = subject;
  if (service.protocol !== "tcp") {
    return [unknown("connection", "only virtual servers of TCP are connected to", about(subject))];
  }
  const counts = async (): Promise<ReadonlyMap<string, number>> => {
    const { virtualServers } = await collectStatus([formatServiceKey(service)]);
    const status = virtualServers.find((one) => keyOf(one) === formatServiceKey(service));
    return new Map(status?.realServers.map(({ address, stats }) => [address, stats?.connections ?? 0]));
  };
  return judgeConnections(subject, await tryConnections(subject, connectionPorts(counts)));
}

function judgeFailOpen(subject: Subject): Finding[] {
  if (subject.daemon?.isFailOpen !== true) return [];
  return [
    note(
      "fail-open",
      "too few real servers are healthy, so health is ignored",
      "`lvscare status` shows why each fails",
      about(subject),
    ),
  ];
}

function judgeLastResort(subject: Subject): Finding[] {
  if (subject.daemon?.isLastResort !== true) return [];
  return [
    note(
      "last resort",
      "no real server is healthy, so those that still accept connections stay in service",
      "`lvscare status` shows why each fails",
      about(subject),
    ),
  ];
}
