import type { Endpoint } from "../../domain/endpoint.ts";
import type { RealServer, ServiceKey, VirtualServer } from "../../domain/virtual-server.ts";
import {
  beginNested,
  endNested,
  putBe16,
  putRaw,
  putU16,
  putU32,
  putU8,
  readAttributes,
  writeAttributes,
} from "../attributes.ts";
import type { NetlinkRequest } from "../connection.ts";
import { FAMILY_NUMBER } from "../family.ts";
import { genericReader, genericRequest } from "../generic.ts";
import { malformed } from "../reader.ts";
import { ByteWriter } from "../writer.ts";
import { paddedAddress } from "./address.ts";
import { FORWARDING_NUMBER, TUNNEL_TYPE_NUMBER, tunnelFlagBits } from "./names.ts";
import { serviceAttributes, serviceKeyAttributes, type ServiceAttributes } from "./service.ts";
import { COMMAND, DESTINATION, INFO } from "./tables.ts";

// The face of this folder: what is asked of the kernel's IPVS, and what it answers, byte for byte as in linux/ip_vs.h.
// Real servers are written here, since a round writes many of them, and read in `destination.ts`; `service.ts` has
// virtual servers. The attributes of all are in `tables.ts`.

export { decodeService } from "./service.ts";
export { decodeDestination, decodeMeasuredDestination } from "./destination.ts";

/** The family's name in generic netlink. Its number, which each request needs, only the kernel knows. */
export const IPVS_FAMILY_NAME = "IPVS";

export function newService(family: number, service: VirtualServer): NetlinkRequest {
  return command(family, COMMAND_NUMBER.newService, { service: serviceAttributes(service) });
}

export function setService(family: number, service: VirtualServer): NetlinkRequest {
  return command(family, COMMAND_NUMBER.setService, { service: serviceAttributes(service) });
}

export function deleteService(family: number, key: ServiceKey): NetlinkRequest {
  return command(family, COMMAND_NUMBER.deleteService, { service: serviceKeyAttributes(key) });
}

/** One service; ESRCH when there is none. */
export function getService(family: number, key: ServiceKey): NetlinkRequest {
  return command(family, COMMAND_NUMBER.getService, { service: serviceKeyAttributes(key) });
}

/** To be dumped. */
export function getServices(family: number): NetlinkRequest {
  return command(family, COMMAND_NUMBER.getService, {});
}

export function newDestination(family: number, key: ServiceKey, server: RealServer): NetlinkRequest {
  return destinationCommand(family, COMMAND_NUMBER.newDestination, key, writeDestination, server);
}

export function setDestination(family: number, key: ServiceKey, server: RealServer): NetlinkRequest {
  return destinationCommand(family, COMMAND_NUMBER.setDestination, key, writeDestination, server);
}

export function deleteDestination(family: number, key: ServiceKey, endpoint: Endpoint): NetlinkRequest {
  return destinationCommand(family, COMMAND_NUMBER.deleteDestination, key, writeDestinationKey, endpoint);
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

/** To be dumped: an empty table, not an error, when there is no such service. */
export function getDestinations(family: number, key: ServiceKey): NetlinkRequest {
  return command(family, COMMAND_NUMBER.getDestination, { service: serviceKeyAttributes(key) });
}

export function getInfo(family: number): NetlinkRequest {
  return command(family, COMMAND_NUMBER.getInfo, {});
}

export interface IpvsInfo {
  /** `1.2.1` */
  readonly version: string;
  /** Buckets of the connection table. */
  readonly connectionTableSize: number;
}

/** The reply to `getInfo`. Throws MALFORMED_MESSAGE. */
export function decodeInfo(payload: Uint8Array): IpvsInfo {
  const reader = genericReader(payload);
  const { version, connectionTableSize } = readAttributes(reader, INFO);
  reader.finish("IPVS version");
  if (version === undefined || connectionTableSize === undefined) throw malformed("IPVS version");
  return { version: `${version >>> 16}.${(version >>> 8) & 0xff}.${version & 0xff}`, connectionTableSize };
}

// --- internal ---

const FAMILY_VERSION = 1;

/** IPVS_CMD_NEW_SERVICE and its siblings. */
const COMMAND_NUMBER = {
  newService: 1,
  setService: 2,
  deleteService: 3,
  getService: 4,
  newDestination: 5,
  setDestination: 6,
  deleteDestination: 7,
  getDestination: 8,
  getInfo: 15,
} as const;

function command(family: number, number: number, attributes: { readonly service?: ServiceAttributes }): NetlinkRequest {
  return genericRequest(family, { command: number, version: FAMILY_VERSION }, (writer) =>
    writeAttributes(writer, COMMAND, attributes),
  );
}

function destinationCommand<T>(
  family: number,
  number: number,
  key: ServiceKey,
  write: (writer: ByteWriter, destination: T) => void,
  destination: T,
): NetlinkRequest {
  return genericRequest(family, { command: number, version: FAMILY_VERSION }, (writer) => {
    writer.bytes(keyBytes(key));
    write(writer, destination);
  });
}

/** Appends what identifies a real server within its service. */
function writeDestinationKey(writer: ByteWriter, { address, port, family }: Endpoint): void {
  const start = beginNested(writer, TYPE.destination);
  putRaw(writer, TYPE.address, paddedAddress(address));
  putBe16(writer, TYPE.port, port);
  putU16(writer, TYPE.addressFamily, FAMILY_NUMBER[family]);
  endNested(writer, start);
}

/** The attributes' numbers of what is written of a real server. */
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

/**
 * The attribute that names a service. All commands of a batch have the same, so it is written once for as long as the
 * key lives.
 */
function keyBytes(key: ServiceKey): Uint8Array {
  const known = KEY_BYTES.get(key);
  if (known !== undefined) return known;
  KEY_WRITER.reset();
  writeAttributes(KEY_WRITER, COMMAND, { service: serviceKeyAttributes(key) });
  const bytes = KEY_WRITER.written().slice();
  KEY_BYTES.set(key, bytes);
  return bytes;
}

const KEY_WRITER = new ByteWriter();
const KEY_BYTES = new WeakMap<ServiceKey, Uint8Array>();
