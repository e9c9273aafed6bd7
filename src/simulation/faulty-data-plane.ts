import type { Clock } from "../probe/clock.ts";
import type { DataPlane, FailedOperation } from "../dataplane/data-plane.ts";
import { formatEndpoint } from "../domain/endpoint.ts";
import { LvscareError } from "../domain/errors.ts";
import { describeOperation, type Operation } from "../domain/plan.ts";
import type { ObservedVirtualServer, ServiceKey, VirtualServer } from "../domain/virtual-server.ts";

/** The present faults of a data plane. */
export interface PlaneFaults {
  /** For a read, and for each operation that is written. */
  latencyMs: number;
  readsFail: boolean;
  writesFail: boolean;
  /** Real servers whose operations are refused. */
  refused: ReadonlySet<string>;
}

/** Gets what one process does to the data plane. */
export interface PlaneListener {
  reading(): void;
  /** Not when the reading failed: then nothing was learned. */
  read(): void;
  applying(operations: readonly Operation[]): void;
  /** Instead of that, while all writes fail. */
  refusing(): void;
  writing(operation: Operation): void;
  wrote(operation: Operation): void;
  applied(): void;
}

/** A data plane as one process gets at it: late, and with faults. A process that is killed while it writes gets no further. */
export class FaultyDataPlane implements DataPlane {
  readonly kind: DataPlane["kind"];
  readonly via: string;
  readonly #plane: DataPlane;
  readonly #faults: PlaneFaults;
  readonly #clock: Clock;
  readonly #listener: PlaneListener;

  constructor(plane: DataPlane, faults: PlaneFaults, clock: Clock, listener: PlaneListener) {
    this.kind = plane.kind;
    this.via = plane.via;
    this.#plane = plane;
    this.#faults = faults;
    this.#clock = clock;
    this.#listener = listener;
  }

  preflight(service: VirtualServer): Promise<void> {
    return this.#plane.preflight(service);
  }

  async read(key: ServiceKey): Promise<ObservedVirtualServer | undefined> {
    this.#listener.reading();
    if (this.#faults.readsFail) throw unreachable("read the virtual server");
    this.#listener.read();
    // The reading is old by the time it arrives.
    const observed = await this.#plane.read(key);
    await this.#pause();
    return observed;
  }

  measure(key: ServiceKey): Promise<ObservedVirtualServer | undefined> {
    return this.#plane.measure(key);
  }

  readAll(): Promise<readonly ObservedVirtualServer[]> {
    return this.#plane.readAll();
  }

  async apply(key: ServiceKey, operations: readonly Operation[]): Promise<readonly FailedOperation[]> {
    if (this.#faults.writesFail) {
      this.#listener.refusing();
      throw unreachable("write to the virtual server");
    }
    const failed: FailedOperation[] = [];
    this.#listener.applying(operations);
    for (const operation of operations) {
      await this.#pause();
      if (this.#isRefused(operation)) failed.push({ operation, error: refusal(operation) });
      else {
        this.#listener.writing(operation);
        const refused = await this.#plane.apply(key, [operation]);
        failed.push(...refused);
        if (refused.length === 0) this.#listener.wrote(operation);
      }
    }
    this.#listener.applied();
    return failed;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  // --- internal ---

  async #pause(): Promise<void> {
    const { latencyMs } = this.#faults;
    if (latencyMs > 0) await new Promise<void>((resolve) => void this.#clock.setTimeout(resolve, latencyMs));
  }

  #isRefused(operation: Operation): boolean {
    if (operation.kind === "server.remove") return this.#faults.refused.has(formatEndpoint(operation.endpoint));
    return "server" in operation && this.#faults.refused.has(formatEndpoint(operation.server.endpoint));
  }
}

// --- internal ---

function unreachable(operation: string): LvscareError {
  return new LvscareError("KERNEL_REFUSED", "the kernel refused with EBUSY", { operation });
}

function refusal(operation: Operation): LvscareError {
  return new LvscareError("KERNEL_REFUSED", "the kernel refused with ENOMEM: out of memory", {
    operation: describeOperation(operation),
  });
}
