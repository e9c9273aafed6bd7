import { adoptServer, adoptService } from "../desired/adoption.ts";
import { atWeights, type MemberState } from "../desired/member.ts";
import { desiredByHealth } from "../desired/next.ts";
import { reconcileOnce } from "../dataplane/reconciler.ts";
import type { VirtualServerOptions } from "../config/care-options.ts";
import type { DataPlane } from "../dataplane/data-plane.ts";
import { formatEndpoint } from "../domain/endpoint.ts";
import { LvscareError } from "../domain/errors.ts";
import type { Holds } from "../domain/hold.ts";
import type { Logger } from "../domain/logger.ts";
import { describeOperation } from "../domain/plan.ts";
import { formatServiceKey } from "../domain/virtual-server.ts";

/**
 * Makes the virtual server with every real server in it, unprobed, and leaves it like that. Operators' requests
 * count. Drains servers that are not listed, but does not remove them.
 */
export async function runOnce(
  options: VirtualServerOptions,
  dataPlane: DataPlane,
  holds: Holds,
  logger: Logger,
): Promise<void> {
  const observed = await dataPlane.read(options.service);
  const members = options.realServers.map((configured): MemberState => ({
    ...atWeights(adoptServer(configured, observed)),
    name: formatEndpoint(configured.endpoint),
    state: "healthy",
    evidence: "table",
    history: "proven",
    share: 0,
    hold: holds.get(formatEndpoint(configured.endpoint)),
    isDrainedByConfiguration: options.drained.has(formatEndpoint(configured.endpoint)),
    isLeaving: false,
  }));
  const service = adoptService(options.service, observed);
  const desired = desiredByHealth(service, members, options.unlisted);
  const { operations, failure } = await reconcileOnce(dataPlane, options.service, desired);
  for (const operation of operations) logger.info(describeOperation(operation));
  if (failure !== undefined) throw failure;
  if (operations.length === 0) logger.info("everything stands already; nothing changed");
}

/** Throws USAGE for a virtual server that insists on the userspace data plane. */
export function refuseProxyOnce({ service, dataPlane }: Pick<VirtualServerOptions, "service" | "dataPlane">): void {
  if (dataPlane !== "userspace") return;
  throw new LvscareError(
    "USAGE",
    "the userspace data plane ends with its process, so there is nothing to set up once",
    { operation: `set up ${formatServiceKey(service)}` },
  );
}
