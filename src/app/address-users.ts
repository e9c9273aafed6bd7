import { openIpvs } from "../dataplane/ipvs/ipvs-plane.ts";
import { isIpvsLoaded } from "../dataplane/ipvs/outlook.ts";
import type { Endpoint } from "../domain/endpoint.ts";
import { LvscareError } from "../domain/errors.ts";
import { formatServiceKey, type ServiceKey } from "../domain/virtual-server.ts";
import { claimedAddresses, isAddressCaredFor, type ClaimedAddresses } from "./claim.ts";

/**
 * Who on this host needs an address: daemons that care for a virtual server there, on any port of any protocol, and the
 * kernel, which may have one on another port of it.
 */
export class AddressUsers {
  readonly #now: (() => number) | undefined;
  #seen: Seen | undefined;

  /** Without a clock, what was seen is believed for no longer than one question. */
  constructor(now?: () => number) {
    this.#now = now;
  }

  /** Whether a daemon cares for any virtual server at this address; `besides`: for another one than these. */
  isCaredFor(endpoint: Endpoint, besides: readonly ServiceKey[] = []): boolean {
    return isAddressCaredFor(endpoint, besides, this.#look().claimed);
  }

  /**
   * Whether this host needs the address for more than this virtual server. `besides`: those that do not count, this one
   * among them where its daemon is not to count.
   */
  async isInUse(key: ServiceKey, besides: readonly ServiceKey[] = []): Promise<boolean> {
    const seen = this.#look();
    if (isAddressCaredFor(key.endpoint, besides, seen.claimed)) return true;
    const uncounted = new Set([key, ...besides].map(formatServiceKey));
    const table = await (seen.table ??= readTable());
    return (table.get(key.endpoint.address) ?? []).some((name) => !uncounted.has(name) && !seen.left.has(name));
  }

  /** It is in no table any more. */
  left(key: ServiceKey): void {
    this.#seen?.left.add(formatServiceKey(key));
  }

  /** Others may need an address since then. */
  forget(): void {
    this.#seen = undefined;
  }

  // --- internal ---

  #look(): Seen {
    const nowMs = this.#now?.();
    if (nowMs === undefined || this.#seen === undefined || nowMs - this.#seen.atMs > BELIEVED_MS)
      this.#seen = { atMs: nowMs ?? 0, claimed: claimedAddresses(), table: undefined, left: new Set() };
    return this.#seen;
  }
}

// --- internal ---

interface Seen {
  readonly atMs: number;
  readonly claimed: ClaimedAddresses;
  /** Read for the first question that needs it. */
  table: Promise<ByAddress> | undefined;
  readonly left: Set<string>;
}

/** Of the kernel's virtual servers, as `formatServiceKey` writes them. */
type ByAddress = ReadonlyMap<string, readonly string[]>;

/** To read all for each of a thousand that leave at once would keep a daemon from everything else for minutes. */
const BELIEVED_MS = 1000;

async function readTable(): Promise<ByAddress> {
  // To ask would load it.
  if (!isIpvsLoaded()) return new Map();
  try {
    const dataPlane = await openIpvs();
    try {
      const names = new Map<string, string[]>();
      for (const { service } of await dataPlane.readAll()) {
        const { address } = service.endpoint;
        names.set(address, [...(names.get(address) ?? []), formatServiceKey(service)]);
      }
      return names;
    } finally {
      await dataPlane.close();
    }
  } catch (error) {
    if (error instanceof LvscareError && error.code === "MODULE_MISSING") return new Map();
    throw error;
  }
}
