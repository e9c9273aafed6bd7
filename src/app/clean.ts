import type { VirtualServerOptions } from "../config/care-options.ts";
import type { DataPlane } from "../dataplane/data-plane.ts";
import { openIpvs } from "../dataplane/ipvs/ipvs-plane.ts";
import { reconcileOnce } from "../dataplane/reconciler.ts";
import { describeError, LvscareError, throwFailures } from "../domain/errors.ts";
import type { Logger } from "../domain/logger.ts";
import { describeOperation } from "../domain/plan.ts";
import { formatServiceKey, type ServiceKey } from "../domain/virtual-server.ts";
import { removeLoopbackAddress } from "../reach/loopback-address.ts";
import type { HostObject } from "../reach/host-object.ts";
import { ReachHost, reachToRemove, type Spared } from "./reach.ts";
import { daemonFolder } from "./daemon-sockets.ts";
import { HoldFile } from "./hold-file.ts";
import { AddressUsers } from "./address-users.ts";
import { otherCaretaker } from "./claim.ts";

/**
 * Removes what caring for this virtual server made. Missing things are fine, and a failed step does not stop the
 * others.
 */
export async function clean(options: VirtualServerOptions, logger: Logger): Promise<void> {
  const { service } = options;
  const caretaker = otherCaretaker(service);
  if (caretaker !== undefined) {
    logger.warn(`${caretaker} still cares for ${formatServiceKey(service)} and will put it back; stop it first`);
  }
  await allOf([
    () => deleteService(service, logger),
    ...takeBacks(options, new ReachHost(), logger),
    () => forgetHolds(service),
  ]);
}

/**
 * Removes what is left of a virtual server that is no longer in a data plane, and that this process still has the claim
 * to: addresses, reach. What operators hold stays, for when it is back. `host`: as those see it that it goes on to care for.
 * `users`: who needs its address besides.
 */
export async function cleanAfter(
  options: Pick<VirtualServerOptions, "service" | "reach">,
  host: ReachHost,
  users: AddressUsers,
  logger: Logger,
): Promise<void> {
  await allOf(takeBacks(options, host, logger, { besides: [options.service], users }));
}

/** Takes the virtual server out of the kernel's table if it is there and this process may do so. */
export async function withdrawFromKernel(key: ServiceKey, logger: Logger): Promise<void> {
  const dataPlane = await openIpvs();
  try {
    if ((await dataPlane.read(key)) !== undefined) await deleteService(key, logger);
  } catch (error) {
    if (!(error instanceof LvscareError) || !["MODULE_MISSING", "NOT_PERMITTED"].includes(error.code)) throw error;
    logger.debug(`what stands in the kernel is not known: ${describeError(error)}`);
  } finally {
    await dataPlane.close();
  }
}

// --- internal ---

type Step = () => Promise<void> | void;

function takeBacks(
  options: Pick<VirtualServerOptions, "service" | "reach">,
  host: ReachHost,
  logger: Logger,
  spared: Spared = {},
): readonly Step[] {
  const ofReach = reachToRemove(options, host, logger, spared).map((object) => () => takeBack(object, logger));
  return [() => removeAddress(options.service, logger, spared), ...ofReach];
}

/** A failed step does not stop the others. */
async function allOf(steps: readonly Step[]): Promise<void> {
  const failures: unknown[] = [];
  for (const step of steps) {
    try {
      await step();
    } catch (error) {
      failures.push(error);
    }
  }
  throwFailures(failures);
}

async function deleteService(key: ServiceKey, logger: Logger): Promise<void> {
  let dataPlane: DataPlane | undefined;
  try {
    dataPlane = await openIpvs();
    const { operations, failure } = await reconcileOnce(dataPlane, key, undefined);
    for (const operation of operations) logger.info(describeOperation(operation));
    if (failure !== undefined) throw failure;
    if (operations.length === 0) logger.info(`there is no virtual server ${formatServiceKey(key)} in the kernel`);
  } catch (error) {
    // A kernel without IPVS holds no virtual servers: that is as clean as it gets.
    if (!(error instanceof LvscareError) || error.code !== "MODULE_MISSING") throw error;
    logger.info("this kernel has no IPVS, so there is no virtual server to delete");
  } finally {
    await dataPlane?.close();
  }
}

async function takeBack(object: HostObject, logger: Logger): Promise<void> {
  if (await object.remove()) logger.info(`removed ${object.name}`);
}

/** The next daemon begins without what operators asked of this one. */
function forgetHolds(key: ServiceKey): void {
  new HoldFile(daemonFolder(), key).write(new Map());
}

async function removeAddress(
  { endpoint }: ServiceKey,
  logger: Logger,
  { besides, users = new AddressUsers() }: Spared,
): Promise<void> {
  // The proxy of another virtual server may listen on the same address.
  if (users.isCaredFor(endpoint, besides)) return logger.info(`${endpoint.address} stays: a daemon still cares for it`);
  if (await removeLoopbackAddress(endpoint.address))
    logger.info(`removed ${endpoint.address} from the loopback device`);
}
