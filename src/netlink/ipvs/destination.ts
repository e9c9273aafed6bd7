import type { Endpoint, Family } from "../../domain/endpoint.ts";
import type { ObservedRealServer, RealServer } from "../../domain/virtual-server.ts";
import {
  beginNested,
  endNested,
  putBe16,
  putRaw,
  putU16,
  putU32,
  putU8,
  readAttributes,
  type AttributeValues,
} from "../attributes.ts";
import { FAMILY_NUMBER, familyName } from "../family.ts";
import { genericReader } from "../generic.ts";
import { malformed } from "../reader.ts";
import type { ByteWriter } from "../writer.ts";
import { endpointOf, paddedAddress } from "./address.ts";
import {
  FORWARDING_NUMBER,
  forwardingName,
  TUNNEL_TYPE_NUMBER,
  tunnelFlagBits,
  tunnelFlagNames,
  tunnelTypeName,
} from "./names.ts";
import { COMMAND, DESTINATION, MEASURED_COMMAND, trafficStats } from "./tables.ts";

/** Appends what identifies a real server within its service. */
export function writeDestinationKey(writer: ByteWriter, { address, port, family }: Endpoint): void {
  const start = beginNested(writer, TYPE.destination);
  putRaw(writer, TYPE.address, paddedAddress(address));
  putBe16(writer, TYPE.port, port);
  putU16(writer, TYPE.addressFamily, FAMILY_NUMBER[family]);
  endNested(writer, start);
}

/** Appends the whole of a real server, as it must be sent to create or to change it. */
export function writeDestination(writer: ByteWriter, server: RealServer): void {
  const { endpoint, tunnelType, tunnelPort, tunnelFlags } = server;
  const start = beginNested(writer, TYPE.destination);
  putRaw(writer, TYPE.address, paddedAddress(endpoint.address));
  putBe16(writer, TYPE.port, endpoint.port);
  putU32(writer, TYPE.forwarding, FORWARDING_NUMBER[server.forwarding]);
  putU32(writer, TYPE.weight, server.weight);
  putU32(writer, TYPE.upperThreshold, server.upperThreshold);
  putU32(writer, TYPE.lowerThreshold, server.lowerThreshold);
  putU16(writer, TYPE.addressFamily, FAMILY_NUMBER[endpoint.family]);
  if (tunnelType !== undefined) putU8(writer, TYPE.tunnelType, TUNNEL_TYPE_NUMBER[tunnelType]);
  if (tunnelPort !== undefined) putBe16(writer, TYPE.tunnelPort, tunnelPort);
  if (tunnelFlags !== undefined) putU16(writer, TYPE.tunnelFlags, tunnelFlagBits(tunnelFlags));
  endNested(writer, start);
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

type DestinationAttributes = AttributeValues<(typeof DESTINATION)["rows"]>;

/** The numbers of what is written. */
const TYPE = {
  destination: COMMAND.rows.destination[0],
  address: DESTINATION.rows.address[0],
  port: DESTINATION.rows.port[0],
  forwarding: DESTINATION.rows.forwarding[0],
  weight: DESTINATION.rows.weight[0],
  upperThreshold: DESTINATION.rows.upperThreshold[0],
  lowerThreshold: DESTINATION.rows.lowerThreshold[0],
  addressFamily: DESTINATION.rows.addressFamily[0],
  tunnelType: DESTINATION.rows.tunnelType[0],
  tunnelPort: DESTINATION.rows.tunnelPort[0],
  tunnelFlags: DESTINATION.rows.tunnelFlags[0],
} as const;

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
