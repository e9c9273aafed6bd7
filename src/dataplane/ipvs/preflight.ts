import { LvscareError } from "../../domain/errors.ts";
import type { Operation } from "../../domain/plan.ts";
import type { ServiceKey, VirtualServer } from "../../domain/virtual-server.ts";
import type { FailedOperation } from "../data-plane.ts";

/** What the rehearsal needs of a data plane. */
export interface Rehearsal {
  apply(key: ServiceKey, operations: readonly Operation[]): readonly FailedOperation[];
  readService(key: ServiceKey): VirtualServer | undefined;
}

/**
 * Makes a virtual server like the given one on an address that nobody may use (RFC 5737, RFC 3849), reads it back and deletes it.
 * One that is there already was left by a crash, or is another process's rehearsal: it is deleted, and ours begins anew.
 */
export function rehearse(stage: Rehearsal, service: VirtualServer): void {
  const trial = { ...service, endpoint: TRIAL_ENDPOINT[service.endpoint.family] };
  let failure: unknown;
  for (let attempt = 1; attempt <= TRIES; attempt++) {
    failure = rehearseOnce(stage, trial);
    if (failure === undefined) return;
  }
  throw failure;
}

// --- internal ---

const TRIES = 3;

const TRIAL_ENDPOINT = {
  ipv4: { family: "ipv4", address: "198.51.100.0", port: 20_000 },
  ipv6: { family: "ipv6", address: "2001:db8::", port: 20_000 },
} as const;

/** Throws what will not change; returns what another try may cure. */
function rehearseOnce(stage: Rehearsal, trial: VirtualServer): unknown {
  const [created] = stage.apply(trial, [{ kind: "service.create", service: trial }]);
  if (created !== undefined && created.error.errno !== "EEXIST") throw created.error;
  const seen = created === undefined ? stage.readService(trial) : undefined;
  const [deleted] = stage.apply(trial, [{ kind: "service.delete", service: trial }]);
  if (created !== undefined) return created.error;
  if (seen === undefined || deleted !== undefined) {
    // A kernel interface that says yes and does nothing must not pass for IPVS.
    return new LvscareError("KERNEL_REFUSED", "IPVS took a virtual server, yet does not have it", {
      operation: "try out IPVS",
    });
  }
  if (seen.scheduler === trial.scheduler) return undefined;
  throw new LvscareError("KERNEL_REFUSED", `IPVS made the scheduler ${trial.scheduler} into ${seen.scheduler}`, {
    operation: "try out IPVS",
  });
}
