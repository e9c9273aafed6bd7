import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, setDefaultTimeout, test } from "bun:test";
import type { VirtualServerStatus } from "../../src/domain/status.ts";
import { renderRbac } from "../../src/manifest/rbac.ts";
import { lvscareBinary } from "../kernel/support/lvscare.ts";
import type { Namespace } from "../kernel/support/namespace.ts";
import { waitForEqual } from "../kernel/support/wait-for.ts";
import { GuestNode } from "../node/support/guest-node.ts";
import { SwitchedNetwork } from "../node/support/switched-network.ts";
import { clusterLacks } from "./support/cluster-programs.ts";
import { ControlPlane } from "./support/control-plane.ts";

// The programs may have to be built first.
setDefaultTimeout(40 * 60_000);

const lacking = await clusterLacks();
if (lacking !== undefined) console.log(`skipped: ${lacking}`);

const VIP = "10.96.0.1";
const [ETCD, CLIENT] = ["10.0.0.8", "10.0.0.9"] as const;
const [M1, M2, M3] = ["10.0.0.2", "10.0.0.3", "10.0.0.4"] as const;
/** One may watch who the masters are, the other has no more rights than kubelet. */
const [WATCHING, POLLING] = ["10.0.0.20", "10.0.0.21"] as const;

test.skipIf(lacking !== undefined)(
  "nodes follow as masters are added, taken away, killed and cut off, by a watch or by what kubelet may ask",
  async () => {
    await using network = await SwitchedNetwork.create();
    await using plane = await ControlPlane.create(network, { etcd: ETCD, masters: [M1, M2, M3], names: [VIP] });
    await using stack = new AsyncDisposableStack();
    await Promise.all([plane.start(M1), plane.start(M2)]);
    await allowWatching(plane, M1, "watchers");
    const client = (await network.addHost(`${CLIENT}/24`)).namespace;
    const nodes = new Map<string, GuestNode>();
    for (const [address, subject] of [
      [WATCHING, { name: "lvscare", group: "watchers" }],
      [POLLING, { name: "system:node:polling", group: "system:nodes" }],
    ] as const) {
      const kubeconfig = await plane.keys.kubeconfig(`node-${address}`, subject, `https://${VIP}:6443`);
      const config = join(plane.keys.folder, `care-${address}.json`);
      await writeFile(config, JSON.stringify(configurationOf(address, kubeconfig)));
      const plug = await network.addPlug(`${address}/24`);
      nodes.set(address, stack.use(new GuestNode("uml", plug, careCommand(config))));
    }
    const expectMasters = (...masters: readonly string[]): Promise<unknown> =>
      Promise.all(
        [...nodes].map(([address, node]) =>
          waitForEqual(
            () => {
              node.mustRun();
              return mastersInService(client, address);
            },
            masters.map((master) => `${master}:6443`),
            { timeoutMs: 90_000, everyMs: 100 },
          ),
        ),
      );
    /** In the cluster's own list, which follows a death after a while. */
    const expectListed = (...masters: readonly string[]): Promise<unknown> =>
      waitForEqual(() => listedMasters(plane, M1), masters, { timeoutMs: 60_000, everyMs: 200 });

    // The nodes know of the first master alone.
    await expectMasters(M1, M2);

    await plane.start(M3);
    await expectMasters(M1, M2, M3);

    // It leaves the list, and goes on serving for its delay.
    plane.stop(M2, "SIGTERM");
    await expectMasters(M1, M3);

    await plane.start(M2);
    await expectMasters(M1, M2, M3);

    // Its address stays in the list for a while: checks find it first.
    plane.stop(M3, "SIGKILL");
    await expectMasters(M1, M2);
    await plane.setPort(M2, "down");
    await expectMasters(M1);
    await expectListed(M1);
    await plane.setPort(M2, "up");
    await expectMasters(M1, M2);
    await expectListed(M1, M2);

    // Who left the list is not even checked any more.
    const known = [`${M1}:6443`, `${M2}:6443`];
    await waitForEqual(() => knownTo(client, WATCHING), { way: "watched", known }, { timeoutMs: 60_000 });
    const way = "polled, as it may not be watched with these credentials (`lvscare rbac` lifts that)";
    await waitForEqual(() => knownTo(client, POLLING), { way, known }, { timeoutMs: 60_000 });
  },
);

// --- internal ---

function configurationOf(node: string, kubeconfig: string): object {
  return {
    version: 1,
    "http-listen": `${node}:9105`,
    "virtual-servers": [
      {
        name: "apiserver",
        address: `${VIP}:6443`,
        mode: "none",
        interval: "1s",
        "check-way": false,
        probe: { type: "kube-apiserver", kubeconfig, timeout: "2s" },
        discover: { type: "kubernetes", kubeconfig, poll: "2s" },
        "real-servers": [`${M1}:6443`],
      },
    ],
  };
}

function careCommand(config: string): readonly string[] {
  const prepare = `ip address add ${VIP}/32 dev lo`;
  return ["sh", "-c", `${prepare}; exec "$@"`, "care", lvscareBinary(), "care", "--config", config];
}

/** As `lvscare rbac` prints it, for one group. */
async function allowWatching(plane: ControlPlane, master: string, group: string): Promise<void> {
  const printed = renderRbac({ namespace: "default", subject: { kind: "Group", name: group } });
  for (const text of printed.split("---\n")) {
    const object = Bun.YAML.parse(text) as { readonly kind: string };
    const path = `/apis/rbac.authorization.k8s.io/v1/namespaces/default/${object.kind.toLowerCase()}s`;
    const { exitCode, stdout } = await plane.ask(master, path, object);
    expect(exitCode === 0 ? "" : stdout).toBe("");
  }
}

/** By the node's metrics, as a scraper on the switch sees them. */
async function mastersInService(client: Namespace, node: string): Promise<string[]> {
  const { stdout } = await client.run(["curl", "--silent", "--max-time", "5", `http://${node}:9105/metrics`]);
  const weights = stdout.matchAll(/^lvscare_real_server_weight\{[^}]*real_server="([^"]+)"[^}]*\} (\d+)/gm);
  return Array.from(weights, ([, server = "", weight]) => (Number(weight) > 0 ? server : ""))
    .filter(Boolean)
    .toSorted();
}

/** How a node asks who the masters are, and all that it knows of. */
async function knownTo(client: Namespace, node: string): Promise<object> {
  const { stdout } = await client.run(["curl", "--silent", "--max-time", "5", `http://${node}:9105/api/v1/status`]);
  const { discovery, realServers } = JSON.parse(stdout) as VirtualServerStatus;
  return { way: discovery?.way, known: realServers.map(({ address }) => address).toSorted() };
}

async function listedMasters(plane: ControlPlane, master: string): Promise<readonly string[]> {
  const { stdout } = await plane.ask(master, "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/kubernetes");
  const { endpoints } = JSON.parse(stdout) as { endpoints: { addresses: string[] }[] | null };
  return (endpoints ?? []).flatMap(({ addresses }) => addresses).toSorted();
}
