import { expect, test } from "bun:test";
import { renderCluster } from "../../src/cli/cluster-text.ts";
import { isOver, progressOf, type ClusterStatus } from "../../src/domain/cluster-status.ts";
import type { NodeReport } from "../../src/domain/node-report.ts";

const NOW = new Date("2026-12-01T03:00:00.000Z");
const SINCE = "2026-12-01T02:57:00.000Z";
const M1 = "192.168.0.2";

test("a cluster's status has how far each drain is, and how each node stands", () => {
  const status = clusterOf(
    ["n1", report({ drained: { [M1]: { since: SINCE, open: 4 } }, inService: 2 })],
    ["n2", report({ at: "2026-12-01T00:00:00.000Z", way: "polled" })],
    ["n3"],
  );
  expect(renderCluster(status, NOW, (_, text) => text)).toBe(`\
service default/kubernetes
  ${M1}: drained by alice 3m ago; 1 of 2 nodes have drained it; 4 open connections on n1; nothing of it from n2

NODE  REPORTED  VERSION  VIRTUAL SERVER  HOW      IN SERVICE  DRAINED
n1    10s ago   5.0.0    10.96.0.1:6443  watched         2/3  192.168.0.2 (4 open)
n2    3h ago    5.0.0    10.96.0.1:6443  polled          3/3
n3    never
`);
});

test("a drain is over once all that report have heard of it, and have no open connections", () => {
  const over = { [M1]: { since: SINCE, open: 0 } };
  const isIt = (...nodes: readonly Told[]): boolean => isOver(progressOf(clusterOf(...nodes).nodes, M1, SINCE));
  expect(isIt(["n1", report({ drained: over })], ["n2", report({ drained: over })], ["n3"])).toBe(true);
  expect(isIt(["n1", report({ drained: over })], ["n2", report({})])).toBe(false);
  expect(isIt(["n1", report({ drained: { [M1]: { since: SINCE, open: 1 } } })])).toBe(false);
  // It was drained before, too, and nobody has said yet that it is again.
  expect(isIt(["n1", report({ drained: { [M1]: { since: "2026-11-30T00:00:00.000Z", open: 0 } } })])).toBe(false);
  // A node may have several virtual servers with these members.
  expect(isIt(["n1", report({ drained: over }), report({})])).toBe(false);
  expect(isIt(["n1"])).toBe(false);
});

// --- internal ---

type Told = readonly [node: string, ...reports: NodeReport[]];

function clusterOf(...nodes: readonly Told[]): ClusterStatus {
  return {
    service: "default/kubernetes",
    drained: [{ address: M1, since: SINCE, by: "alice" }],
    nodes: nodes.map(([node, ...reports]) => ({ node, reports })),
  };
}

function report(more: Partial<NodeReport>): NodeReport {
  return {
    version: "5.0.0",
    at: "2026-12-01T02:59:50.000Z",
    service: "default/kubernetes",
    virtualServer: "tcp 10.96.0.1:6443",
    way: "watched",
    inService: 3,
    of: 3,
    drained: {},
    ...more,
  };
}
