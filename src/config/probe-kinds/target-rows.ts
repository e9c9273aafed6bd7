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
}

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
] as const satisfies readonly OptionRow[];

export function resolveTarget(values: OptionValues<string>): ProbeTarget {
  const askedAddress = values.readOptional("probe-address", parseAsked);
  const askedPort = values.readOptional("probe-port", parseInteger(1, 65_535));
  return { ...(askedAddress && { askedAddress }), ...(askedPort !== undefined && { askedPort }) };
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
