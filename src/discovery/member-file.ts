import { formatEndpoint, parseEndpoint, type Endpoint } from "../domain/endpoint.ts";
import { describeError, LvscareError } from "../domain/errors.ts";
import { LARGEST_WEIGHT } from "../domain/virtual-server.ts";
import type { Answer, Proposed } from "./source.ts";

/**
 * Reads a list of members: lines of `IP:port`, perhaps with a weight, and comments after `#`; or JSON as Prometheus'
 * file_sd has it, whose labels `weight` and `zone` count.
 */
export function readMemberFile(text: string): Answer {
  try {
    // An IPv6 address begins with a bracket as well.
    return { listed: merged(/^\s*\[\s*[{\]]/.test(text) ? readJson(text) : readLines(text)) };
  } catch (error) {
    if (error instanceof BadList) return { problem: error.message };
    throw error;
  }
}

// --- internal ---

class BadList extends Error {}

/** More than the kernel's schedulers are good for. */
const MOST_MEMBERS = 10_000;

type Written = Proposed & { readonly where: string };

function readLines(text: string): Written[] {
  return text.split("\n").flatMap((whole, index): Written[] => {
    const [line = ""] = whole.split("#");
    const [address, weight, ...rest] = line.split(/\s+/).filter((word) => word !== "");
    if (address === undefined) return [];
    const where = `line ${index + 1}`;
    if (rest.length > 0) throw new BadList(`${where}: expected IP:port and perhaps a weight`);
    return [{ endpoint: readEndpoint(address, where), ...readWeight(weight, where), where }];
  });
}

function readJson(text: string): Written[] {
  let groups: unknown;
  try {
    groups = JSON.parse(text);
  } catch (error) {
    throw new BadList(`it is no JSON: ${describeError(error)}`);
  }
  if (!Array.isArray(groups)) throw new BadList("it is no list");
  return groups.flatMap((group: unknown, index): Written[] => {
    const where = `[${index}]`;
    const targets: unknown = isMap(group) ? group["targets"] : undefined;
    if (!isMap(group) || !Array.isArray(targets)) throw new BadList(`${where}: needs targets, a list of IP:port`);
    const labels = group["labels"] ?? {};
    if (!isMap(labels)) throw new BadList(`${where}.labels: expected texts by their names`);
    const { weight, zone } = labels;
    const more = {
      ...readWeight(weight, `${where}.labels.weight`),
      ...(typeof zone === "string" && zone !== "" && { zone }),
    };
    return targets.map((target: unknown, at) => {
      const there = `${where}.targets[${at}]`;
      if (typeof target !== "string") throw new BadList(`${there}: expected IP:port`);
      return { endpoint: readEndpoint(target, there), ...more, where: there };
    });
  });
}

function readEndpoint(text: string, where: string): Endpoint {
  try {
    return parseEndpoint(text);
  } catch (error) {
    if (!(error instanceof LvscareError)) throw error;
    throw new BadList(`${where}: ${error.message}`);
  }
}

function readWeight(weight: unknown, where: string): { readonly weight?: number } {
  if (weight === undefined) return {};
  const value = /^[1-9]\d{0,4}$/.test(String(weight)) ? Number(weight) : Number.NaN;
  if (value <= LARGEST_WEIGHT) return { weight: value };
  throw new BadList(`${where}: ${JSON.stringify(weight)} is no weight from 1 to ${LARGEST_WEIGHT}`);
}

/** The same member in two places is one. */
function merged(all: readonly Written[]): Proposed[] {
  const members = new Map<string, Proposed>();
  for (const { where, ...member } of all) {
    const name = formatEndpoint(member.endpoint);
    const known = members.get(name);
    if (known !== undefined && known.weight !== member.weight)
      throw new BadList(`${where}: ${name} is there already, with another weight`);
    members.set(name, { ...known, ...member });
  }
  if (members.size > MOST_MEMBERS) throw new BadList(`${members.size} members are more than ${MOST_MEMBERS}`);
  return [...members.values()];
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
