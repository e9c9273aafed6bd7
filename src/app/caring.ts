import { describeError } from "../domain/errors.ts";
import type { ServiceKey } from "../domain/virtual-server.ts";
import type { AddressUsers } from "./address-users.ts";
import type { Claims } from "./claim.ts";
import { cleanAfter } from "./clean.ts";
import type { LatestOnly } from "./latest-only.ts";
import type { Preparation } from "./preparation.ts";
import type { ReachHost } from "./reach.ts";
import type { VirtualServerCare } from "./virtual-server-care.ts";

/** What a virtual server is claimed and served with. */
export interface Holdings {
  readonly preparation: Preparation;
  /** Its own is among them. */
  readonly claims: Claims;
}

/** A virtual server that is cared for, with all that is to be given up when that ends. */
export interface Caring extends Holdings {
  readonly care: VirtualServerCare;
  /** Its members are others: it is given them, one list at a time, and the last one counts. */
  readonly relist: LatestOnly<void, void>;
  /** Once its machine has ended: when everything that it had is given up, if that is done before all others end. */
  gone: Promise<void> | undefined;
}

export async function giveUp(service: ServiceKey, { preparation, claims }: Holdings): Promise<void> {
  claims.release(service);
  await preparation.selection.dataPlane.close();
}

/** Caring for it has ended, and its entries stay in the kernel. */
export async function release(caring: Caring): Promise<void> {
  const { care } = caring;
  care.close();
  await giveUp(care.options.service, caring);
}

/** It has left the data plane. The claim goes last: until then, what it had of reach is nobody else's. */
export async function clearAway(
  { care, preparation, claims }: Caring,
  host: ReachHost,
  users: AddressUsers,
): Promise<void> {
  const { selection, logger } = preparation;
  try {
    await care.settled();
    care.close();
    await selection.dataPlane.close();
    users.left(care.options.service);
    await cleanAfter(care.options, host, users, logger);
    logger.info("gone, as the configuration says");
  } catch (error) {
    logger.warn(`something of it stays: ${describeError(error)}`);
  } finally {
    claims.release(care.options.service);
  }
}
