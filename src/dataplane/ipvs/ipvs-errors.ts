import { LvscareError } from "../../domain/errors.ts";
import { describeOperation, type Operation } from "../../domain/plan.ts";
import type { KernelRefusal } from "../../netlink/messages.ts";

/** The kernel has no IPVS, or cannot load it. */
export function moduleMissing(refusal: KernelRefusal): LvscareError {
  return new LvscareError("MODULE_MISSING", "this kernel has no IPVS: the module ip_vs is not loaded and cannot be", {
    operation: "find IPVS in the kernel",
    errno: refusal.errno,
    remedy:
      "run `modprobe ip_vs` on the host; in a container mount /lib/modules; the module comes with the distribution's kernel package, " +
      "such as linux-modules-extra on Ubuntu or kernel-modules on Fedora",
  });
}

/** The kernel's refusal, in words that fit any operation. */
export function refusalError(refusal: KernelRefusal, operation: string): LvscareError {
  const options = { operation, errno: refusal.errno };
  if (refusal.errno === "EPERM" || refusal.errno === "EACCES") {
    return new LvscareError("NOT_PERMITTED", "the kernel does not let this process change IPVS", {
      ...options,
      remedy:
        "run as root or with CAP_NET_ADMIN (in a container: --cap-add NET_ADMIN); root of a user namespace is not enough",
    });
  }
  const meaning = MEANINGS.get(refusal.errno);
  const reasons = [meaning, refusal.detail].filter((reason) => reason !== undefined).join("; ");
  const message = `the kernel refused with ${refusal.errno}${reasons === "" ? "" : `: ${reasons}`}`;
  return new LvscareError("KERNEL_REFUSED", message, options);
}

/** The same for one operation of a plan, where the causes of ENOENT can be told apart. */
export function operationError(operation: Operation, refusal: KernelRefusal): LvscareError {
  const what = describeOperation(operation);
  const isService = operation.kind === "service.create" || operation.kind === "service.update";
  if (!isService || refusal.errno !== "ENOENT") return refusalError(refusal, what);
  return schedulerMissing(operation.service.scheduler, { operation: what, errno: refusal.errno });
}

export function schedulerMissing(
  scheduler: string,
  found: { readonly operation: string; readonly errno?: string },
): LvscareError {
  return new LvscareError("SCHEDULER_MISSING", `the kernel has no scheduler ${scheduler}`, {
    ...found,
    remedy: `run \`modprobe ip_vs_${scheduler}\` on the host, or choose another scheduler`,
  });
}

// --- internal ---

/** What an errno means when IPVS says it (net/netfilter/ipvs/ip_vs_ctl.c). */
const MEANINGS: ReadonlyMap<string, string> = new Map([
  ["EEXIST", "it is there already"],
  ["ENOENT", "there is no such real server"],
  ["ESRCH", "there is no such virtual server"],
  ["EINVAL", "a value is not allowed"],
  ["ERANGE", "a weight or connection limit is out of range"],
  ["EAFNOSUPPORT", "this kernel's IPVS lacks the address family"],
  ["EPROTONOSUPPORT", "this kernel's IPVS lacks the protocol"],
  ["ENOMEM", "out of memory"],
]);
