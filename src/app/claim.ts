import { readFileSync } from "node:fs";
import { claimName, holderOfName, Patience, type Claim, type ClaimRefusal } from "#native";
import { formatEndpoint, type Endpoint } from "../domain/endpoint.ts";
import { describeError, throwFailures } from "../domain/errors.ts";
import type { Logger } from "../domain/logger.ts";
import { formatServiceKey, type ServiceKey } from "../domain/virtual-server.ts";
import { ClaimedElsewhere } from "./claimed-elsewhere.ts";
import {
  isAddressLocked,
  lockHolder,
  locksByAddress,
  RuntimeLocks,
  type LockHolder,
  type LocksByAddress,
  type RuntimeLock,
} from "./runtime-lock.ts";
import { ownerOfSocket } from "./socket-owner.ts";

/** The other process that cares for this virtual server in this network namespace; undefined when there is none. */
export function otherCaretaker(key: ServiceKey): string | undefined {
  return otherCaretakers([key]).get(formatServiceKey(key));
}

/** The same for several, by `formatServiceKey`, with one look at the list of names. */
export function otherCaretakers(keys: readonly ServiceKey[]): ReadonlyMap<string, string> {
  const claimed = claimedServices();
  return new Map(
    keys.flatMap((key): [string, string][] => {
      const name = formatServiceKey(key);
      const found = caretakerByName(name, undefined, claimed) ?? lockHolder(key);
      return found === undefined ? [] : [[name, holder(found)]];
    }),
  );
}

/** What daemons of this network namespace claim, by address: to ask for many at once. */
export interface ClaimedAddresses {
  readonly names: ReadonlyMap<string | undefined, readonly string[]>;
  readonly locks: LocksByAddress;
}

export function claimedAddresses(): ClaimedAddresses {
  const names = new Set(claimedNames().map((one) => one.name));
  return {
    names: Map.groupBy(names, (name) => ADDRESS_OF_SERVICE.exec(name.replace(ALIAS_END, ""))?.[1]),
    locks: locksByAddress(),
  };
}

/**
 * Whether any process in this network namespace cares for a virtual server at this address, on any port of any
 * protocol; `besides`: for another one than these. Whoever of `claimed` gave it up meanwhile does not count.
 */
export function isAddressCaredFor(
  endpoint: Endpoint,
  besides: readonly ServiceKey[] = [],
  claimed: ClaimedAddresses = claimedAddresses(),
): boolean {
  const uncounted = new Set(besides.map(formatServiceKey));
  const port = `:${endpoint.port}`;
  const sought = formatEndpoint(endpoint).slice(0, -port.length);
  const names = (claimed.names.get(sought) ?? []).filter((one) => !uncounted.has(one.replace(ALIAS_END, "")));
  if (names.some((one) => counted(one, holderOfName(one)) !== undefined)) return true;
  return isAddressLocked(sought, besides, claimed.locks);
}

/**
 * Makes this process the only one that cares for these virtual servers: for all, or for none and ALREADY_RUNNING is
 * thrown, with the pid of the one that cares for it; for several that are not free, one error that lists them.
 *
 * It takes two things for each. The name is visible to every process in the network namespace, even with another
 * /run, but any user may take it. The lock can only be taken by this user. If the name belongs to a user who could
 * not write to our data plane anyway, that is mischief: it gets a warning, and a random name is taken instead.
 */
export function claimVirtualServers(keys: readonly ServiceKey[], uid: number, logger: Logger): Claims {
  using taken = new DisposableStack();
  const failures: ClaimedElsewhere[] = [];
  const held = takeAll(keys, uid, taken, failures);
  // Only now: whoever takes another name while we look sees ours. And once for all: the list has all of them in it.
  const claimed = claimedServices();
  for (const one of held.values()) collect(failures, () => one.refuseOther(claimed));
  throwFailures(failures);
  for (const one of held.values()) one.warn(logger);
  const all = taken.move();
  const timer = setInterval(() => {
    using locks = new RuntimeLocks();
    for (const one of held.values()) one.renew(locks);
  }, KEEP_MS);
  timer.unref();
  all.defer(() => clearInterval(timer));
  return {
    release(key) {
      const name = formatServiceKey(key);
      held.get(name)?.[Symbol.dispose]();
      held.delete(name);
      if (held.size === 0) all.dispose();
    },
    [Symbol.dispose]: () => all.dispose(),
  };
}

/** What was claimed together; disposing of it gives up all that is left of it. */
export interface Claims extends Disposable {
  /** Gives up one of them; nothing where it is not, or no longer, among them. */
  release(key: ServiceKey): void;
}

// --- internal ---

/** How often to try again for a name or lock that was lost or not available. */
const KEEP_MS = 10_000;

type Holder = ClaimRefusal["heldBy"];

/** Without those that are not free. */
function takeAll(
  keys: readonly ServiceKey[],
  uid: number,
  taken: DisposableStack,
  failures: ClaimedElsewhere[],
): Map<string, Held> {
  using locks = new RuntimeLocks();
  const patience = new Patience();
  const held = new Map<string, Held>();
  for (const key of keys) {
    collect(failures, () => {
      held.set(formatServiceKey(key), taken.use(new Held(key, uid, locks, patience)));
    });
  }
  return held;
}

function collect(failures: ClaimedElsewhere[], claim: () => void): void {
  try {
    claim();
  } catch (error) {
    if (!(error instanceof ClaimedElsewhere)) throw error;
    failures.push(error);
  }
}

/** The name and the lock of one virtual server. */
class Held implements Disposable {
  readonly #service: string;
  readonly #key: ServiceKey;
  readonly #uid: number;
  /** Who has the name itself. */
  readonly #stranger: Holder | undefined;
  /** Why there is no lock. */
  readonly #problem: string | undefined;
  #name: Claim | undefined;
  #lock: RuntimeLock | undefined;

  /** Throws ALREADY_RUNNING when the lock is not free. */
  constructor(key: ServiceKey, uid: number, locks: RuntimeLocks, patience: Patience) {
    const service = formatServiceKey(key);
    this.#key = key;
    this.#uid = uid;
    this.#service = service;
    const lock = takeLock(key, locks);
    if ("heldBy" in lock) throw new ClaimedElsewhere(service, holder(caretakerByName(service, uid) ?? lock.heldBy));
    this.#lock = Symbol.dispose in lock ? lock : undefined;
    this.#problem = "problem" in lock ? lock.problem : undefined;
    try {
      const outcome = claimName(service, { patience });
      this.#stranger = "heldBy" in outcome ? outcome.heldBy : undefined;
      this.#name = "heldBy" in outcome ? claimAlias(service) : outcome;
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  /** Throws ALREADY_RUNNING when the name's holder counts, or one under a substitute for it does. */
  refuseOther(claimed: ClaimedServices): void {
    const owner = this.#stranger && counted(this.#service, this.#stranger, this.#uid);
    const other = owner ?? caretakerByName(this.#service, this.#uid, claimed, this.#name?.name);
    if (other !== undefined) throw new ClaimedElsewhere(this.#service, holder(other));
  }

  warn(logger: Logger): void {
    const stranger = this.#stranger;
    if (stranger === undefined) return;
    const whose = stranger.uid < 0 ? "somebody" : `user ${stranger.uid}`;
    const rest = this.#problem === undefined ? "" : `, and without the lock: ${this.#problem}`;
    logger.warn(`${whose} holds the name of ${this.#service} (${holder(stranger)}); going on under another${rest}`);
  }

  /** Cleaners of temporary files remove the lock, and strangers may release the name. */
  renew(locks: RuntimeLocks): void {
    if (this.#name?.name !== this.#service) {
      const outcome = claimName(this.#service, { patience: new Patience(0) });
      if (!("heldBy" in outcome)) {
        this.#name?.[Symbol.dispose]();
        this.#name = outcome;
      }
    }
    if (this.#lock?.stands() === true) return;
    const outcome = takeLock(this.#key, locks);
    if (!(Symbol.dispose in outcome)) return;
    this.#lock?.[Symbol.dispose]();
    this.#lock = outcome;
  }

  [Symbol.dispose](): void {
    this.#name?.[Symbol.dispose]();
    this.#lock?.[Symbol.dispose]();
  }
}

function takeLock(key: ServiceKey, locks: RuntimeLocks): RuntimeLock | LockHolder | { readonly problem: string } {
  try {
    return locks.lock(key);
  } catch (error) {
    return { problem: describeError(error) };
  }
}

/** The suffix of a name that is taken because a stranger has the name itself. */
const ADDRESS_OF_SERVICE = /^[a-z]+ (.+):\d+$/;
const ALIAS_END = / [\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/;

function claimAlias(service: string): Claim | undefined {
  const outcome = claimName(`${service} ${crypto.randomUUID()}`);
  return "heldBy" in outcome ? undefined : outcome;
}

/** The holder of the name, or of a substitute for it; `own` is this process's. */
function caretakerByName(
  service: string,
  uid?: number,
  claimed: ClaimedServices = claimedServices(),
  own?: string,
): Holder | undefined {
  for (const name of claimed.get(service) ?? []) {
    if (name === own) continue;
    const found = counted(name, holderOfName(name), uid);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The names that are taken for each virtual server: its own, and substitutes for it. */
type ClaimedServices = ReadonlyMap<string, ReadonlySet<string>>;

function claimedServices(): ClaimedServices {
  const services = new Map<string, Set<string>>();
  for (const { name } of claimedNames()) {
    const service = name.replace(ALIAS_END, "");
    const names = services.get(service) ?? new Set();
    services.set(service, names.add(name));
  }
  return services;
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

function holder({ pid }: { readonly pid: number }): string {
  return pid === 0 ? "another process" : `pid ${pid}`;
}
