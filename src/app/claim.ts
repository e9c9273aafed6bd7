import { readFileSync } from "node:fs";
import { claimName, holderOfName, type Claim, type ClaimRefusal } from "#native";
import { describeError, LvscareError } from "../domain/errors.ts";
import type { Logger } from "../domain/logger.ts";
import { formatServiceKey, type ServiceKey } from "../domain/virtual-server.ts";
import { isAddressLocked, lockHolder, lockVirtualServer, type LockHolder, type RuntimeLock } from "./runtime-lock.ts";
import { ownerOfSocket } from "./socket-owner.ts";

/** The other process that cares for this virtual server in this network namespace; undefined when there is none. */
export function otherCaretaker(key: ServiceKey): string | undefined {
  const found = caretakerByName(formatServiceKey(key)) ?? lockHolder(key);
  return found && holder(found);
}

/**
 * Whether any process in this network namespace cares for a virtual server at this address, on any port; `besides`:
 * for another one than these.
 */
export function isAddressCaredFor({ endpoint, protocol }: ServiceKey, besides: readonly ServiceKey[] = []): boolean {
  const uncounted = new Set(besides.map(formatServiceKey));
  const [name = ""] = formatServiceKey({ protocol, endpoint }).split(/:\d+$/);
  const claimed = new Set(claimedNames().map((one) => one.name));
  const ofAddress = [...claimed].filter((one) => {
    const service = one.replace(ALIAS_END, "");
    return !uncounted.has(service) && service.split(/:\d+$/)[0] === name;
  });
  if (ofAddress.some((one) => counted(one, holderOfName(one)) !== undefined)) return true;
  return isAddressLocked({ endpoint, protocol }, besides);
}

/**
 * Makes this process the only one that cares for the virtual server, or throws ALREADY_RUNNING with the other's pid.
 * It takes two things. The name is visible to every process in the network namespace, even with another /run, but any
 * user may take it. The lock can only be taken by this user. If the name belongs to a user who could not write to our
 * data plane anyway, that is mischief: it gets a warning, and a random name is taken instead.
 */
export function claimVirtualServer(key: ServiceKey, uid: number, logger: Logger): Disposable {
  const service = formatServiceKey(key);
  const lock = takeLock(key);
  let name: Claim | undefined;
  try {
    if ("heldBy" in lock) throw alreadyRunning(service, caretakerByName(service, uid) ?? lock.heldBy);
    const outcome = claimName(service);
    name = "heldBy" in outcome ? claimAlias(service) : outcome;
    const owner = "heldBy" in outcome ? counted(service, outcome.heldBy, uid) : undefined;
    const other = owner ?? caretakerByName(service, uid, name?.name);
    if (other !== undefined) throw alreadyRunning(service, other);
    if ("heldBy" in outcome) {
      const { heldBy } = outcome;
      const whose = heldBy.uid < 0 ? "somebody" : `user ${heldBy.uid}`;
      const rest = "problem" in lock ? `, and without the lock: ${lock.problem}` : "";
      logger.warn(`${whose} holds the name of ${service} (${holder(heldBy)}); going on under another${rest}`);
    }
  } catch (error) {
    name?.[Symbol.dispose]();
    if (Symbol.dispose in lock) lock[Symbol.dispose]();
    throw error;
  }
  return keep(key, name, Symbol.dispose in lock ? lock : undefined);
}

// --- internal ---

/** How often to try again for a name or lock that was lost or not available. */
const KEEP_MS = 10_000;

type Holder = ClaimRefusal["heldBy"];

/** Cleaners of temporary files remove the lock, and strangers may release the name. */
function keep(key: ServiceKey, firstName: Claim | undefined, firstLock: RuntimeLock | undefined): Disposable {
  let name = firstName;
  let lock = firstLock;
  const timer = setInterval(() => {
    if (name?.name !== formatServiceKey(key)) {
      const outcome = claimName(formatServiceKey(key));
      if (!("heldBy" in outcome)) {
        name?.[Symbol.dispose]();
        name = outcome;
      }
    }
    if (lock?.stands() === true) return;
    const outcome = takeLock(key);
    if (!(Symbol.dispose in outcome)) return;
    lock?.[Symbol.dispose]();
    lock = outcome;
  }, KEEP_MS);
  timer.unref();
  return {
    [Symbol.dispose]() {
      clearInterval(timer);
      name?.[Symbol.dispose]();
      lock?.[Symbol.dispose]();
    },
  };
}

function takeLock(key: ServiceKey): RuntimeLock | LockHolder | { readonly problem: string } {
  try {
    return lockVirtualServer(key);
  } catch (error) {
    return { problem: describeError(error) };
  }
}

/** The suffix of a name that is taken because a stranger has the name itself. */
const ALIAS_END = / [\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/;

function claimAlias(service: string): Claim | undefined {
  const outcome = claimName(`${service} ${crypto.randomUUID()}`);
  return "heldBy" in outcome ? undefined : outcome;
}

/** The holder of the name, or of a substitute for it; `own` is this process's. */
function caretakerByName(service: string, uid?: number, own?: string): Holder | undefined {
  const names = new Set(claimedNames().map(({ name }) => name));
  const meant = [...names].filter((name) => name === service || name.replace(ALIAS_END, "") === service);
  for (const name of meant) {
    if (name === own) continue;
    const found = counted(name, holderOfName(name), uid);
    if (found !== undefined) return found;
  }
  return undefined;
}

/**
 * Only root and this user could care for a virtual server of ours. A holder that cannot be asked, because its queue
 * is full, is looked up among the processes.
 */
function counted(name: string, owner: Holder | undefined, uid = process.getuid?.() ?? 0): Holder | undefined {
  if (owner === undefined) return undefined;
  const known = owner.uid >= 0 ? owner : ownerOfSocket(new Set(inodesOf(name)));
  return known !== undefined && (known.uid === 0 || known.uid === uid) ? known : undefined;
}

function inodesOf(name: string): string[] {
  return claimedNames().flatMap((one) => (one.name === name && !one.isConnected ? [one.inode] : []));
}

interface ClaimedName {
  readonly name: string;
  readonly inode: string;
  /** It is a connection to the name's holder, accepted or waiting. */
  readonly isConnected: boolean;
}

/** `SS_UNCONNECTED` of linux/net.h. */
const UNCONNECTED = "01";

/**
 * From the kernel's list of unix sockets, `Num RefCount Protocol Flags Type St Inode Path`. It shows abstract names
 * with an `@`, and the last column may contain blanks.
 */
function claimedNames(): ClaimedName[] {
  const rows = readText("/proc/net/unix").matchAll(/^\S+ +\S+ +\S+ +\S+ +\S+ +(\S+) +(\d+) @lvscare\/(.*)$/gm);
  return [...rows].map(([, state, inode = "", name = ""]) => ({ name, inode, isConnected: state !== UNCONNECTED }));
}

/** Without /proc, the name alone counts. */
function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

function alreadyRunning(service: string, heldBy: { readonly pid: number }): LvscareError {
  return new LvscareError("ALREADY_RUNNING", `${holder(heldBy)} already cares for ${service}`, {
    remedy: "stop it first, or ask it with `lvscare status`",
  });
}

function holder({ pid }: { readonly pid: number }): string {
  return pid === 0 ? "another process" : `pid ${pid}`;
}
