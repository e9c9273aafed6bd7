import { parseAddress } from "./endpoint.ts";
import { isOperatorName } from "./hold.ts";

/** Operators want an address to get no new clients, on all nodes of a cluster. */
export interface ClusterDrain {
  /** ISO 8601, UTC. */
  readonly since: string;
  /** The operator's name, as their program gave it; absent if it did not. */
  readonly by?: string;
}

/** By address, without a port. */
export type ClusterDrains = ReadonlyMap<string, ClusterDrain>;

/**
 * The annotation of a service that drains an address behind it: one for each address, so that operators who write at the
 * same time do not undo each other's work. A name has no colons, and begins and ends with a letter or digit.
 */
export function drainAnnotation(address: string): string {
  const full = address.replace(/^:/, "0:").replace(/:$/, ":0");
  return `${PREFIX}${full.replaceAll(":", "_")}`;
}

export function drainValue({ since, by }: ClusterDrain): string {
  return JSON.stringify({ since, ...(by !== undefined && { by }) });
}

/** Those among all annotations of a service. The name of one is enough: what its value lacks is not known. */
export function drainsIn(annotations: Readonly<Record<string, unknown>>): ClusterDrains {
  const drains = Object.entries(annotations).flatMap(([name, value]): [string, ClusterDrain][] => {
    if (!name.startsWith(PREFIX)) return [];
    const found = parseAddress(name.slice(PREFIX.length).replaceAll("_", ":"));
    return found === undefined ? [] : [[found.address, readDrain(value)]];
  });
  return new Map(drains.toSorted(([one], [other]) => (one < other ? -1 : 1)));
}

/** What is set on the slices of a service each time that its drains change: who watches those need not watch the service, too. */
export const DRAINS_CHANGED = "lvscare/drains-changed";

// --- internal ---

const PREFIX = "drained.lvscare/";

function readDrain(value: unknown): ClusterDrain {
  const { since, by } = parsed(value);
  const isTime = typeof since === "string" && !Number.isNaN(Date.parse(since));
  return {
    since: isTime ? since : new Date(0).toISOString(),
    ...(typeof by === "string" && isOperatorName(by) && { by }),
  };
}

function parsed(value: unknown): Readonly<Record<string, unknown>> {
  try {
    return Object(JSON.parse(String(value))) as Readonly<Record<string, unknown>>;
  } catch {
    return {};
  }
}
