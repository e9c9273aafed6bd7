import type { DataPlane } from "../dataplane/data-plane.ts";
import type { Ipvs } from "../dataplane/ipvs/ipvs-plane.ts";
import { formatServiceKey, type ServiceKey, type VirtualServer } from "../domain/virtual-server.ts";
import { readOwnAddresses, type IsOwn } from "../reach/own-addresses.ts";
import type { ReachHost } from "./reach.ts";

/** What virtual servers that are prepared together have to do with: what holds for all of them is found out once. */
export class Surroundings {
  readonly reachHost: ReachHost;
  /** There are so many that the log tells of all together what it tells of each otherwise. */
  readonly isCrowded: boolean;
  readonly #ipvs: Ipvs;
  readonly #proven = new Map<string, Promise<void>>();
  #standing: Promise<ReadonlyMap<string, VirtualServer>> | undefined;
  #isOwn: IsOwn | undefined;

  constructor(ipvs: Ipvs, reachHost: ReachHost, isCrowded = false) {
    this.#ipvs = ipvs;
    this.reachHost = reachHost;
    this.isCrowded = isCrowded;
  }

  /** The kernel's data plane. Rejects as `Ipvs` does. */
  openKernel(): Promise<DataPlane> {
    return this.#ipvs.open();
  }

  /**
   * Proves that such a virtual server can be made, as the data plane's `preflight` does. The kernel's answer is the same for
   * all of a kind; whether a socket can listen at an address is not.
   */
  preflight(dataPlane: DataPlane, service: VirtualServer): Promise<void> {
    if (dataPlane.kind !== "ipvs") return dataPlane.preflight(service);
    const { protocol, endpoint, ...manner } = service;
    const kind = JSON.stringify([protocol, endpoint.family, manner]);
    const proven = this.#proven.get(kind) ?? dataPlane.preflight(service);
    this.#proven.set(kind, proven);
    return proven;
  }

  /** This host's own addresses, as they were when the first asked for them. */
  ownAddresses(): IsOwn {
    return (this.#isOwn ??= readOwnAddresses());
  }

  /** The kernel's virtual server of this key, as it stood when the first was asked for. */
  async standing(key: ServiceKey): Promise<VirtualServer | undefined> {
    this.#standing ??= this.#ipvs.services().then(byKey);
    return (await this.#standing).get(formatServiceKey(key));
  }
}

// --- internal ---

function byKey(services: readonly VirtualServer[]): ReadonlyMap<string, VirtualServer> {
  return new Map(services.map((service) => [formatServiceKey(service), service]));
}
