import { DRAINS_CHANGED } from "../../domain/cluster-drain.ts";
import { formatEndpoint, parseAddress, type Family } from "../../domain/endpoint.ts";
import type { Answer, Proposed } from "../source.ts";

/** The part of an EndpointSlice, or of a subset of Endpoints, that tells of members. */
export interface Slice {
  readonly name: string;
  readonly endpoints: readonly SliceEndpoint[];
  readonly ports: readonly SlicePort[];
  /** What is set on it when drains of its service change. */
  readonly mark?: string;
}

interface SliceEndpoint {
  readonly addresses: readonly string[];
  readonly ready: boolean;
  readonly serving: boolean;
  readonly terminating: boolean;
  readonly zone?: string;
}

interface SlicePort {
  readonly name: string;
  readonly port: number;
}

/** An EndpointSlice as the API has it; undefined for what is none, and for one of names. */
export function readSlice(object: unknown): Slice | undefined {
  if (!isMap(object)) return undefined;
  const { metadata, addressType, endpoints, ports } = object;
  const { name, annotations } = isMap(metadata) ? metadata : {};
  if (typeof name !== "string") return undefined;
  const mark = isMap(annotations) ? annotations[DRAINS_CHANGED] : undefined;
  const isOfNames = addressType !== "IPv4" && addressType !== "IPv6";
  return {
    name,
    endpoints: isOfNames ? [] : listOf(endpoints).map(readEndpoint),
    ports: listOf(ports).flatMap(readPort),
    ...(typeof mark === "string" && { mark }),
  };
}

/** The subsets of an Endpoints object, which older API servers have, and kubelet may read. */
export function readEndpoints(object: unknown): readonly Slice[] | undefined {
  if (!isMap(object) || !isMap(object["metadata"])) return undefined;
  return listOf(object["subsets"]).map((subset, index) => ({
    name: String(index),
    endpoints: listOf(subset["addresses"]).map((one) => ({
      addresses: typeof one["ip"] === "string" ? [one["ip"]] : [],
      ready: true,
      serving: true,
      terminating: false,
    })),
    ports: listOf(subset["ports"]).flatMap(readPort),
  }));
}

/** What they tell of members of this family. `port`: its name or number; undefined for the only one. */
export function membersOf(slices: Iterable<Slice>, port: string | number | undefined, family: Family): Answer {
  const members = new Map<string, Proposed>();
  const known = new Set<string>();
  for (const { endpoints, ports } of slices) {
    for (const one of ports) known.add(one.name === "" ? String(one.port) : one.name);
    const chosen = ports.filter((one) => port === undefined || one.name === port || one.port === port);
    if (port === undefined && chosen.length > 1)
      return { problem: `it has several ports: ${nameAll(known)}; name one` };
    const [{ port: number } = { port: 0 }] = chosen;
    if (number === 0) continue;
    for (const endpoint of endpoints) {
      for (const member of proposedBy(endpoint, number, family)) {
        const name = formatEndpoint(member.endpoint);
        const before = members.get(name);
        // One may be in two slices while it moves: it is ready if it is anywhere.
        if (before === undefined || before.isLeaving) members.set(name, member);
      }
    }
  }
  if (members.size === 0 && port !== undefined && known.size > 0 && !hasPort(port, slices))
    return { problem: `it has no port ${port}: there are ${nameAll(known)}` };
  return { listed: [...members.values()] };
}

// --- internal ---

type YamlMap = Readonly<Record<string, unknown>>;

function proposedBy(endpoint: SliceEndpoint, port: number, family: Family): Proposed[] {
  const { addresses, ready, serving, terminating, zone } = endpoint;
  // It is ready; or it serves those that it has until it has ended. Anything else leaves.
  const isLeaving = !ready || terminating;
  if (isLeaving && !(serving && terminating)) return [];
  return addresses.flatMap((text): Proposed[] => {
    const address = parseAddress(text);
    if (address?.family !== family) return [];
    return [{ endpoint: { ...address, port }, ...(zone !== undefined && { zone }), ...(isLeaving && { isLeaving }) }];
  });
}

function readEndpoint(one: YamlMap): SliceEndpoint {
  const { addresses, conditions, zone } = one;
  const { ready, serving, terminating } = isMap(conditions) ? conditions : {};
  const isReady = ready !== false;
  return {
    addresses: Array.isArray(addresses) ? addresses.filter((address) => typeof address === "string") : [],
    ready: isReady,
    serving: typeof serving === "boolean" ? serving : isReady,
    terminating: terminating === true,
    ...(typeof zone === "string" && zone !== "" && { zone }),
  };
}

function readPort({ name, port, protocol }: YamlMap): SlicePort[] {
  if (protocol !== undefined && protocol !== "TCP") return [];
  const isPort = Number.isInteger(port) && Number(port) >= 1 && Number(port) <= 65_535;
  return isPort ? [{ name: typeof name === "string" ? name : "", port: Number(port) }] : [];
}

function hasPort(port: string | number, slices: Iterable<Slice>): boolean {
  for (const { ports } of slices) if (ports.some((one) => one.name === port || one.port === port)) return true;
  return false;
}

function nameAll(names: ReadonlySet<string>): string {
  return [...names].slice(0, 10).join(", ");
}

function listOf(value: unknown): readonly YamlMap[] {
  return Array.isArray(value) ? value.filter(isMap) : [];
}

function isMap(value: unknown): value is YamlMap {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
