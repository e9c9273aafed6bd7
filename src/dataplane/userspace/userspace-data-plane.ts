import { LvscareError } from "../../domain/errors.ts";
import { describeOperation, type Operation } from "../../domain/plan.ts";
import {
  formatServiceKey,
  type ObservedVirtualServer,
  type ServiceKey,
  type VirtualServer,
} from "../../domain/virtual-server.ts";
import type { DataPlane, FailedOperation, HearOfSilence } from "../data-plane.ts";
import { Balancer, type Doors, type Silences } from "./balancer.ts";
import type { FlowOptions, SocketBytes } from "./flow.ts";
import { BufferBudget } from "./buffer-budget.ts";
import { listenOn, type Listen } from "./listener.ts";
import { createScheduler } from "./schedulers/index.ts";
import { socketHandlers } from "./socket-events.ts";
import type { Dialer, DialOptions } from "./upstream-dial.ts";

/** How virtual IPs become addresses that this host can listen on. */
export interface LocalAddresses {
  ensure(address: string): Promise<"already-local" | "added">;
  /** Takes back what `ensure` added. */
  release(address: string): Promise<unknown>;
}

export interface UserspaceDataPlaneOptions {
  /** Opens the sockets to real servers. */
  readonly dial: Dialer;
  readonly listen: Listen;
  readonly bytes: SocketBytes;
  readonly localAddresses: LocalAddresses;
  /** How long one real server may take to answer a dial before the next one is tried; 3000 by default. */
  readonly dialTimeoutMs?: number;
  /**
   * The most clients of one virtual server at the same time; others wait in the kernel's queue. No limit by default.
   */
  readonly mostConnections?: number;
  /** Called once each time that the limit is reached. */
  readonly onCrowd?: () => void;
  /** How much is buffered for all slow readers together before further ones are cut off; 64 MiB by default. */
  readonly mostBufferedBytes?: number;
  /** Gets our own faults inside socket events; the connection has ended. */
  readonly onFault?: (error: LvscareError) => void;
  /** Called once each time that this is reached. */
  readonly onFull?: () => void;
}

/** A TCP proxy in this process: for hosts without IPVS. Virtual servers and connections end with it. */
export class UserspaceDataPlane implements DataPlane {
  readonly kind = "userspace";
  readonly via = "in process";
  readonly #localAddresses: LocalAddresses;
  readonly #dialOptions: DialOptions;
  readonly #balancers = new Map<string, Balancer>();
  readonly #doors: Doors;
  readonly #flows: FlowOptions;
  readonly #silences: Silences = { hear: undefined };
  #closed = false;

  constructor(options: UserspaceDataPlaneOptions) {
    const { dial, listen, bytes, localAddresses, dialTimeoutMs = 3000, mostBufferedBytes, onFault, onFull } = options;
    this.#doors = {
      listen,
      most: options.mostConnections ?? Number.POSITIVE_INFINITY,
      onCrowd: () => options.onCrowd?.(),
    };
    this.#flows = { bytes, budget: new BufferBudget(() => onFull?.(), mostBufferedBytes) };
    this.#localAddresses = localAddresses;
    this.#dialOptions = {
      dial,
      timeoutMs: dialTimeoutMs,
      handlers: socketHandlers((cause) => {
        onFault?.(new LvscareError("SOCKET_FAILED", cause.message, { operation: "relay a connection", cause }));
      }),
    };
  }

  /** Bytes that were read and that clients and real servers have not taken yet, without those in the kernel. */
  get bufferedBytes(): number {
    return this.#flows.budget.bytes;
  }

  async preflight(service: VirtualServer): Promise<void> {
    this.#refuseWhenClosed();
    checkSupported(service);
    if (this.#balancers.has(formatServiceKey(service))) return;
    const { address } = service.endpoint;
    const outcome = await this.#localAddresses.ensure(address);
    try {
      listenOn(service.endpoint, this.#doors.listen, this.#dialOptions.handlers, (client) => client.terminate()).stop();
    } finally {
      if (outcome === "added") await this.#localAddresses.release(address);
    }
  }

  async read(key: ServiceKey): Promise<ObservedVirtualServer | undefined> {
    return this.#balancers.get(formatServiceKey(key))?.observe();
  }

  measure(key: ServiceKey): Promise<ObservedVirtualServer | undefined> {
    return this.read(key);
  }

  async readAll(): Promise<readonly ObservedVirtualServer[]> {
    return [...this.#balancers.values()].map((balancer) => balancer.observe());
  }

  async apply(key: ServiceKey, operations: readonly Operation[]): Promise<readonly FailedOperation[]> {
    const failed: FailedOperation[] = [];
    for (const operation of operations) {
      this.#refuseWhenClosed();
      try {
        await this.#execute(key, operation);
      } catch (error) {
        failed.push({ operation, error: asFailure(error, operation) });
      }
    }
    return failed;
  }

  onSilence(hear: HearOfSilence): void {
    this.#silences.hear = hear;
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const balancer of this.#balancers.values()) balancer.close();
    this.#balancers.clear();
  }

  // --- internal ---

  async #execute(key: ServiceKey, operation: Operation): Promise<void> {
    switch (operation.kind) {
      case "service.create":
        return this.#create(operation.service);
      case "service.update":
        checkSupported(operation.service);
        return this.#balancer(key).updateService(operation.service);
      case "service.delete":
        this.#balancer(operation.service).close();
        this.#balancers.delete(formatServiceKey(operation.service));
        return;
      case "server.add":
        return this.#balancer(key).addServer(operation.server);
      case "server.update":
        return this.#balancer(key).updateServer(operation.server);
      case "server.remove":
        return this.#balancer(key).removeServer(operation.endpoint);
    }
  }

  async #create(service: VirtualServer): Promise<void> {
    const name = formatServiceKey(service);
    if (this.#balancers.has(name)) {
      throw new LvscareError("APPLY_FAILED", `virtual server ${name} is there already`, { errno: "EEXIST" });
    }
    checkSupported(service);
    await this.#localAddresses.ensure(service.endpoint.address);
    // Closing may have come while the address was being made.
    this.#refuseWhenClosed();
    this.#balancers.set(
      name,
      new Balancer(service, {
        dialOptions: this.#dialOptions,
        doors: this.#doors,
        flows: this.#flows,
        silences: this.#silences,
      }),
    );
  }

  #balancer(key: ServiceKey): Balancer {
    const balancer = this.#balancers.get(formatServiceKey(key));
    if (balancer !== undefined) return balancer;
    throw new LvscareError("APPLY_FAILED", `no virtual server ${formatServiceKey(key)}`, { errno: "ESRCH" });
  }

  #refuseWhenClosed(): void {
    if (this.#closed) throw new LvscareError("APPLY_FAILED", "the userspace data plane is closed");
  }
}

/** Throws USAGE for what this proxy would silently do otherwise than IPVS. */
export function checkSupported(service: VirtualServer): void {
  if (service.protocol !== "tcp") {
    throw new LvscareError("USAGE", `the userspace data plane proxies tcp only, not ${service.protocol}`, {
      remedy: "use the ipvs data plane",
    });
  }
  if (service.persistenceTimeoutS > 0 || service.flags.includes("persistent")) {
    throw new LvscareError("USAGE", "the userspace data plane has no persistence", {
      remedy: "use the scheduler sh, which keeps a client at its server, or the ipvs data plane",
    });
  }
  createScheduler(service);
}

// --- internal ---

/** The failure with its operation; anything but an `LvscareError` is turned into one. */
function asFailure(error: unknown, operation: Operation): LvscareError {
  const what = describeOperation(operation);
  if (!(error instanceof LvscareError)) {
    return new LvscareError("APPLY_FAILED", error instanceof Error ? error.message : String(error), {
      operation: what,
      cause: error,
    });
  }
  if (error.operation !== undefined) return error;
  const { code, message, remedy, errno } = error;
  return new LvscareError(code, message, {
    operation: what,
    cause: error,
    ...(remedy === undefined ? {} : { remedy }),
    ...(errno === undefined ? {} : { errno }),
  });
}
