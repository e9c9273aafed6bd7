import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, setDefaultTimeout, test } from "bun:test";
import { waitFor } from "../kernel/support/wait-for.ts";
import { SwitchedNetwork } from "../node/support/switched-network.ts";
import { allowWatching, WATCHER } from "./support/allow-watching.ts";
import { ClusterNodes, VIP } from "./support/cluster-nodes.ts";
import { clusterLacks } from "./support/cluster-programs.ts";
import { ControlPlane } from "./support/control-plane.ts";

// The programs may have to be built first.
setDefaultTimeout(40 * 60_000);

const lacking = await clusterLacks();
if (lacking !== undefined) console.log(`skipped: ${lacking}`);

const [ETCD, OBSERVER, NODE] = ["10.0.0.8", "10.0.0.9", "10.0.0.20"] as const;
const [M1, M2, M3] = ["10.0.0.2", "10.0.0.3", "10.0.0.4"] as const;

test.skipIf(lacking !== undefined)(
  "a node that boots while no API server answers knows them all, and sends clients to the first that comes back",
  async () => {
    const memory = await mkdtemp(join(tmpdir(), "lvscare-memory-"));
    await using stack = new AsyncDisposableStack();
    stack.defer(() => rm(memory, { recursive: true }));
    const network = stack.use(await SwitchedNetwork.create());
    const plane = stack.use(await ControlPlane.create(network, { etcd: ETCD, masters: [M1, M2, M3], names: [VIP] }));
    await Promise.all([M1, M2, M3].map((master) => plane.start(master)));
    await allowWatching(plane, M1);
    const nodes = stack.use(await ClusterNodes.create(network, plane, OBSERVER));
    await nodes.add(NODE, WATCHER, M1, { memory });
    await nodes.expectServing(M1, M2, M3);
    await nodes.end(NODE);

    plane.stop(M1, "SIGKILL");
    plane.stop(M2, "SIGKILL");
    await plane.setPort(M3, "down");
    await nodes.add(NODE, WATCHER, M1, { memory });
    const status = await waitFor(
      () => nodes.statusOf(NODE),
      (one) => one?.discovery?.failing !== undefined,
      { timeoutMs: 120_000, everyMs: 100 },
    );
    // Its configuration names one of them.
    expect(status?.discovery).toMatchObject({ isRemembered: true, members: 3 });
    await nodes.expectServing();
    await plane.setPort(M3, "up");
    await nodes.expectServing(M3);
    await waitFor(
      () => nodes.requestsOf(NODE),
      ({ answered }) => answered > 0,
    );
    // By then it is told that the others are gone.
    await nodes.expectKnown(NODE, "watched", M3);
  },
);
