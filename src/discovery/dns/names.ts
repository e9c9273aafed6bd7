import { formatEndpoint, parseAddress, type Family } from "../../domain/endpoint.ts";
import { LARGEST_WEIGHT } from "../../domain/virtual-server.ts";
import type { DnsMessage, DnsRecord } from "../../probe/dns/message.ts";
import type { Proposed } from "../source.ts";
import type { Resolver } from "./resolver.ts";

/** What a name stands for now, and for how long that is true. */
export type Resolved = { readonly members: readonly Proposed[]; readonly ttlS: number } | { readonly problem: string };

/** The members of a name: its addresses, with this port; of a name of a service (`_https._tcp.…`) what its records say. */
export async function resolveName(
  resolver: Resolver,
  name: string,
  port: number | undefined,
  family: Family,
): Promise<Resolved> {
  const type = family === "ipv4" ? "A" : "AAAA";
  if (port !== undefined) {
    const found = await addressesOf(resolver, name, type);
    return "problem" in found ? found : { members: found.addresses.flatMap(memberAt(port)), ttlS: found.ttlS };
  }
  const told = await resolver.ask(name, "SRV");
  if ("failed" in told) return { problem: told.failed };
  const { records, ttlS: ownTtlS } = chainOf(told, name);
  const all = records.filter((record) => record.type === "SRV");
  // A dot alone means that there is no such service (RFC 2782).
  const services = all.filter(({ target }) => target !== "");
  if (services.length === 0) return { problem: nothing(told, "SRV") };
  const first = Math.min(...services.map(({ priority }) => priority));
  const members = new Map<string, Proposed>();
  let ttlS = ownTtlS;
  for (const { target, port: at, weight } of services.filter(({ priority }) => priority === first)) {
    const given = told.additionals.filter((record) => record.type === type && record.name === target);
    const found = given.length > 0 ? ofRecords(given, ttlS) : await addressesOf(resolver, target, type);
    // Whom nobody knows cannot be reached; the others can.
    if ("problem" in found) continue;
    ttlS = Math.min(ttlS, found.ttlS);
    for (const member of found.addresses.flatMap(memberAt(at)))
      members.set(formatEndpoint(member.endpoint), {
        ...member,
        weight: Math.min(LARGEST_WEIGHT, Math.max(1, weight)),
      });
  }
  if (members.size === 0) return { problem: "none of its targets has an address" };
  return { members: [...members.values()], ttlS };
}

// --- internal ---

type Addresses = { readonly addresses: readonly string[]; readonly ttlS: number } | { readonly problem: string };

async function addressesOf(resolver: Resolver, name: string, type: "A" | "AAAA"): Promise<Addresses> {
  const told = await resolver.ask(name, type);
  if ("failed" in told) return { problem: told.failed };
  const { records, ttlS } = chainOf(told, name);
  const found = ofRecords(
    records.filter((record) => record.type === type),
    ttlS,
  );
  return "addresses" in found && found.addresses.length > 0 ? found : { problem: nothing(told, type) };
}

function ofRecords(records: readonly DnsRecord[], ttlS: number): Addresses {
  const addresses = records.flatMap((record) => ("address" in record ? [record.address] : []));
  return { addresses, ttlS: Math.min(ttlS, ...records.map((record) => record.ttlS)) };
}

function memberAt(port: number): (text: string) => Proposed[] {
  return (text) => {
    const address = parseAddress(text);
    return address === undefined || port === 0 ? [] : [{ endpoint: { ...address, port } }];
  };
}

/** The records of a name, by way of those that it is another name for. */
function chainOf({ answers }: DnsMessage, name: string): { readonly records: DnsRecord[]; readonly ttlS: number } {
  let [at, ttlS] = [name.replace(/\.$/, "").toLowerCase(), Number.POSITIVE_INFINITY];
  for (let links = 0; links < MOST_LINKS; links++) {
    const link = answers.find((record) => record.type === "CNAME" && record.name === at);
    if (link?.type !== "CNAME") break;
    ttlS = Math.min(ttlS, link.ttlS);
    at = link.target;
  }
  const records = answers.filter((record) => record.name === at && record.type !== "CNAME");
  return { records, ttlS: Math.min(ttlS, ...records.map((record) => record.ttlS)) };
}

const MOST_LINKS = 16;

function nothing({ code }: DnsMessage, type: string): string {
  return code === "NOERROR" ? `it has no ${type} record` : `there is no such name (${code})`;
}
