import { cidrContains } from "../../domain/cidr.ts";
import { addressBytes, type Endpoint } from "../../domain/endpoint.ts";
import { note, ok, problem, type Finding } from "../../domain/finding.ts";
import { decodeLink, getLinks } from "../../netlink/route/links.ts";
import { connected, openHostNetwork, readAddresses, readTable } from "../../reach/host-network.ts";
import type { HostProcess } from "../culprit.ts";
import { flagValues } from "./kube-proxy-config.ts";
import { readText } from "./read-text.ts";
import { about, type Subject } from "./subject.ts";

type Address = Omit<Endpoint, "port">;

export interface ServiceRangeReadings {
  /** Networks of which the API server that runs here gives addresses to services; empty where none runs here. */
  readonly ranges: readonly string[];
  /** Addresses that kube-proxy has in IPVS mode, one of each service. */
  readonly services: readonly Address[];
}

/**
 * Whether the cluster gives, or could give, the virtual address to one of its services, whose kube-proxy would take it
 * over on every node. Nothing is said where this host does not tell which addresses those are.
 */
export function judgeServiceRange(readings: ServiceRangeReadings, subjects: readonly Subject[]): Finding[] {
  const { ranges, services } = readings;
  return subjects.flatMap((subject): Finding[] => {
    const { endpoint } = subject.service;
    if (services.some(({ address }) => address === endpoint.address))
      return [
        problem(
          CHECK,
          "this address is that of a service, too: kube-proxy has it on kube-ipvs0",
          ELSEWHERE,
          about(subject),
        ),
      ];
    const range = ranges.find((one) => cidrContains(one, endpoint) === true);
    const told = range === undefined ? undefined : `in ${range}, from which`;
    const where = told ?? (isAmong(endpoint, services) ? "among the addresses of services:" : undefined);
    if (where !== undefined)
      return [
        note(
          CHECK,
          `this address is ${where} the cluster may give it to a service at any time`,
          ELSEWHERE,
          about(subject),
        ),
      ];
    return ranges.length === 0
      ? []
      : [ok(CHECK, `no service can get this address: they have ${ranges.join(" and ")}`, about(subject))];
  });
}

export function readServiceRange(
  processes: readonly HostProcess[],
  interfaces: readonly string[],
): ServiceRangeReadings {
  const servers = processes.filter(({ name }) => name === "kube-apiserver");
  const ranges = servers.flatMap(({ pid }) => {
    const argv = (readText(`/proc/${pid}/cmdline`) ?? "").split("\0");
    return flagValues(argv, "service-cluster-ip-range").flatMap((text) => text.split(","));
  });
  return { ranges: [...new Set(ranges)], services: interfaces.includes(INTERFACE) ? readServices() : [] };
}

// --- internal ---

const CHECK = "service range";
const INTERFACE = "kube-ipvs0";
const ELSEWHERE =
  "take a virtual address outside of the cluster's service addresses: `kubectl get servicecidrs`, or --service-cluster-ip-range of kube-apiserver, tells them";

/** Between two of one range, all are of it. */
function isAmong(endpoint: Endpoint, services: readonly Address[]): boolean {
  const own = addressBytes(endpoint.address);
  const others = services
    .filter(({ family }) => family === endpoint.family)
    .map(({ address }) => addressBytes(address));
  return others.some((one) => Buffer.compare(one, own) < 0) && others.some((one) => Buffer.compare(one, own) > 0);
}

function readServices(): readonly Address[] {
  return connected(openHostNetwork, (connection) => {
    const links = readTable(connection, getLinks(), decodeLink, "read this host's links");
    const own = links.find(({ name }) => name === INTERFACE)?.index;
    return readAddresses(connection)
      .filter(({ linkIndex }) => linkIndex === own)
      .map(({ family, address }) => ({ family, address }));
  });
}
