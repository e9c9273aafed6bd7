import type { Endpoint } from "../../domain/endpoint.ts";
import type { RealServer, ServiceKey, VirtualServer } from "../../domain/virtual-server.ts";
import { writeAttributes, readAttributes } from "../attributes.ts";
import type { NetlinkRequest } from "../connection.ts";
import { genericReader, genericRequest } from "../generic.ts";
import { malformed } from "../reader.ts";
import { ByteWriter } from "../writer.ts";
import { writeDestination, writeDestinationKey } from "./destination.ts";
import { serviceAttributes, serviceKeyAttributes, type ServiceAttributes } from "./service.ts";
import { COMMAND, INFO } from "./tables.ts";

// The face of this folder: what is asked of the kernel's IPVS, and what it answers, byte for byte as in linux/ip_vs.h.
// `service.ts` and `destination.ts` lay out the two kinds of entries by the attributes in `tables.ts`.

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
