import type { DataPlane, FailedOperation } from "../dataplane/data-plane.ts";
import { formatEndpoint } from "../domain/endpoint.ts";
import { LvscareError } from "../domain/errors.ts";
import { describeOperation, type Operation } from "../domain/plan.ts";
import {
  NO_TRAFFIC,
  type ObservedVirtualServer,
  type RealServer,
  type VirtualServer,
} from "../domain/virtual-server.ts";

/**
 * A data plane that is a table in memory, with at most one virtual server. It refuses what the kernel would refuse,
 * keeps a log of the writes and fails on demand. Its fields stand for changes by others.
 */
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
  /** Operations that are refused, in the words of `describeOperation`. */
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
        // A table gives no objects that anybody put into it.
        server: { ...server, endpoint: { ...server.endpoint } },
        activeConnections: this.connections.get(formatEndpoint(server.endpoint)) ?? 0,
        inactiveConnections: 0,
      })),
    };
  }

  measure(): Promise<ObservedVirtualServer | undefined> {
    return this.read();
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
      const refusal = this.refused.has(what) ? "on purpose" : this.#execute(operation);
      if (refusal !== undefined)
        failed.push({ operation, error: new LvscareError("KERNEL_REFUSED", refusal, { operation: what }) });
      else this.written.push(what);
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

  /** Why it cannot be done; undefined when it was done. */
  #execute(operation: Operation): string | undefined {
    if (operation.kind === "service.create") {
      if (this.service !== undefined) return REFUSALS.exists;
      this.service = operation.service;
      this.servers.clear();
      return undefined;
    }
    if (this.service === undefined) return REFUSALS.noService;
    switch (operation.kind) {
      case "service.update":
        this.service = operation.service;
        return undefined;
      case "service.delete":
        this.service = undefined;
        this.servers.clear();
        return undefined;
      case "server.remove":
        return this.servers.delete(formatEndpoint(operation.endpoint)) ? undefined : REFUSALS.noServer;
      case "server.add":
      case "server.update": {
        const key = formatEndpoint(operation.server.endpoint);
        const stands = this.servers.has(key);
        if (stands && operation.kind === "server.add") return REFUSALS.exists;
        if (!stands && operation.kind === "server.update") return REFUSALS.noServer;
        this.servers.set(key, operation.server);
        return undefined;
      }
    }
  }
}

// --- internal ---

/** The errors of the kernel's IPVS (net/netfilter/ipvs/ip_vs_ctl.c). */
const REFUSALS = {
  exists: "the kernel refused with EEXIST: it is there already",
  noServer: "the kernel refused with ENOENT: there is no such real server",
  noService: "the kernel refused with ESRCH: there is no such virtual server",
} as const;
