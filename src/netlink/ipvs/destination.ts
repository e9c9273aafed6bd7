import type { Family } from "../../domain/endpoint.ts";
import type { ObservedRealServer, RealServer } from "../../domain/virtual-server.ts";
import { readAttributes, type AttributeValues } from "../attributes.ts";
import { familyName } from "../family.ts";
import { genericReader } from "../generic.ts";
import { malformed } from "../reader.ts";
import { endpointOf } from "./address.ts";
import { forwardingName, tunnelFlagNames, tunnelTypeName } from "./names.ts";
import { COMMAND, type DESTINATION, MEASURED_COMMAND, trafficStats } from "./tables.ts";

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

type DestinationAttributes = AttributeValues<(typeof DESTINATION)["rows"]>;

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

/** The kernel gives each real server a tunnel, with zeros where none was asked for: that is the same as none. */
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
