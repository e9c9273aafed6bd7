import { formatEndpoint } from "../domain/endpoint.ts";
import { describeError, LvscareError } from "../domain/errors.ts";
import { describeOperation, plan, type DesiredVirtualServer, type Operation } from "../domain/plan.ts";
import type { ObservedVirtualServer, ServiceKey } from "../domain/virtual-server.ts";
import type { DataPlane, FailedOperation } from "../dataplane/data-plane.ts";

export interface ApplyInput {
  readonly key: ServiceKey;
  /** Undefined: there shall be no such virtual server. */
  readonly desired: DesiredVirtualServer | undefined;
  /** What the last successful round made so; undefined when unknown. A deviation from it is someone else's doing. */
  readonly established: DesiredVirtualServer | undefined;
}

export interface ApplyReport {
  /** What was done. */
  readonly operations: readonly Operation[];
  /** Those of the operations that repair what someone else changed. */
  readonly repairs: readonly Operation[];
  /** What could not be done; undefined when everything was. */
  readonly failure: LvscareError | undefined;
  /** As it stood when the round began: what others put there is seen here. */
  readonly observed: ObservedVirtualServer | undefined;
  /** What stands now as it was desired, those apart whose operations failed; undefined where the virtual server itself does not. */
  readonly established: DesiredVirtualServer | undefined;
}

/**
 * One round: read what stands, plan, write. Where single operations fail, what the others did stays done, and the next round plans
 * again from what is really there; rejects when nothing could be done at all.
 */
export async function applyPlan(dataPlane: DataPlane, input: ApplyInput): Promise<ApplyReport> {
  const { key, desired, established } = input;
  const observed = await dataPlane.read(key);
  const operations = plan(desired, observed);
  if (operations.length === 0) return { operations, repairs: [], failure: undefined, observed, established: desired };
  const failed = await dataPlane.apply(key, operations);
  const refused = new Set(failed.map(({ operation }) => operation));
  const done = operations.filter((operation) => !refused.has(operation));
  const repairs = established === undefined ? [] : plan(established, observed);
  return {
    operations: done,
    repairs: common(done, repairs),
    failure: summary(failed, operations.length),
    observed,
    established: desired && without(desired, failed),
  };
}

// --- internal ---

/** What is known of those whose operations failed is nothing: they are neither in nor out nor strangers. */
function without(desired: DesiredVirtualServer, failed: readonly FailedOperation[]): DesiredVirtualServer | undefined {
  if (failed.length === 0) return desired;
  const servers = new Set<string>();
  for (const { operation } of failed) {
    if ("server" in operation) servers.add(formatEndpoint(operation.server.endpoint));
    else if ("endpoint" in operation) servers.add(formatEndpoint(operation.endpoint));
    else return undefined;
  }
  return {
    ...desired,
    realServers: desired.realServers.filter(({ endpoint }) => !servers.has(formatEndpoint(endpoint))),
    leaving: desired.leaving.filter(({ endpoint }) => !servers.has(formatEndpoint(endpoint))),
    absent: desired.absent.filter((endpoint) => !servers.has(formatEndpoint(endpoint))),
    foreign: "keep",
  };
}

function summary(failed: readonly FailedOperation[], tried: number): LvscareError | undefined {
  const [first] = failed;
  if (first === undefined) return undefined;
  const more = failed.length === 1 ? "" : ` (and ${failed.length - 1} more of ${tried} operations)`;
  return new LvscareError("APPLY_FAILED", `${describeError(first.error)}${more}`, { cause: first.error });
}

function common(operations: readonly Operation[], others: readonly Operation[]): Operation[] {
  const described = new Set(others.map(describeOperation));
  return operations.filter((operation) => described.has(describeOperation(operation)));
}
