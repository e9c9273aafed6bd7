import { expect, setDefaultTimeout, test } from "bun:test";
import { waitFor } from "../kernel/support/wait-for.ts";
import { SwitchedNetwork } from "../node/support/switched-network.ts";
import { allowWatching, WATCHER } from "./support/allow-watching.ts";
import { ClusterNodes, VIP } from "./support/cluster-nodes.ts";
import { clusterLacks } from "./support/cluster-programs.ts";
import { ControlPlane } from "./support/control-plane.ts";
import { SteadyRequests } from "./support/steady-requests.ts";

// The programs may have to be built first.
setDefaultTimeout(40 * 60_000);

const lacking = await clusterLacks();
if (lacking !== undefined) console.log(`skipped: ${lacking}`);

const [ETCD, OBSERVER, CLIENT] = ["10.0.0.8", "10.0.0.9", "10.0.0.10"] as const;
const MASTERS = ["10.0.0.2", "10.0.0.3", "10.0.0.4"] as const;
/** The checks of one wait for what API servers say, those of the other do not. */
const [PATIENT, HASTY] = ["10.0.0.20", "10.0.0.21"] as const;
const HANGING_MS = 30_000;

test.skipIf(lacking !== undefined)(
  "while etcd hangs every API server says at once that it is not ready, and whoever needs no etcd of them is served",
  async () => {
    await using network = await SwitchedNetwork.create();
    await using plane = await ControlPlane.create(network, { etcd: ETCD, masters: MASTERS, names: [VIP] });
    const [m1] = MASTERS;
    await Promise.all(MASTERS.map((master) => plane.start(master)));
    await allowWatching(plane, m1);
    await using nodes = await ClusterNodes.create(network, plane, OBSERVER);
    await nodes.add(PATIENT, WATCHER, m1, { timeout: "6s" });
    await nodes.add(HASTY, { name: "system:node:hasty", group: "system:nodes" }, m1);
    await nodes.expectServing(...MASTERS);
    // What a client meets that needs no virtual server.
    const { namespace } = await network.addHost(`${CLIENT}/24`);
    await using direct = await SteadyRequests.start(namespace, `https://${m1}:6443/version`, `${CLIENT}:9106`);
    const eachNode = [PATIENT, HASTY];
    const counted = await Promise.all(
      eachNode.map((node) =>
        waitFor(
          () => nodes.requestsOf(node),
          ({ answered }) => answered > 10,
        ),
      ),
    );

    plane.etcd.signal("SIGSTOP");
    const sinceMs = performance.now();
    const [served, reasons] = [new Set<string>(), new Set<string>()];
    const look = async (): Promise<void> => {
      for (const node of eachNode) {
        const status = await nodes.statusOf(node);
        // Whoever is found first is out until all are: then there is nothing to choose between.
        if (status?.lastResort === undefined) continue;
        for (const { address, weight, lastVerdict } of status.realServers) {
          served.add(`${node} ${address} ${weight}`);
          if (lastVerdict?.passed === false) reasons.add(`${node} ${lastVerdict.reason}`);
        }
      }
    };
    const isOver = (): boolean => performance.now() - sinceMs > HANGING_MS;
    await waitFor(look, isOver, { timeoutMs: 2 * HANGING_MS, everyMs: 200 });
    plane.etcd.signal("SIGCONT");
    expect([...served].toSorted()).toEqual(
      eachNode.flatMap((node) => MASTERS.map((master) => `${node} ${master}:6443 1`)),
    );
    // The hasty one is told the reason now and then, when an API server has just found it out.
    expect([...reasons]).toContain(`${HASTY} timed out after 2s`);
    expect([...reasons].filter((one) => one.startsWith(PATIENT))).toEqual([`${PATIENT} readyz: etcd, etcd-readiness`]);

    await Promise.all(
      eachNode.map((node) =>
        waitFor(
          () => nodes.statusOf(node),
          (status) => status?.lastResort === undefined && status?.inService?.count === MASTERS.length,
          { timeoutMs: 90_000, everyMs: 200 },
        ),
      ),
    );
    await nodes.expectServing(...MASTERS);
    await nodes.expectKnown(PATIENT, "watched", ...MASTERS);
    const straight = await direct.requests();
    for (const [index, node] of eachNode.entries()) {
      const before = counted[index];
      const { answered, failures } = await nodes.requestsOf(node);
      // What failed before it was set up is left out.
      const lost = failures.slice(before?.failures.length);
      console.log(`${node}: ${answered - (before?.answered ?? 0)} requests were answered, ${lost.length} not`);
      if (straight.failures.length === 0) expect(lost).toEqual([]);
    }
  },
);
