import { expect, setDefaultTimeout, test } from "bun:test";
import type { ClusterStatus } from "../../src/domain/cluster-status.ts";
import { lvscareBinary } from "../kernel/support/lvscare.ts";
import { SwitchedNetwork } from "../node/support/switched-network.ts";
import { allowWatching, WATCHER } from "./support/allow-watching.ts";
import { ClusterNodes, VIP } from "./support/cluster-nodes.ts";
import { clusterLacks } from "./support/cluster-programs.ts";
import { ControlPlane } from "./support/control-plane.ts";

// The programs may have to be built first.
setDefaultTimeout(40 * 60_000);

const lacking = await clusterLacks();
if (lacking !== undefined) console.log(`skipped: ${lacking}`);

const [ETCD, OBSERVER] = ["10.0.0.8", "10.0.0.9"] as const;
const [M1, M2, M3] = ["10.0.0.2", "10.0.0.3", "10.0.0.4"] as const;
/** Both have kubelet's rights, and one may watch besides who the masters are. */
const [WATCHING, POLLING] = ["10.0.0.20", "10.0.0.21"] as const;

test.skipIf(lacking !== undefined)(
  "one command drains a master on every node, waits for all of them, and outlives that no API server answers",
  async () => {
    await using network = await SwitchedNetwork.create();
    await using plane = await ControlPlane.create(network, { etcd: ETCD, masters: [M1, M2, M3], names: [VIP] });
    await Promise.all([plane.start(M1), plane.start(M2)]);
    await allowWatching(plane, M1);
    // As kubelet makes them, which there is none of.
    for (const name of ["watching", "polling"]) await plane.ask(M1, LEASES, lease(name));
    await using nodes = await ClusterNodes.create(network, plane, OBSERVER);
    await nodes.add(WATCHING, { name: "system:node:watching", group: `system:nodes/O=${WATCHER.group}` }, M1);
    await nodes.add(POLLING, { name: "system:node:polling", group: "system:nodes" }, M1);
    await nodes.expectServing(M1, M2);
    const alice = await plane.keys.kubeconfig(
      "alice",
      { name: "alice", group: "system:masters" },
      `https://${M2}:6443`,
    );
    /** Together with what it says beside. */
    const lvscare = (...argv: readonly string[]): Promise<{ readonly stdout: string; readonly exitCode: number }> =>
      plane
        .namespaceOf(M3)
        .run(["sh", "-c", 'exec "$@" 2>&1', "sh", lvscareBinary(), ...argv, "--cluster", "--kubeconfig", alice]);
    const status = async (): Promise<ClusterStatus> => {
      const { stdout, exitCode } = await lvscare("status", "-o", "json");
      if (exitCode !== 0) throw new Error(stdout);
      return JSON.parse(stdout) as ClusterStatus;
    };

    expect(await lvscare("drain", M1, M2)).toMatchObject({
      exitCode: 1,
      stdout: expect.stringContaining("nobody would be left to serve behind service default/kubernetes"),
    });
    expect((await status()).drained).toEqual([]);

    // No connection is left: not even those by which the nodes watch.
    const drained = await lvscare("drain", M1, "--wait", "2m");
    expect(drained).toMatchObject({ exitCode: 0, stdout: expect.stringContaining("2 of 2 nodes have drained it") });
    await nodes.expectServing(M2);
    const told = await status();
    expect(told.drained).toMatchObject([{ address: M1 }]);
    expect(
      told.nodes.map(({ node, reports }) => [node, reports.map(({ way, drained: all }) => [way, all[M1]?.open])]),
    ).toEqual([
      ["polling", [["polled", 0]]],
      ["watching", [["watched", 0]]],
    ]);

    // Nobody tells that it is drained any more, and it is.
    plane.stop(M1, "SIGKILL");
    plane.stop(M2, "SIGKILL");
    await nodes.expectServing();
    await Promise.all([plane.start(M1), plane.start(M2)]);
    await nodes.expectServing(M2);

    expect((await lvscare("undrain", M1)).exitCode).toBe(0);
    await nodes.expectServing(M1, M2);
    console.log((await lvscare("status")).stdout);

    // Whoever has not told that it has heard of it is named.
    const early = await lvscare("drain", M2, "--wait", "0s");
    expect(early.exitCode).toBe(1);
    expect(early.stdout).toContain("nothing of it from polling, watching");
    expect(early.stdout).toContain("not over after 0ms; it stays drained");
    await nodes.expectServing(M1);
    expect((await lvscare("undrain", M2)).stdout).toBe(`${M2}: no longer drained by the cluster\n`);
    await nodes.expectServing(M1, M2);
  },
);

// --- internal ---

const LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases";

function lease(name: string): object {
  return {
    apiVersion: "coordination.k8s.io/v1",
    kind: "Lease",
    metadata: { name, namespace: "kube-node-lease" },
    spec: { holderIdentity: name, leaseDurationSeconds: 40 },
  };
}
