import type { ServiceKey, TrafficStats, VirtualServer } from "../../domain/virtual-server.ts";
import { readAttributes, type AttributeValues } from "../attributes.ts";
import { FAMILY_NUMBER, familyName } from "../family.ts";
import { genericReader } from "../generic.ts";
import { malformed } from "../reader.ts";
import { endpointOf, netmaskBytes, paddedAddress, prefixOf } from "./address.ts";
import { flagBits, flagNames, PROTOCOL_NUMBER, protocolName } from "./names.ts";
import { COMMAND, type SERVICE, trafficStats } from "./tables.ts";

export type ServiceAttributes = AttributeValues<(typeof SERVICE)["rows"]>;

/** What identifies a service in every command. */
export function serviceKeyAttributes(key: ServiceKey): ServiceAttributes {
  return {
    addressFamily: FAMILY_NUMBER[key.endpoint.family],
    protocol: PROTOCOL_NUMBER[key.protocol],
    address: paddedAddress(key.endpoint.address),
    port: key.endpoint.port,
  };
}

/** The whole of a service; the kernel refuses to create or change one with an attribute missing. */
export function serviceAttributes(service: VirtualServer): ServiceAttributes {
  return {
    ...serviceKeyAttributes(service),
    scheduler: service.scheduler,
    flags: flagBits(service.flags),
    timeout: service.persistenceTimeoutS,
    netmask: netmaskBytes(service.endpoint.family, service.persistencePrefix),
    persistenceEngine: service.persistenceEngine,
  };
}

/**
 * A service as the kernel describes it, or undefined for one that cannot be ours: known by a firewall mark instead of an address.
 * Throws MALFORMED_MESSAGE.
 */
export function decodeService(
  payload: Uint8Array,
): { readonly service: VirtualServer; readonly stats: TrafficStats } | undefined {
  const reader = genericReader(payload);
  const { service: values = {} } = readAttributes(reader, COMMAND);
  reader.finish("virtual server");
  if (values.fwmark !== undefined) return undefined;
  const service = virtualServerOf(values);
  if (service === undefined) throw malformed("virtual server");
  return { service, stats: trafficStats(values) };
}

// --- internal ---

function virtualServerOf(values: ServiceAttributes): VirtualServer | undefined {
  const {
    addressFamily,
    protocol: protocolNumber,
    address,
    port,
    scheduler,
    flags,
    timeout,
    netmask,
    persistenceEngine,
  } = values;
  const family = familyName(addressFamily ?? 0);
  const protocol = protocolName(protocolNumber ?? 0);
  if (family === undefined || protocol === undefined || address === undefined || port === undefined) return undefined;
  const endpoint = endpointOf(family, address, port);
  const persistencePrefix = netmask === undefined ? undefined : prefixOf(family, netmask);
  if (endpoint === undefined || persistencePrefix === undefined) return undefined;
  return {
    protocol,
    endpoint,
    // The kernel leaves the name out while a scheduler is being exchanged.
    scheduler: scheduler ?? "none",
    flags: flagNames(flags ?? 0),
    persistenceTimeoutS: timeout ?? 0,
    persistencePrefix,
    ...(persistenceEngine !== undefined && { persistenceEngine }),
  };
}
