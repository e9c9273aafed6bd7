import type { Endpoint } from "../../domain/endpoint.ts";
import { LvscareError } from "../../domain/errors.ts";
import type { Operation } from "../../domain/plan.ts";
import { formatServiceKey, type ServiceKey, type VirtualServer } from "../../domain/virtual-server.ts";
import type { FailedOperation } from "../data-plane.ts";

/** What the rehearsal needs of a data plane. */
export interface Rehearsal {
  apply(key: ServiceKey, operations: readonly Operation[]): readonly FailedOperation[];
  readService(key: ServiceKey): VirtualServer | undefined;
}

/**
 * Creates a virtual server like the given one at its `trialEndpoint`, reads it back and deletes it, even after a
 * failure. One that is already there may be another process's rehearsal: it is spared at first. If it is still there
 * later, a crash left it, and it is deleted.
 */
export function rehearse(stage: Rehearsal, service: VirtualServer): void {
  const trial = { ...service, endpoint: trialEndpoint(service) };
  let failure: LvscareError | undefined;
  for (let attempt = 1; attempt <= TRIES; attempt++) {
    failure = rehearseOnce(stage, trial, attempt === 1 ? "spare" : "delete");
    if (failure === undefined) return;
  }
  throw failure;
}

/**
 * An address for documentation (RFC 5737, RFC 3849) and a port derived from the virtual server. So rehearsals at the
 * same time are for different virtual servers, and the next start for the same one finds what a crash left. The pid
 * would do neither: in containers that share a network namespace, all processes may have the same pid.
 */
export function trialEndpoint(key: ServiceKey): Endpoint {
  const { family } = key.endpoint;
  const port = 20_000 + (Bun.hash.crc32(formatServiceKey(key)) % 40_000);
  return { family, address: family === "ipv6" ? "2001:db8::" : "198.51.100.0", port };
}

// --- internal ---

/** Two that have the same port may delete each other's trial a few times. */
const TRIES = 6;

/** Throws a failure that will not change; returns one that another try may cure. */
function rehearseOnce(stage: Rehearsal, trial: VirtualServer, other: "spare" | "delete"): LvscareError | undefined {
  let refusal: LvscareError | undefined;
  let seen: VirtualServer | undefined;
  let removal: readonly FailedOperation[] = [];
  try {
    refusal = stage.apply(trial, [{ kind: "service.create", service: trial }])[0]?.error;
    if (refusal === undefined) seen = stage.readService(trial);
  } finally {
    // Also after a throw: the kernel may have done what it gave no answer to.
    if (refusal === undefined || (refusal.errno === "EEXIST" && other === "delete")) {
      removal = stage.apply(trial, [{ kind: "service.delete", service: trial }]);
    }
  }
  if (refusal?.errno === "EEXIST") return refusal;
  if (refusal !== undefined) throw refusal;
  if (seen === undefined || removal.length > 0) {
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
