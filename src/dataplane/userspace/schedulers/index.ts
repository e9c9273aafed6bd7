import { LvscareError } from "../../../domain/errors.ts";
import type { VirtualServer } from "../../../domain/virtual-server.ts";
import { destinationHashing, sourceHashing } from "./hashing.ts";
import { leastConnection, neverQueue, shortestExpectedDelay, weightedLeastConnection } from "./least-connection.ts";
import { roundRobin, weightedRoundRobin } from "./round-robin.ts";
import type { Scheduler } from "./scheduler.ts";

const MAKERS: ReadonlyMap<string, (service: VirtualServer) => Scheduler> = new Map([
  ["rr", roundRobin],
  ["wrr", weightedRoundRobin],
  ["lc", leastConnection],
  ["wlc", weightedLeastConnection],
  // The second scheduler flag means sh-port to sh.
  ["sh", ({ flags }: VirtualServer) => sourceHashing(flags.includes("flag-2"))],
  ["dh", ({ endpoint }: VirtualServer) => destinationHashing(endpoint.address)],
  ["sed", shortestExpectedDelay],
  ["nq", neverQueue],
]);

/** Names of the schedulers that the userspace data plane has. */
export const USERSPACE_SCHEDULERS: readonly string[] = [...MAKERS.keys()];

/** The scheduler that the virtual server names, at the beginning of its walk. */
export function createScheduler(service: VirtualServer): Scheduler {
  const make = MAKERS.get(service.scheduler);
  if (make === undefined) {
    throw new LvscareError("SCHEDULER_MISSING", `the userspace data plane has no scheduler "${service.scheduler}"`, {
      remedy: `use one of ${USERSPACE_SCHEDULERS.join(", ")}`,
      errno: "ENOENT",
    });
  }
  return make(service);
}
