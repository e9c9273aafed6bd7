import type { Operation } from "../../domain/plan.ts";
import {
  formatServiceKey,
  type ObservedRealServer,
  type ObservedVirtualServer,
  type ServiceKey,
  type TrafficStats,
  type VirtualServer,
} from "../../domain/virtual-server.ts";
import { BATCH_LIMIT, NetlinkConnection, type NetlinkAnswer, type NetlinkRequest } from "../../netlink/connection.ts";
import {
  decodeDestination,
  decodeMeasuredDestination,
  decodeService,
  deleteDestination,
  deleteService,
  getDestinations,
  getService,
  getServices,
  newDestination,
  newService,
  setDestination,
  setService,
} from "../../netlink/ipvs/requests.ts";
import { openKernelTransport } from "../../netlink/kernel-transport.ts";
import type { KernelRefusal } from "../../netlink/messages.ts";
import type { NetlinkTransport } from "../../netlink/transport.ts";
import type { DataPlane, FailedOperation } from "../data-plane.ts";
import { operationError, refusalError } from "./ipvs-errors.ts";
import { IpvsFamily } from "./ipvs-family.ts";
import { ListedTable, type IpvsListings } from "./listing.ts";
import { rehearse } from "./preflight.ts";
import { procFile } from "./proc-file.ts";
import { SharedTurn } from "./shared-turn.ts";

/**
 * The kernel's IPVS, in the network namespace where this is called, for any number of virtual servers. All data planes
 * that are open use one connection to the kernel, which ends with the last of them.
 */
export class Ipvs {
  readonly #openTransport: () => NetlinkTransport;
  readonly #listed: ListedTable | undefined;
  #kernel: Kernel | undefined;
  #users = 0;

  /** Without `openTransport` it is this host's kernel, which lists what it has as well. */
  constructor(
    openTransport?: () => NetlinkTransport,
    listings = openTransport === undefined ? hostListings() : undefined,
  ) {
    this.#openTransport = openTransport ?? (() => openKernelTransport("generic"));
    this.#listed = listings && new ListedTable(listings);
  }

  /**
   * Rejects with SOCKET_FAILED when the kernel gives no netlink socket; whether it has IPVS at all is for `preflight`
   * to find out.
   */
  async open(): Promise<DataPlane> {
    return this.#open();
  }

  /** All virtual servers that there are, without their real servers. Rejects as a data plane's `readAll` does. */
  async services(): Promise<readonly VirtualServer[]> {
    const plane = this.#open();
    try {
      return plane.services().map(({ service }) => service);
    } finally {
      await plane.close();
    }
  }

  // --- internal ---

  #open(): IpvsPlane {
    const kernel = (this.#kernel ??= new Kernel(this.#openTransport));
    this.#users++;
    return new IpvsPlane(kernel, this.#listed, () => {
      if (--this.#users > 0) return;
      this.#kernel = undefined;
      kernel.connection.close();
    });
  }
}

/** A data plane with a connection of its own; see `Ipvs`. */
export function openIpvs(openTransport?: () => NetlinkTransport): Promise<DataPlane> {
  return new Ipvs(openTransport).open();
}

// --- internal ---

function hostListings(): IpvsListings {
  return { table: procFile("/proc/net/ip_vs"), totals: procFile("/proc/net/ip_vs_stats") };
}

interface SeenService {
  readonly service: VirtualServer;
  readonly stats: TrafficStats;
}

/** A virtual server that somebody wants to be read. */
interface Reading {
  readonly key: ServiceKey;
  readonly decode: typeof decodeDestination;
  readonly answer: PromiseWithResolvers<ObservedVirtualServer | undefined>;
}

/** What somebody wants to be written of one virtual server. */
interface Writing {
  readonly key: ServiceKey;
  readonly operations: readonly Operation[];
  readonly answer: PromiseWithResolvers<readonly FailedOperation[]>;
}

/** One virtual server's, by way of the kernel that it shares with others. */
class IpvsPlane implements DataPlane {
  readonly kind = "ipvs";
  readonly #kernel: Kernel;
  readonly #listed: ListedTable | undefined;
  readonly #release: () => void;
  #isOpen = true;

  /** `release` is called once, when this one is closed. */
  constructor(kernel: Kernel, listed: ListedTable | undefined, release: () => void) {
    this.#kernel = kernel;
    this.#listed = listed;
    this.#release = release;
  }

  get via(): string {
    return this.#kernel.connection.via;
  }

  get remark(): string | undefined {
    return this.#kernel.connection.remark;
  }

  async preflight(service: VirtualServer): Promise<void> {
    rehearse(
      {
        apply: (key, operations) => this.#kernel.writeNow(key, operations),
        readService: (key) => this.#kernel.service(key)?.service,
      },
      service,
    );
  }

  read(key: ServiceKey): Promise<ObservedVirtualServer | undefined> {
    return this.#kernel.read(key, decodeDestination);
  }

  measure(key: ServiceKey): Promise<ObservedVirtualServer | undefined> {
    return this.#kernel.read(key, decodeMeasuredDestination);
  }

  outline(key: ServiceKey): bigint | undefined {
    return this.#listed?.outlineOf(key);
  }

  carried(key: ServiceKey): string | undefined {
    return this.#listed?.carriedBy(key);
  }

  traffic(key: ServiceKey): readonly ObservedRealServer[] {
    return this.#kernel
      .realServers(key, decodeMeasuredDestination)
      .filter(({ server }) => server.forwarding === "masquerade");
  }

  async readAll(): Promise<readonly ObservedVirtualServer[]> {
    return this.services().map((seen) => ({
      ...seen,
      realServers: this.#kernel.realServers(seen.service, decodeMeasuredDestination),
    }));
  }

  services(): readonly SeenService[] {
    return this.#kernel.services();
  }

  async apply(key: ServiceKey, operations: readonly Operation[]): Promise<readonly FailedOperation[]> {
    const failed = await this.#kernel.write(key, operations);
    const [first] = failed;
    // Permission is a matter of the process, not of one operation.
    if (first?.error.code === "NOT_PERMITTED" && failed.length === operations.length) throw first.error;
    return failed;
  }

  async close(): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#release();
  }
}

/**
 * The kernel's IPVS over one connection. It answers within the system call, in some ten microseconds, so everything is
 * synchronous but for this: what several virtual servers want to be read or written in one turn is read from one list
 * of all virtual servers, and written in one batch. Each gets an answer of its own.
 */
class Kernel {
  readonly connection: NetlinkConnection;
  readonly #family: IpvsFamily;
  readonly #readings = new SharedTurn<Reading>((all) => this.#readThese(all));
  readonly #writings = new SharedTurn<Writing>((all) => this.#writeThese(all));
  /** How many virtual servers the last list had. */
  #known = 0;

  constructor(openTransport: () => NetlinkTransport) {
    this.connection = new NetlinkConnection(openTransport);
    this.connection.open();
    this.#family = new IpvsFamily(this.connection);
  }

  read(key: ServiceKey, decode: typeof decodeDestination): Promise<ObservedVirtualServer | undefined> {
    const answer = Promise.withResolvers<ObservedVirtualServer | undefined>();
    this.#readings.add({ key, decode, answer });
    return answer.promise;
  }

  write(key: ServiceKey, operations: readonly Operation[]): Promise<readonly FailedOperation[]> {
    const answer = Promise.withResolvers<readonly FailedOperation[]>();
    this.#writings.add({ key, operations, answer });
    return answer.promise;
  }

  writeNow(key: ServiceKey, operations: readonly Operation[]): readonly FailedOperation[] {
    return failuresOf(operations, this.#execute([{ key, operations }]));
  }

  services(): readonly SeenService[] {
    const all = this.#dump("read the virtual servers", getServices, decodeService).filter((seen) => seen !== undefined);
    this.#known = all.length;
    return all;
  }

  service(key: ServiceKey): SeenService | undefined {
    const { replies, refusal } = this.#family.exchange(
      (family) => this.connection.request(getService(family, key), decodeService),
      refusalOf,
    );
    if (refusal === undefined) return replies[0];
    if (refusal.errno === "ESRCH") return undefined;
    throw refusalError(refusal, `read virtual server ${formatServiceKey(key)}`);
  }

  /** Oldest first; the kernel lists the newest first. */
  realServers(key: ServiceKey, decode: typeof decodeDestination): readonly ObservedRealServer[] {
    return this.#dump(
      `read the real servers of ${formatServiceKey(key)}`,
      (family) => getDestinations(family, key),
      (payload) => decode(payload, key.endpoint.family),
    ).toReversed();
  }

  // --- internal ---

  #readThese(all: readonly Reading[]): void {
    let find = (key: ServiceKey): SeenService | undefined => this.service(key);
    // A host may have many that are none of ours.
    if (all.length >= LEAST_LISTED && all.length * WORTH >= this.#known) {
      try {
        const byKey = new Map(this.services().map((seen) => [formatServiceKey(seen.service), seen]));
        find = (key) => byKey.get(formatServiceKey(key));
      } catch (error) {
        for (const { answer } of all) answer.reject(error);
        return;
      }
    }
    for (const { key, decode, answer } of all) {
      try {
        const seen = find(key);
        answer.resolve(seen && { ...seen, realServers: this.realServers(key, decode) });
      } catch (error) {
        answer.reject(error);
      }
    }
  }

  /** Whole virtual servers, as many as fit into a send: what breaks one send leaves the others their answers. */
  #writeThese(all: readonly Writing[]): void {
    let batch: Writing[] = [];
    let size = 0;
    for (const one of all) {
      if (size > 0 && size + one.operations.length > BATCH_LIMIT) {
        this.#writeBatch(batch);
        [batch, size] = [[], 0];
      }
      batch.push(one);
      size += one.operations.length;
    }
    this.#writeBatch(batch);
  }

  #writeBatch(batch: readonly Writing[]): void {
    try {
      const refusals = this.#execute(batch);
      let at = 0;
      for (const { operations, answer } of batch)
        answer.resolve(failuresOf(operations, refusals.slice(at, (at += operations.length))));
    } catch (error) {
      for (const { answer } of batch) answer.reject(error);
    }
  }

  #execute(batch: readonly Pick<Writing, "key" | "operations">[]): readonly (KernelRefusal | undefined)[] {
    if (batch.every(({ operations }) => operations.length === 0)) return [];
    return this.#family.exchange(
      (family) =>
        this.connection.batch(
          batch.flatMap(({ key, operations }) =>
            operations.map((operation) => operationRequest(family, key, operation)),
          ),
        ),
      (result) => result,
    );
  }

  #dump<T>(
    operation: string,
    request: (family: number) => NetlinkRequest,
    decode: (payload: Uint8Array) => T,
  ): readonly T[] {
    const { replies, refusal }: NetlinkAnswer<T> = this.#family.exchange(
      (family) => this.connection.dump(request(family), decode),
      refusalOf,
    );
    if (refusal !== undefined) throw refusalError(refusal, operation);
    return replies;
  }
}

/** For fewer than so many virtual servers, no list is read. */
const LEAST_LISTED = 3;

/** As many of a list can be read in the time that it takes to ask for one: what is not in the list costs no system call. */
const WORTH = 2;

function failuresOf(
  operations: readonly Operation[],
  refusals: readonly (KernelRefusal | undefined)[],
): readonly FailedOperation[] {
  return operations.flatMap((operation, index) => {
    const refusal = refusals[index];
    return refusal === undefined ? [] : [{ operation, error: operationError(operation, refusal) }];
  });
}

function refusalOf(answer: { readonly refusal: KernelRefusal | undefined }): readonly (KernelRefusal | undefined)[] {
  return [answer.refusal];
}

/** The kernel command of one operation on the virtual server `key`. */
function operationRequest(family: number, key: ServiceKey, operation: Operation): NetlinkRequest {
  switch (operation.kind) {
    case "service.create":
      return newService(family, operation.service);
    case "service.update":
      return setService(family, operation.service);
    case "service.delete":
      return deleteService(family, operation.service);
    case "server.add":
      return newDestination(family, key, operation.server);
    case "server.update":
      return setDestination(family, key, operation.server);
    case "server.remove":
      return deleteDestination(family, key, operation.endpoint);
  }
}
