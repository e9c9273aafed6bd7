import type { Endpoint, Family } from "../../domain/endpoint.ts";
import type { ObservedRealServer, RealServer } from "../../domain/virtual-server.ts";
import { readAttributes, type AttributeValues } from "../attributes.ts";
import { FAMILY_NUMBER, familyName } from "../family.ts";
import { genericReader } from "../generic.ts";
import { malformed } from "../reader.ts";
import { endpointOf, paddedAddress } from "./address.ts";
import {
  FORWARDING_NUMBER,
  forwardingName,
  TUNNEL_TYPE_NUMBER,
  tunnelFlagBits,
  tunnelFlagNames,
  tunnelTypeName,
} from "./names.ts";
import { COMMAND, MEASURED_COMMAND, type DESTINATION } from "./tables.ts";
import { trafficStats } from "./traffic.ts";

export type DestinationAttributes = AttributeValues<(typeof DESTINATION)["rows"]>;

/** What identifies a real server within its service. */
export function destinationKeyAttributes(endpoint: Endpoint): DestinationAttributes {
  return {
    address: paddedAddress(endpoint.address),
    port: endpoint.port,
    addressFamily: FAMILY_NUMBER[endpoint.family],
  };
}

/** The whole of a real server, as it must be sent to create or to change it. */
export function destinationAttributes(server: RealServer): DestinationAttributes {
  const { endpoint } = server;
  return {
    // Named one by one, like the key: a spread would cost as much as all of the rest.
    address: paddedAddress(endpoint.address),
    port: endpoint.port,
    addressFamily: FAMILY_NUMBER[endpoint.family],
    forwarding: FORWARDING_NUMBER[server.forwarding],
    weight: server.weight,
    upperThreshold: server.upperThreshold,
    lowerThreshold: server.lowerThreshold,
    tunnelType: server.tunnelType && TUNNEL_TYPE_NUMBER[server.tunnelType],
    tunnelPort: server.tunnelPort,
    tunnelFlags: server.tunnelFlags && tunnelFlagBits(server.tunnelFlags),
  };
}

/** A real server as the kernel describes it; one without a family of its own has its service's. Throws MALFORMED_MESSAGE. */
export function decodeDestination(payload: Uint8Array, serviceFamily: Family): ObservedRealServer {
  const reader = genericReader(payload);
  const { destination = {} } = readAttributes(reader, COMMAND);
  reader.finish("real server");
  return observed(destination, serviceFamily);
}

/** The same with what it has carried. */
export function decodeMeasuredDestination(payload: Uint8Array, serviceFamily: Family): ObservedRealServer {
  const reader = genericReader(payload);
  const { destination = {} } = readAttributes(reader, MEASURED_COMMAND);
  reader.finish("real server");
  return { ...observed(destination, serviceFamily), stats: trafficStats(destination) };
}

// --- internal ---

function observed(values: DestinationAttributes, serviceFamily: Family): ObservedRealServer {
  const server = realServerOf(values, serviceFamily);
  if (server === undefined) throw malformed("real server");
  return {
    server,
    activeConnections: values.activeConnections ?? 0,
    inactiveConnections: values.inactiveConnections ?? 0,
  };
}

type Tunnel = Pick<RealServer, "tunnelType" | "tunnelPort" | "tunnelFlags">;

const NO_TUNNEL: Tunnel = {};

function realServerOf(values: DestinationAttributes, serviceFamily: Family): RealServer | undefined {
  const { address, port, addressFamily, weight, upperThreshold = 0, lowerThreshold = 0 } = values;
  const family = addressFamily === undefined ? serviceFamily : familyName(addressFamily);
  const forwarding = values.forwarding === undefined ? undefined : forwardingName(values.forwarding);
  if (family === undefined || address === undefined || port === undefined) return undefined;
  const endpoint = endpointOf(family, address, port);
  if (endpoint === undefined || forwarding === undefined || weight === undefined) return undefined;
  const tunnel = tunnelOf(values);
  if (tunnel === undefined) return undefined;
  return { endpoint, weight, forwarding, upperThreshold, lowerThreshold, ...tunnel };
}

/** The kernel gives each real server a tunnel, of zeros where nobody asked for one: that is the same as none. */
function tunnelOf({ tunnelType = 0, tunnelPort = 0, tunnelFlags = 0 }: DestinationAttributes): Tunnel | undefined {
  if (tunnelType === 0 && tunnelPort === 0 && tunnelFlags === 0) return NO_TUNNEL;
  const type = tunnelTypeName(tunnelType);
  if (type === undefined) return undefined;
  const flags = tunnelFlagNames(tunnelFlags);
  return {
    ...(type !== "ipip" && { tunnelType: type }),
    ...(tunnelPort !== 0 && { tunnelPort }),
    ...(flags.length > 0 && { tunnelFlags: flags }),
  };
}
