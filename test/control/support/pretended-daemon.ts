import type { FailedChecks } from "../../../src/control/real-server-report.ts";
import type { WebSources } from "../../../src/control/web-answers.ts";
import type { WebVirtualServer } from "../../../src/control/web-view.ts";
import type { EventRecord } from "../../../src/domain/event-record.ts";
import { withService } from "../../../src/domain/in-service.ts";
import { REAL_SERVER_STATES, type RealServerState } from "../../../src/domain/health.ts";
import type { RealServerStatus, VirtualServerStatus } from "../../../src/domain/status.ts";
import { CheckHistory } from "../../../src/events/check-history.ts";
import { NO_TRAFFIC } from "../../../src/domain/virtual-server.ts";

/** A status and events that a test makes up. */
export class PretendedDaemon {
  /** Three minutes ago, for nearly as long as a minute. */
  startedAt = new Date(Date.now() - 182_000).toISOString();
  status: VirtualServerStatus;
  events: EventRecord[] = [];
  readonly checks = new CheckHistory();
  failures: FailedChecks[] = [];
  /** Why there is no status, if there is none. */
  problem: string | undefined;
  /** How often the status was read, and what happens then. */
  readings = 0;
  whenRead: () => void = () => undefined;
  onEvent: () => void = () => undefined;

  constructor(servers: number) {
    this.status = virtualServer(servers, this.startedAt);
  }

  /** One real server becomes otherwise. */
  change(index: number, changes: Partial<RealServerStatus>): void {
    this.status = {
      ...this.status,
      realServers: this.status.realServers.map((server, at) => (at === index ? { ...server, ...changes } : server)),
    };
  }

  /** A transition, with all that belongs to it. */
  move(index: number, to: RealServerState, reason: string): void {
    const server = this.status.realServers[index];
    if (server === undefined) throw new Error(`there is no real server ${index}`);
    const at = new Date().toISOString();
    const passed = to === "healthy" || to === "recovering";
    this.change(index, {
      state: to,
      health: to,
      weight: to === "healthy" ? 1 : 0,
      stateSince: at,
      lastVerdict: { passed, reason, latencyMs: passed ? 0.8 : 3000, at },
    });
    this.happen({
      level: "info",
      type: "realServer.healthChanged",
      server: server.address,
      ...(isHealth(server.state) && { from: server.state }),
      to,
      message: `real server ${server.address} ${server.state} → ${to}: ${reason}`,
    });
  }

  happen(event: Pick<EventRecord, "level" | "type" | "message" | "server" | "from" | "to">): void {
    this.events.push({
      id: this.events.length + 1,
      at: new Date().toISOString(),
      sinceBootMs: performance.now(),
      ...event,
    });
    this.onEvent();
  }

  sources(): WebSources {
    const all = [this.source()];
    return { virtualServers: () => all, metrics: () => "" };
  }

  source(): WebVirtualServer {
    return {
      named: { protocol: this.status.protocol, address: this.status.address },
      status: () => {
        this.readings++;
        this.whenRead();
        return this.problem === undefined
          ? Promise.resolve(withService(this.status))
          : Promise.reject(new Error(this.problem));
      },
      events: (after) => ({
        protocol: this.status.protocol,
        address: this.status.address,
        startedAt: this.startedAt,
        sinceBootMs: performance.now(),
        events: this.events.filter(({ id }) => id > after),
      }),
      checks: this.checks,
      failuresOf: () => this.failures,
    };
  }
}

// --- internal ---

function isHealth(state: RealServerStatus["state"]): state is RealServerState {
  return REAL_SERVER_STATES.some((one) => one === state);
}

function virtualServer(count: number, startedAt: string): VirtualServerStatus {
  return {
    address: "10.103.97.12:6443",
    protocol: "tcp",
    scheduler: "rr",
    dataPlane: { kind: "ipvs", via: "libnl" },
    stats: { ...NO_TRAFFIC, connections: 18_211, inBytes: 71_400_000, outBytes: 912_000_000 },
    realServers: Array.from({ length: count }, (_, index) => realServer(index, startedAt)),
    reach: {
      mode: "route",
      objects: [{ name: "route 10.103.97.12/32 via 10.0.0.5 metric 50", state: "stands", since: startedAt }],
    },
    daemon: {
      version: "0.1.0",
      pid: 812,
      startedAt,
      state: "serving/settled",
      applies: 12,
      repairs: 1,
      intervalMs: 5000,
    },
  };
}

function realServer(index: number, stateSince: string): RealServerStatus {
  return {
    address: `10.0.${Math.floor(index / 200)}.${(index % 200) + 11}:6443`,
    state: "healthy",
    weight: 1,
    forwarding: "masquerade",
    activeConnections: 12 + (index % 7),
    inactiveConnections: 3,
    stats: NO_TRAFFIC,
    stateSince,
    lastVerdict: { passed: true, reason: "status 200", latencyMs: 0.8, at: new Date().toISOString() },
  };
}
