import { readFileSync } from "node:fs";
import { claimName, type Claim } from "#native";
import { LvscareError } from "../domain/errors.ts";
import type { Logger } from "../domain/logger.ts";
import { formatServiceKey, type ServiceKey } from "../domain/virtual-server.ts";

/** Who else cares for this virtual server in this network namespace; undefined when nobody does. */
export function otherCaretaker(key: ServiceKey): string | undefined {
  const outcome = claimName(formatServiceKey(key));
  if (!("heldBy" in outcome)) {
    outcome[Symbol.dispose]();
    return undefined;
  }
  return holder(outcome.heldBy);
}

/** Whether anybody in this network namespace cares for a virtual server at this address, on whatever port. */
export function isAddressCaredFor({ endpoint, protocol }: ServiceKey): boolean {
  const [name = ""] = formatServiceKey({ protocol, endpoint }).split(/:\d+$/);
  return claimedNames().some((claimed) => claimed.split(/:\d+$/)[0] === name);
}

/**
 * Makes this process the only one that cares for the virtual server, or throws ALREADY_RUNNING with the other's pid. A claim held by
 * a user who could not write to our data plane anyway is somebody's mischief and only warned of.
 */
export function claimVirtualServer(key: ServiceKey, uid: number, logger: Logger): Disposable {
  const outcome = claimName(formatServiceKey(key));
  if (!("heldBy" in outcome)) return outcome satisfies Claim;
  const { heldBy } = outcome;
  if (heldBy.uid !== 0 && heldBy.uid !== uid) {
    logger.warn(
      `user ${heldBy.uid} holds the name of ${formatServiceKey(key)} (${holder(heldBy)}); going on without it`,
    );
    return { [Symbol.dispose]: () => undefined };
  }
  throw new LvscareError("ALREADY_RUNNING", `${holder(heldBy)} already cares for ${formatServiceKey(key)}`, {
    remedy: "stop it first, or ask it with `lvscare status`",
  });
}

// --- internal ---

/** From the kernel's list of unix sockets, which shows abstract ones with an `@`; its last column may hold blanks. */
function claimedNames(): string[] {
  return [...readFileSync("/proc/net/unix", "utf8").matchAll(/ @lvscare\/(.*)$/gm)].map(([, name = ""]) => name);
}

function holder({ pid }: { readonly pid: number }): string {
  return pid === 0 ? "another process" : `pid ${pid}`;
}
