import { applyPlan, UNKNOWN_TABLE } from "../actors/apply-plan.ts";
import { adoptServer, adoptService, atWeights, desiredState } from "../actors/desired-state.ts";
import type { CareOptions } from "../config/care-options.ts";
import type { DataPlane } from "../dataplane/data-plane.ts";
import { formatEndpoint } from "../domain/endpoint.ts";
import type { Holds } from "../domain/hold.ts";
import type { Logger } from "../domain/logger.ts";
import { describeOperation } from "../domain/plan.ts";

/**
 * Makes the virtual server with every real server in it, unprobed, and leaves it so; what operators asked for counts. Drains, but does not
 * remove, who is not listed.
 */
export async function runOnce(options: CareOptions, dataPlane: DataPlane, holds: Holds, logger: Logger): Promise<void> {
  const observed = await dataPlane.read(options.service);
  const members = options.realServers.map((configured) => ({
    ...atWeights(adoptServer(configured, observed)),
    name: formatEndpoint(configured.endpoint),
    state: "healthy" as const,
    proven: true,
    judged: true,
    checked: true,
    served: true,
    unreachable: false,
    accepts: true,
    share: 0,
    hold: holds.get(formatEndpoint(configured.endpoint)),
  }));
  const desired = desiredState(
    adoptService(options.service, observed),
    members,
    [],
    options.keepForeign ? "keep" : "remove",
  );
  const { operations, failure } = await applyPlan(dataPlane, { key: options.service, desired, ...UNKNOWN_TABLE });
  for (const operation of operations) logger.info(describeOperation(operation));
  if (failure !== undefined) throw failure;
  if (operations.length === 0) logger.info("everything stands already; nothing changed");
}
