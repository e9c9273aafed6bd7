import { expect, setDefaultTimeout, test } from "bun:test";
import { waitFor, waitForEqual } from "../kernel/support/wait-for.ts";
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
/** One may watch who the masters are, the other has no more rights than kubelet. */
const [WATCHING, POLLING] = ["10.0.0.20", "10.0.0.21"] as const;
const POLLED = "polled, as it may not be watched with these credentials (`lvscare rbac` lifts that)";

test.skipIf(lacking !== undefined)(
  "nodes follow as masters are added, taken away, killed and cut off, by a watch or by what kubelet may ask",
  async () => {
    await using network = await SwitchedNetwork.create();
    await using plane = await ControlPlane.create(network, { etcd: ETCD, masters: [M1, M2, M3], names: [VIP] });
    await Promise.all([plane.start(M1), plane.start(M2)]);
    await allowWatching(plane, M1);
    await using nodes = await ClusterNodes.create(network, plane, OBSERVER);
    await nodes.add(WATCHING, WATCHER, M1);
    await nodes.add(POLLING, { name: "system:node:polling", group: "system:nodes" }, M1);
    /** In the cluster's own list, which follows a death after a while. */
    const expectListed = (...masters: readonly string[]): Promise<unknown> =>
      waitForEqual(() => listedMasters(plane, M1), masters, { timeoutMs: 60_000, everyMs: 200 });

    await nodes.expectServing(M1, M2);
    await waitFor(
      () => nodes.requestsOf(WATCHING),
      ({ answered }) => answered > 10,
    );
    const before = (await nodes.requestsOf(WATCHING)).failures.length;

    await plane.start(M3);
    await nodes.expectServing(M1, M2, M3);

    // It leaves the list, and goes on serving for its delay.
    plane.stop(M2, "SIGTERM");
    await nodes.expectServing(M1, M3);

    await plane.start(M2);
    await nodes.expectServing(M1, M2, M3);
    // Since somebody serves, nobody has noticed anything.
    expect((await nodes.requestsOf(WATCHING)).failures.slice(before)).toEqual([]);

    // Its address stays in the list for a while: checks find it first.
    plane.stop(M3, "SIGKILL");
    await nodes.expectServing(M1, M2);
    await plane.setPort(M2, "down");
    await nodes.expectServing(M1);
    await expectListed(M1);
    await plane.setPort(M2, "up");
    await nodes.expectServing(M1, M2);
    await expectListed(M1, M2);

    // Who left the list is not even checked any more.
    await nodes.expectKnown(WATCHING, "watched", M1, M2);
    await nodes.expectKnown(POLLING, POLLED, M1, M2);
    const { answered, failures } = await nodes.requestsOf(WATCHING);
    const died = failures.slice(before);
    console.log(`${answered} requests were answered, ${died.length} not, while masters died: ${died.join("; ")}`);
  },
);

test.skipIf(lacking !== undefined)(
  "a node finds masters again that are all gone and come back at an address that left the list long before",
  async () => {
    await using network = await SwitchedNetwork.create();
    await using plane = await ControlPlane.create(network, { etcd: ETCD, masters: [M1, M2, M3], names: [VIP] });
    await Promise.all([plane.start(M1), plane.start(M3)]);
    await allowWatching(plane, M1);
    await using nodes = await ClusterNodes.create(network, plane, OBSERVER);
    await nodes.add(WATCHING, WATCHER, M1);
    await nodes.expectServing(M1, M3);
    plane.stop(M3, "SIGTERM");
    await plane.start(M2);
    await nodes.expectServing(M1, M2);
    await nodes.expectKnown(WATCHING, "watched", M1, M2);

    plane.stop(M1, "SIGKILL");
    plane.stop(M2, "SIGKILL");
    await nodes.expectServing();
    await plane.start(M3);
    await nodes.expectServing(M3);
    await nodes.expectKnown(WATCHING, "watched", M3);
  },
);

// --- internal ---

async function listedMasters(plane: ControlPlane, master: string): Promise<readonly string[]> {
  const { stdout } = await plane.ask(master, "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/kubernetes");
  const { endpoints } = JSON.parse(stdout) as { endpoints: { addresses: string[] }[] | null };
  return (endpoints ?? []).flatMap(({ addresses }) => addresses).toSorted();
}
