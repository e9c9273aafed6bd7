import { describe, expect, test } from "bun:test";
import type { Api, ApiReply } from "../../../src/discovery/kubernetes/api.ts";
import { Maintenance } from "../../../src/discovery/kubernetes/maintenance.ts";
import { drainAnnotation, DRAINS_CHANGED } from "../../../src/domain/cluster-drain.ts";
import { LvscareError } from "../../../src/domain/errors.ts";
import { reportAnnotation, type NodeReport } from "../../../src/domain/node-report.ts";

const [M1, M2, M3] = ["192.168.0.2", "192.168.0.3", "192.168.0.4"] as const;
const DRAIN = { since: "2026-12-01T02:00:00.000Z", by: "alice" };
const SERVICE = "/api/v1/namespaces/default/services/kubernetes";
const SLICE = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/kubernetes";

describe("maintenance on all nodes", () => {
  test("is an annotation for each address, beside whatever else is there, and a mark for those who watch", async () => {
    const cluster = new ScriptedCluster(M1, M2, M3);
    const { maintenance } = cluster;
    cluster.annotate(SERVICE, { "app.test/owner": "web" });
    expect(await maintenance.drain([M1], DRAIN)).toEqual([]);
    expect(cluster.annotationsOf(SERVICE)).toEqual({
      "app.test/owner": "web",
      [drainAnnotation(M1)]: JSON.stringify(DRAIN),
    });
    expect(cluster.annotationsOf(SLICE)).toEqual({ [DRAINS_CHANGED]: DRAIN.since });
    expect([...(await maintenance.drains())]).toEqual([[M1, DRAIN]]);
    // Who drained it first has done so.
    await maintenance.drain([M1, M2], { since: "2026-12-01T03:00:00.000Z" });
    expect(new Map(await maintenance.drains()).get(M1)).toEqual(DRAIN);
    expect(await maintenance.undrain([M1, M3], "2026-12-01T04:00:00.000Z")).toEqual([
      `${M3}: the cluster does not drain it`,
    ]);
    expect([...(await maintenance.drains()).keys()]).toEqual([M2]);
    expect(cluster.annotationsOf(SLICE)).toEqual({ [DRAINS_CHANGED]: "2026-12-01T04:00:00.000Z" });
  });

  test("is refused before any change where it means nobody, or leaves nobody", async () => {
    const cluster = new ScriptedCluster(M1, M2);
    const { maintenance } = cluster;
    await expectRefusal(
      maintenance.drain([M1, M3], DRAIN),
      "NOT_LISTED",
      `${M3}: no endpoint of service default/kubernetes`,
    );
    await expectRefusal(maintenance.drain([M1, M2], DRAIN), "USAGE", "nobody would be left");
    expect(cluster.annotationsOf(SERVICE)).toEqual({});
    await maintenance.drain([M1], DRAIN);
    await expectRefusal(maintenance.drain([M2], DRAIN), "USAGE", `${M1} is drained already`);
  });

  test("lets go whoever has left the list in the meantime", async () => {
    const cluster = new ScriptedCluster(M1, M2);
    await cluster.maintenance.drain([M1], DRAIN);
    cluster.list(M2);
    await cluster.maintenance.undrain([M1], DRAIN.since);
    expect(await cluster.maintenance.drains()).toEqual(new Map());
  });

  test("tells what it was not allowed to do", async () => {
    const cluster = new ScriptedCluster(M1, M2, M3);
    cluster.forbidden = SLICE;
    expect(await cluster.maintenance.drain([M1], DRAIN)).toEqual([
      "nodes that watch may learn of it as late as in ten minutes, as its EndpointSlices cannot be marked: status 403: forbidden",
    ]);
    cluster.forbidden = SERVICE;
    await expectRefusal(cluster.maintenance.drain([M2], DRAIN), "CLUSTER_FAILED", "status 403: forbidden");
  });
});

test("nodes are all that have a lease, each with its reports of this service", async () => {
  const cluster = new ScriptedCluster(M1);
  cluster.addLease("kube-node-lease", "n2");
  cluster.addLease("kube-node-lease", "n1", report("tcp 10.96.0.1:6443"), {
    ...report("tcp 10.30.0.1:80"),
    service: "shop/web",
  });
  cluster.addLease("lvscare-reports", "n2", report("tcp 10.96.0.1:6443"));
  cluster.addLease("lvscare-reports", "n3", report("tcp 10.96.0.1:6443"));
  expect(await cluster.maintenance.nodes()).toEqual([
    { node: "n1", reports: [report("tcp 10.96.0.1:6443")] },
    { node: "n2", reports: [report("tcp 10.96.0.1:6443")] },
    { node: "n3", reports: [report("tcp 10.96.0.1:6443")] },
  ]);
});

// --- internal ---

async function expectRefusal(work: Promise<unknown>, code: string, message: string): Promise<void> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof LvscareError)) throw new Error(`no refusal: ${String(error)}`);
  expect(error.code).toBe(code as LvscareError["code"]);
  expect(error.message).toContain(message);
}

function report(virtualServer: string): NodeReport {
  return {
    version: "5.0.0",
    at: DRAIN.since,
    service: "default/kubernetes",
    virtualServer,
    way: "watched",
    inService: 3,
    of: 3,
    drained: {},
  };
}

/** Objects by their paths, with as much of an API server's behaviour as annotations need. */
class ScriptedCluster {
  readonly maintenance: Maintenance;
  /** What may not be written. */
  forbidden: string | undefined;
  readonly #annotations = new Map<string, Record<string, unknown>>([[SERVICE, {}]]);
  #members: readonly string[] = [];

  constructor(...members: readonly string[]) {
    this.list(...members);
    const api: Api = {
      get: (path) => Promise.resolve(this.#get(path)),
      watch: () => {
        throw new Error("nothing is watched");
      },
      write: (_, path, object) => Promise.resolve(this.#patch(path, object)),
      [Symbol.dispose]: () => undefined,
    };
    this.maintenance = new Maintenance(api, { namespace: "default", name: "kubernetes" });
  }

  list(...members: readonly string[]): void {
    this.#members = members;
    this.annotate(SLICE, {});
  }

  annotate(path: string, annotations: Readonly<Record<string, unknown>>): void {
    this.#annotations.set(path, { ...annotations });
  }

  annotationsOf(path: string): Readonly<Record<string, unknown>> | undefined {
    return this.#annotations.get(path);
  }

  addLease(namespace: string, name: string, ...reports: readonly NodeReport[]): void {
    const annotations = reports.map((one) => [reportAnnotation(one.virtualServer), JSON.stringify(one)]);
    this.annotate(`${leasesOf(namespace)}/${name}`, Object.fromEntries(annotations));
  }

  #get(path: string): ApiReply {
    const [folder = ""] = path.split("?");
    const annotations = this.#annotations.get(folder);
    if (annotations !== undefined) return reply(200, { metadata: { annotations } });
    const items = [...this.#annotations].flatMap(([one, its]) =>
      one.startsWith(`${folder}/`)
        ? [
            {
              metadata: { name: one.slice(folder.length + 1), annotations: its },
              addressType: "IPv4",
              endpoints: this.#members.map((address) => ({ addresses: [address] })),
            },
          ]
        : [],
    );
    return reply(200, { metadata: { resourceVersion: "7" }, items });
  }

  #patch(path: string, object: object): ApiReply {
    if (path === this.forbidden) return reply(403, { kind: "Status", message: "forbidden" });
    const { metadata } = object as { readonly metadata: { readonly annotations: Readonly<Record<string, unknown>> } };
    const all = { ...this.#annotations.get(path), ...metadata.annotations };
    this.annotate(path, Object.fromEntries(Object.entries(all).filter(([, value]) => value !== null)));
    return reply(200, {});
  }
}

function leasesOf(namespace: string): string {
  return `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`;
}

function reply(status: number, body: object): ApiReply {
  return { status, body: JSON.stringify(body), retryAfterMs: undefined };
}
