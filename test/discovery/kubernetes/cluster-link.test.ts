import { describe, expect, test } from "bun:test";
import type { Api, ApiFailure, ApiReply } from "../../../src/discovery/kubernetes/api.ts";
import { ClusterLink } from "../../../src/discovery/kubernetes/cluster-link.ts";
import { reportLease, writeReport } from "../../../src/discovery/kubernetes/report-lease.ts";
import { drainAnnotation, drainValue, type ClusterDrains } from "../../../src/domain/cluster-drain.ts";
import { reportAnnotation, reportsIn, type NodeReport } from "../../../src/domain/node-report.ts";
import { VirtualClock } from "../../../src/simulation/virtual-clock.ts";

const SERVICE = "/api/v1/namespaces/default/services/kubernetes";
const DRAIN = { since: "2026-12-01T02:00:00.000Z", by: "alice" };
const M1 = "192.168.0.2";

describe("drains of a cluster", () => {
  test("are read once members are known, and when a slice says that they changed", async () => {
    using world = new World();
    expect(world.asked).toBe(0);
    await world.known("watched", "");
    expect([world.asked, world.heard]).toEqual([1, []]);
    await world.clock.advance(400_000);
    await world.known("watched", "");
    expect(world.asked).toBe(1);
    world.annotations = { [drainAnnotation(M1)]: drainValue(DRAIN) };
    await world.known("watched", "1");
    await world.known("watched", "2");
    // Not all nodes in the same moment.
    expect(world.asked).toBe(1);
    await world.clock.advance(1000);
    expect([world.asked, world.heard]).toEqual([2, [[M1, DRAIN]]]);
  });

  test("have our own connections move, once new ones go elsewhere: they would be waited for as any other", async () => {
    using world = new World();
    world.annotations = { [drainAnnotation(M1)]: drainValue(DRAIN) };
    await world.known("watched", "");
    expect(world.moved).toBe(0);
    await world.clock.advance(2500);
    expect(world.moved).toBe(1);
    world.annotations = {};
    await world.known("watched", "1");
    await world.clock.advance(5000);
    expect([world.heard, world.moved]).toEqual([[], 1]);
  });

  test("are read now and then all the same, as a mark may be missed", async () => {
    using world = new World();
    await world.known("watched", "");
    await world.clock.advance(599_000);
    expect(world.asked).toBe(1);
    await world.clock.advance(1000);
    expect(world.asked).toBe(2);
  });

  test("are asked for with the members where nothing may be watched", async () => {
    using world = new World();
    await world.known("polled", "");
    await world.clock.advance(60_000);
    expect(world.asked).toBe(3);
  });

  test("stay when nobody answers, and when they may not be read, which is told", async () => {
    using world = new World();
    world.annotations = { [drainAnnotation(M1)]: drainValue(DRAIN) };
    await world.known("polled", "");
    world.answer = { failed: "nobody" };
    await world.clock.advance(60_000);
    expect([world.heard, world.link.rights]).toEqual([[[M1, DRAIN]], undefined]);
    world.answer = refusal(403, "services is forbidden");
    await world.clock.advance(60_000);
    expect([world.heard, world.link.rights]).toEqual([[[M1, DRAIN]], { deaf: "status 403: services is forbidden" }]);
    world.answer = undefined;
    await world.clock.advance(600_000);
    expect(world.link.rights).toBeUndefined();
  });
});

describe("the nodes of a cluster", () => {
  test("are counted where that is wanted and allowed, by one of their leases", async () => {
    using world = new World();
    await world.known("watched", "");
    expect(world.counts).toEqual([]);
    world.isCounting = true;
    world.leases = { metadata: { continue: "x", remainingItemCount: 4999 }, items: [{}] };
    await world.clock.advance(600_000);
    expect(world.counts).toEqual([5000]);
    world.leases = { metadata: {}, items: [{}] };
    await world.clock.advance(600_000);
    expect(world.counts).toEqual([5000, 1]);
    // It has more than one, and does not say how many.
    world.leases = { metadata: { continue: "x" }, items: [{}] };
    await world.clock.advance(600_000);
    world.leases = undefined;
    await world.clock.advance(600_000);
    expect(world.counts).toEqual([5000, 1]);
  });
});

describe("what a node reports", () => {
  test("is written on a change, five minutes after the last time at the soonest, and each hour", async () => {
    using world = new World();
    await world.known("watched", "");
    await world.clock.advance(10_000);
    expect(world.told).toHaveLength(1);
    world.report = { ...world.report, inService: 2 };
    await world.clock.advance(280_000);
    expect(world.told).toHaveLength(1);
    await world.clock.advance(90_000);
    expect(world.told.map(({ inService }) => inService)).toEqual([3, 2]);
    await world.clock.advance(3_400_000);
    expect(world.told).toHaveLength(2);
    await world.clock.advance(300_000);
    expect(world.told).toHaveLength(3);
  });

  test("of a drain is that it has begun, rarely how many connections are open, and at once that none is", async () => {
    using world = new World();
    world.annotations = { [drainAnnotation(M1)]: drainValue(DRAIN) };
    await world.known("watched", "");
    // Heard of, and not in the table yet.
    await world.clock.advance(4000);
    const before = world.told.length;
    const tell = async (open: number, ms: number): Promise<readonly unknown[]> => {
      world.report = { ...world.report, drained: { [M1]: { since: DRAIN.since, open } } };
      await world.clock.advance(ms);
      return world.told.slice(before).map(({ drained }) => drained[M1]?.open);
    };
    expect(await tell(5, 4000)).toEqual([5]);
    expect(await tell(4, 4000)).toEqual([5]);
    expect(await tell(3, 16_000)).toEqual([5, 3]);
    expect(await tell(0, 4000)).toEqual([5, 3, 0]);
  });

  test("is tried again when it failed, and told when it may not be written", async () => {
    using world = new World();
    world.outcome = { failed: "nobody" };
    await world.known("watched", "");
    await world.clock.advance(4000);
    expect(world.told.length).toBeGreaterThan(1);
    world.outcome = refusal(403, "leases is forbidden");
    await world.clock.advance(10_000);
    expect(world.link.rights).toEqual({ mute: "status 403: leases is forbidden" });
    world.outcome = OK;
    await world.clock.advance(610_000);
    expect(world.link.rights).toBeUndefined();
  });

  test("goes beside that of others into the node's own lease, or into one that is made for it", async () => {
    const written: unknown[] = [];
    const api = {
      get: () => Promise.reject(new Error("nothing is asked")),
      watch: () => {
        throw new Error("nothing is watched");
      },
      write: (method: string, path: string, object: object) => {
        written.push([method, path, object]);
        return Promise.resolve(method === "PATCH" ? refusal(404, "not found") : OK);
      },
      [Symbol.dispose]: () => undefined,
    };
    const annotations = { [reportAnnotation(REPORT.virtualServer)]: JSON.stringify(REPORT) };
    expect(Object.keys(annotations)).toEqual(["report.lvscare/tcp_10.96.0.1_6443"]);
    expect(reportsIn({ ...annotations, "report.lvscare/x": "{}", other: JSON.stringify(REPORT) })).toEqual([REPORT]);
    await writeReport(api, { namespace: "kube-node-lease", name: "n1" }, REPORT);
    await writeReport(api, reportLease(undefined, "n1"), REPORT);
    const own = "/apis/coordination.k8s.io/v1/namespaces/lvscare-reports/leases";
    const lease = { apiVersion: "coordination.k8s.io/v1", kind: "Lease", metadata: { name: "n1", annotations } };
    expect(written).toEqual([
      ["PATCH", "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/n1", { metadata: { annotations } }],
      ["PATCH", `${own}/n1`, { metadata: { annotations } }],
      ["POST", own, lease],
    ]);
  });
});

// --- internal ---

const OK: ApiReply = { status: 200, body: "{}", retryAfterMs: undefined };

const REPORT: NodeReport = {
  version: "5.0.0",
  at: "2026-12-01T02:00:00.000Z",
  service: "default/kubernetes",
  virtualServer: "tcp 10.96.0.1:6443",
  way: "watched",
  inService: 3,
  of: 3,
  drained: {},
};

/** A link to an API server that answers as the test says. */
class World implements Disposable {
  readonly clock = new VirtualClock();
  readonly link: ClusterLink;
  readonly told: NodeReport[] = [];
  annotations: Readonly<Record<string, string>> = {};
  /** Instead of the service. */
  answer: ApiReply | ApiFailure | undefined;
  outcome: ApiReply | ApiFailure = OK;
  report = REPORT;
  asked = 0;
  moved = 0;
  isCounting = false;
  leases: object | undefined;
  readonly counts: number[] = [];
  heard: readonly unknown[] = [];

  constructor() {
    const api: Pick<Api, "get"> = {
      get: (path) => {
        if (path === "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases?limit=1")
          return Promise.resolve(this.leases ? { ...OK, body: JSON.stringify(this.leases) } : refusal(403, "no"));
        expect(path).toBe(SERVICE);
        this.asked++;
        const body = JSON.stringify({ kind: "Service", metadata: { annotations: this.annotations } });
        return Promise.resolve(this.answer ?? { ...OK, body });
      },
    };
    this.link = new ClusterLink({
      api,
      clock: this.clock,
      random: () => 0.5,
      service: SERVICE,
      pollMs: 30_000,
      user: {
        hearDrains: (drains: ClusterDrains) => void (this.heard = [...drains]),
        report: () => Promise.resolve(this.report),
        nodes: { isWanted: () => this.isCounting, hear: (count) => void this.counts.push(count) },
      },
      move: () => void this.moved++,
      tell: (report) => {
        this.told.push(report);
        return Promise.resolve(this.outcome);
      },
    });
  }

  async known(way: "watched" | "polled", marks: string): Promise<void> {
    this.link.known(way, marks);
    await this.clock.advance(0);
  }

  [Symbol.dispose](): void {
    this.link[Symbol.dispose]();
  }
}

function refusal(status: number, message: string): ApiReply {
  return { status, body: JSON.stringify({ kind: "Status", message }), retryAfterMs: undefined };
}
