import type { Endpoint } from "../../domain/endpoint.ts";
import { parseAddress } from "../../domain/endpoint.ts";
import type { OptionRow } from "../option-row.ts";
import type { OptionValues } from "../option-values.ts";
import { parseInteger, refusal } from "../value-parsers.ts";
import { CHECKS } from "./probe-kind.ts";

/** Whom a check asks, where that is not the real server itself; of every kind that connects. */
export interface ProbeTarget {
  readonly askedAddress?: Pick<Endpoint, "family" | "address">;
  readonly askedPort?: number;
  readonly origin?: ProbeOrigin;
}

/** From where a check connects, where the kernel is not to choose that. */
export interface ProbeOrigin {
  /** An address of this host. */
  readonly source?: Pick<Endpoint, "family" | "address">;
  /** What rules of the firewall and of routing know its packets by (SO_MARK, socket(7)). */
  readonly mark?: number;
}

/** It has 32 bits, and 0 is none. */
const LARGEST_MARK = 0xffff_ffff;

export const TARGET_ROWS = [
  {
    flag: "probe-address",
    kind: "text",
    help: "the address to ask, instead of the real server's",
    group: CHECKS,
    inFile: { place: "probe", key: "address", type: "address" },
  },
  {
    flag: "probe-port",
    kind: "text",
    help: "the port to ask, instead of the real server's",
    group: CHECKS,
    inFile: { place: "probe", key: "port", type: "whole-number", bounds: [1, 65_535] },
  },
  {
    flag: "probe-source",
    kind: "text",
    help: "the address of this host to ask from",
    group: CHECKS,
    inFile: { place: "probe", key: "source", type: "address" },
  },
  {
    flag: "probe-mark",
    kind: "text",
    help: "a mark for its packets, for rules of the firewall and of routing",
    group: CHECKS,
    inFile: { place: "probe", key: "mark", type: "whole-number", bounds: [1, LARGEST_MARK] },
  },
] as const satisfies readonly OptionRow[];

export function resolveTarget(values: OptionValues<string>): ProbeTarget {
  const askedAddress = values.readOptional("probe-address", parseAsked);
  const askedPort = values.readOptional("probe-port", parseInteger(1, 65_535));
  const source = values.readOptional("probe-source", parseAsked);
  const mark = values.readOptional("probe-mark", parseInteger(1, LARGEST_MARK));
  const origin = { ...(source && { source }), ...(mark !== undefined && { mark }) };
  return {
    ...(askedAddress && { askedAddress }),
    ...(askedPort !== undefined && { askedPort }),
    ...(Object.keys(origin).length > 0 && { origin }),
  };
}

/** Whom these options ask about a real server. */
export function askedFor(target: Endpoint, { askedAddress = target, askedPort = target.port }: ProbeTarget): Endpoint {
  const { family, address } = askedAddress;
  return { family, address, port: askedPort };
}

// --- internal ---

function parseAsked(text: string): Pick<Endpoint, "family" | "address"> {
  const address = parseAddress(text);
  if (address === undefined) throw refusal(`"${text}" is not an IP address`);
  return address;
}
