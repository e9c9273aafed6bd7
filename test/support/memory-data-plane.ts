import type { DataPlane, FailedOperation } from "../../src/dataplane/data-plane.ts";
import { formatEndpoint } from "../../src/domain/endpoint.ts";
import { LvscareError } from "../../src/domain/errors.ts";
import { describeOperation, type Operation } from "../../src/domain/plan.ts";
import {
  NO_TRAFFIC,
  type ObservedVirtualServer,
  type RealServer,
  type VirtualServer,
} from "../../src/domain/virtual-server.ts";

/** A data plane that is a table in memory, with a log of what was written and faults on demand. */
export class MemoryDataPlane implements DataPlane {
  readonly kind = "ipvs";
  readonly via = "memory";
  readonly written: string[] = [];
  service: VirtualServer | undefined;
  servers = new Map<string, RealServer>();
  /** Open connections by real server. */
  readonly connections = new Map<string, number>();
  /** Thrown by the next `apply`s, one each. */
  faults: LvscareError[] = [];
  readsFail: LvscareError[] = [];
  /** Operations that are refused, as `describeOperation` tells them. */
  readonly refused = new Set<string>();
  running = 0;
  mostAtOnce = 0;

  preflight(): Promise<void> {
    return Promise.resolve();
  }

  async read(): Promise<ObservedVirtualServer | undefined> {
    await Promise.resolve();
    const fault = this.readsFail.shift();
    if (fault !== undefined) throw fault;
    if (this.service === undefined) return undefined;
    return {
      service: this.service,
      stats: NO_TRAFFIC,
      realServers: [...this.servers.values()].map((server) => ({
        server,
        activeConnections: this.connections.get(formatEndpoint(server.endpoint)) ?? 0,
        inactiveConnections: 0,
        stats: NO_TRAFFIC,
      })),
    };
  }

  async readAll(): Promise<readonly ObservedVirtualServer[]> {
    const observed = await this.read();
    return observed === undefined ? [] : [observed];
  }

  async apply(_: unknown, operations: readonly Operation[]): Promise<readonly FailedOperation[]> {
    this.running++;
    this.mostAtOnce = Math.max(this.mostAtOnce, this.running);
    await Promise.resolve();
    this.running--;
    const fault = this.faults.shift();
    if (fault !== undefined) throw fault;
    const failed: FailedOperation[] = [];
    for (const operation of operations) {
      const what = describeOperation(operation);
      if (this.refused.has(what)) failed.push({ operation, error: new LvscareError("KERNEL_REFUSED", "on purpose") });
      else {
        this.written.push(what);
        this.#execute(operation);
      }
    }
    return failed;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  /** `10.0.0.1:80=1 10.0.0.2:80=0`, in the order of the addresses. */
  table(): string {
    return [...this.servers]
      .toSorted(([a], [b]) => a.localeCompare(b))
      .map(([key, { weight }]) => `${key}=${weight}`)
      .join(" ");
  }

  #execute(operation: Operation): void {
    switch (operation.kind) {
      case "service.create":
      case "service.update":
        this.service = operation.service;
        return;
      case "service.delete":
        this.service = undefined;
        this.servers.clear();
        return;
      case "server.add":
      case "server.update":
        this.servers.set(formatEndpoint(operation.server.endpoint), operation.server);
        return;
      case "server.remove":
        this.servers.delete(formatEndpoint(operation.endpoint));
    }
  }
}
