import { openIpvs } from "../dataplane/ipvs/ipvs-plane.ts";
import { isIpvsLoaded } from "../dataplane/ipvs/outlook.ts";
import { LvscareError } from "../domain/errors.ts";
import { formatEndpoint } from "../domain/endpoint.ts";
import type { ServiceKey } from "../domain/virtual-server.ts";
import { isAddressCaredFor } from "./claim.ts";

/**
 * Whether this host needs the address for more than this virtual server: a daemon cares for another one at the same
 * address, or the kernel has one on another port of it. `besides` itself: a daemon that cares for this one does not count.
 */
export async function isAddressInUse(key: ServiceKey, besides?: "itself"): Promise<boolean> {
  return isAddressCaredFor(key, besides) || (await hasNeighbour(key));
}

// --- internal ---

async function hasNeighbour({ endpoint, protocol }: ServiceKey): Promise<boolean> {
  // To ask would load it.
  if (!isIpvsLoaded()) return false;
  try {
    const dataPlane = await openIpvs();
    try {
      const table = await dataPlane.readAll();
      return table.some(
        ({ service }) =>
          service.endpoint.address === endpoint.address &&
          (service.protocol !== protocol || formatEndpoint(service.endpoint) !== formatEndpoint(endpoint)),
      );
    } finally {
      await dataPlane.close();
    }
  } catch (error) {
    if (error instanceof LvscareError && error.code === "MODULE_MISSING") return false;
    throw error;
  }
}
