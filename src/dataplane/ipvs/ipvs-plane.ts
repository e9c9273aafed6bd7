import type { Operation } from "../../domain/plan.ts";
import {
  formatServiceKey,
  type ObservedRealServer,
  type ObservedVirtualServer,
  type ServiceKey,
  type TrafficStats,
  type VirtualServer,
} from "../../domain/virtual-server.ts";
import { NetlinkConnection, type NetlinkAnswer, type NetlinkRequest } from "../../netlink/connection.ts";
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
import { rehearse } from "./preflight.ts";

/**
 * The kernel's IPVS, in the network namespace where this is called, for any number of virtual servers. All data planes
 * that are open use one connection to the kernel, which ends with the last of them.
 */
export class Ipvs {
  readonly #openTransport: () => NetlinkTransport;
  #kernel: Kernel | undefined;
  #users = 0;

  constructor(openTransport: () => NetlinkTransport = () => openKernelTransport("generic")) {
    this.#openTransport = openTransport;
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
    const kernel = (this.#kernel ??= connect(this.#openTransport));
    this.#users++;
    return new IpvsPlane(kernel, () => {
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

interface Kernel {
  readonly connection: NetlinkConnection;
  readonly family: IpvsFamily;
}

function connect(openTransport: () => NetlinkTransport): Kernel {
  const connection = new NetlinkConnection(openTransport);
  connection.open();
  return { connection, family: new IpvsFamily(connection) };
}

interface SeenService {
  readonly service: VirtualServer;
  readonly stats: TrafficStats;
}

/**
 * The kernel answers within the system call, in some ten microseconds, so each method runs through synchronously.
 * They are async to fit the interface, and so that what they throw is a rejection.
 */
class IpvsPlane implements DataPlane {
  readonly kind = "ipvs";
  readonly #connection: NetlinkConnection;
  readonly #family: IpvsFamily;
  readonly #release: () => void;
  #isOpen = true;

  /** `release` is called once, when this one is closed. */
  constructor({ connection, family }: Kernel, release: () => void) {
    this.#connection = connection;
    this.#family = family;
    this.#release = release;
  }

  get via(): string {
    return this.#connection.via;
  }

  get remark(): string | undefined {
    return this.#connection.remark;
  }

  async preflight(service: VirtualServer): Promise<void> {
    rehearse(
      {
        apply: (key, operations) => this.#apply(key, operations),
        readService: (key) => this.#readService(key)?.service,
      },
      service,
    );
  }

  async read(key: ServiceKey): Promise<ObservedVirtualServer | undefined> {
    return this.#read(key, decodeDestination);
  }

  async measure(key: ServiceKey): Promise<ObservedVirtualServer | undefined> {
    return this.#read(key, decodeMeasuredDestination);
  }

  traffic(key: ServiceKey): readonly ObservedRealServer[] {
    return this.#readRealServers(key, decodeMeasuredDestination).filter(
      ({ server }) => server.forwarding === "masquerade",
    );
  }

  async readAll(): Promise<readonly ObservedVirtualServer[]> {
    return this.services().map((seen) => ({
      ...seen,
      realServers: this.#readRealServers(seen.service, decodeMeasuredDestination),
    }));
  }

  services(): readonly SeenService[] {
    return this.#dump("read the virtual servers", getServices, decodeService).filter((seen) => seen !== undefined);
  }

  async apply(key: ServiceKey, operations: readonly Operation[]): Promise<readonly FailedOperation[]> {
    const failed = this.#apply(key, operations);
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

  #apply(key: ServiceKey, operations: readonly Operation[]): readonly FailedOperation[] {
    if (operations.length === 0) return [];
    const refusals = this.#family.exchange(
      (family) => this.#connection.batch(operations.map((operation) => operationRequest(family, key, operation))),
      (result) => result,
    );
    return operations.flatMap((operation, index) => {
      const refusal = refusals[index];
      return refusal === undefined ? [] : [{ operation, error: operationError(operation, refusal) }];
    });
  }

  #read(key: ServiceKey, decode: typeof decodeDestination): ObservedVirtualServer | undefined {
    const seen = this.#readService(key);
    return seen === undefined ? undefined : { ...seen, realServers: this.#readRealServers(key, decode) };
  }

  #readService(key: ServiceKey): SeenService | undefined {
    const { replies, refusal } = this.#family.exchange(
      (family) => this.#connection.request(getService(family, key), decodeService),
      refusalOf,
    );
    if (refusal === undefined) return replies[0];
    if (refusal.errno === "ESRCH") return undefined;
    throw refusalError(refusal, `read virtual server ${formatServiceKey(key)}`);
  }

  /** Oldest first; the kernel lists the newest first. */
  #readRealServers(key: ServiceKey, decode: typeof decodeDestination): readonly ObservedRealServer[] {
    return this.#dump(
      `read the real servers of ${formatServiceKey(key)}`,
      (family) => getDestinations(family, key),
      (payload) => decode(payload, key.endpoint.family),
    ).toReversed();
  }

  #dump<T>(
    operation: string,
    request: (family: number) => NetlinkRequest,
    decode: (payload: Uint8Array) => T,
  ): readonly T[] {
    const { replies, refusal }: NetlinkAnswer<T> = this.#family.exchange(
      (family) => this.#connection.dump(request(family), decode),
      refusalOf,
    );
    if (refusal !== undefined) throw refusalError(refusal, operation);
    return replies;
  }
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
