import { cidrContains } from "../../domain/cidr.ts";
import { hostPrefix, type Endpoint } from "../../domain/endpoint.ts";
import { note, ok, type Finding } from "../../domain/finding.ts";
import { decodeLink, getLinks, type Link } from "../../netlink/route/links.ts";
import {
  askNeighbour,
  decodeNeighbour,
  forgetNeighbour,
  getNeighbours,
  type LinkPlace,
  type Neighbour,
} from "../../netlink/route/neighbours.ts";
import { NetlinkConnection } from "../../netlink/connection.ts";
import { execute, openHostNetwork, readAddresses, readTable, refused } from "../../reach/host-network.ts";
import { about, type Subject } from "./subject.ts";

/** Other hosts that have an address on a link. */
export interface Claimant {
  readonly device: string;
  /** `52:54:00:12:34:56` */
  readonly hardware: string;
}

export interface ClaimantReadings {
  /** The links that were asked: those whose network contains the address. */
  readonly devices: readonly string[];
  readonly claimants: readonly Claimant[];
}

/** Whether the virtual address is another host's as well, from which this one cuts itself off. */
export function judgeClaimants({ devices, claimants }: ClaimantReadings, subject: Subject): Finding[] {
  const { address } = subject.service.endpoint;
  if (claimants.length > 0) {
    return claimants.map(({ device, hardware }) =>
      note(
        "address",
        `another host on ${device} (${hardware}) answers for ${address}: this one does not get to it any more, and others may end up at either`,
        "choose a virtual address that nobody has; where it is meant to be shared, start `lvscare care --mode link --strict-arp` on each host",
        about(subject),
      ),
    );
  }
  return devices.length === 0 ? [] : [ok("address", `nobody else on ${devices.join(", ")} answers for ${address}`)];
}

/** Asks as for any neighbour, and has the kernel forget the answer. It takes three seconds to be sure that there is none. */
export async function readClaimants(address: Omit<Endpoint, "port">): Promise<ClaimantReadings> {
  const connection = new NetlinkConnection(openHostNetwork);
  const asked: LinkPlace[] = [];
  try {
    const links = readTable(connection, getLinks(), decodeLink, "read this host's links");
    const own = new Set(links.flatMap(({ hardware }) => hardware ?? []));
    const near = linksNear(connection, links, address);
    for (const { index: linkIndex } of near) {
      const refusal = execute(connection, askNeighbour({ address, linkIndex }));
      if (refusal === undefined) asked.push({ address, linkIndex });
      else if (refusal.errno !== "EEXIST") throw refused(refusal, `ask who has ${address.address}`);
    }
    const known = await answers(connection, near, address);
    return {
      devices: near.map(({ name }) => name),
      // Of two links to one network, each answers for the other.
      claimants: near.flatMap(({ index, name: device }) => {
        const hardware = known.find(({ linkIndex }) => linkIndex === index)?.hardware;
        return hardware === undefined || own.has(hardware) ? [] : [{ device, hardware }];
      }),
    };
  } finally {
    for (const place of asked) execute(connection, forgetNeighbour(place));
    connection.close();
  }
}

// --- internal ---

/** The kernel asks three times, a second apart. */
const PATIENCE_MS = 4000;
const GLANCE_MS = 50;

function linksNear(
  connection: NetlinkConnection,
  links: readonly Link[],
  address: Omit<Endpoint, "port">,
): readonly Link[] {
  const networks = readAddresses(connection).filter(({ family }) => family === address.family);
  const isNear = ({ address: own, prefix }: (typeof networks)[number]): boolean =>
    prefix < hostPrefix(address.family) && cidrContains(`${own}/${prefix}`, address) === true;
  return links.filter(
    ({ index, isUp, hasNeighbours }) =>
      isUp && hasNeighbours && networks.some((network) => network.linkIndex === index && isNear(network)),
  );
}

/** What is known once each link has given an answer or the time is over. */
async function answers(
  connection: NetlinkConnection,
  links: readonly Link[],
  { family, address }: Omit<Endpoint, "port">,
): Promise<readonly Neighbour[]> {
  const until = performance.now() + PATIENCE_MS;
  for (;;) {
    const all = readTable(connection, getNeighbours(family), decodeNeighbour, "read this host's neighbours");
    const ours = all.filter((one) => one.address === address);
    const isSettled = links.every(({ index }) =>
      ours.some(({ linkIndex, isSilent, hardware }) => linkIndex === index && (isSilent || hardware !== undefined)),
    );
    if (isSettled || performance.now() > until) return ours;
    await Bun.sleep(GLANCE_MS);
  }
}
