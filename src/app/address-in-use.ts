import { openIpvs } from "../dataplane/ipvs/ipvs-plane.ts";
import { isIpvsLoaded } from "../dataplane/ipvs/outlook.ts";
import { LvscareError } from "../domain/errors.ts";
import { formatServiceKey, type ServiceKey } from "../domain/virtual-server.ts";
import { isAddressCaredFor } from "./claim.ts";

/**
 * Whether this host needs the address for more than this virtual server: a daemon cares for another one at the same
 * address, or the kernel has one on another port of it. `besides`: those that do not count, this one among them where its
 * daemon is not to count.
 */
export async function isAddressInUse(key: ServiceKey, besides: readonly ServiceKey[] = []): Promise<boolean> {
  return isAddressCaredFor(key.endpoint, besides) || (await hasNeighbour([key, ...besides]));
}

// --- internal ---

async function hasNeighbour([key, ...others]: readonly [ServiceKey, ...ServiceKey[]]): Promise<boolean> {
  const uncounted = new Set([key, ...others].map(formatServiceKey));
  // To ask would load it.
  if (!isIpvsLoaded()) return false;
  try {
    const dataPlane = await openIpvs();
    try {
      const table = await dataPlane.readAll();
      return table.some(
        ({ service }) => service.endpoint.address === key.endpoint.address && !uncounted.has(formatServiceKey(service)),
      );
    } finally {
      await dataPlane.close();
    }
  } catch (error) {
    if (error instanceof LvscareError && error.code === "MODULE_MISSING") return false;
    throw error;
  }
}
