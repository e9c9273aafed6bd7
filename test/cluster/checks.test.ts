import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import type { VirtualServerStatus } from "../../src/domain/status.ts";
import { SwitchedNetwork } from "../node/support/switched-network.ts";
import { CareHost, serverOf, servingOf, withPort } from "./support/care-host.ts";
import { ClusterKeys } from "./support/cluster-keys.ts";
import { clusterLacks } from "./support/cluster-programs.ts";
import { ControlPlane } from "./support/control-plane.ts";

// The programs may have to be built first.
const LONGEST_MS = 40 * 60_000;
setDefaultTimeout(LONGEST_MS);

const lacking = await clusterLacks();
if (lacking !== undefined) console.log(`skipped: ${lacking}`);
const cluster = test.skipIf(lacking !== undefined);

const [ETCD, HOST] = ["10.0.0.8", "10.0.0.30"] as const;
const [M1, M2] = ["10.0.0.2", "10.0.0.3"] as const;
const NODE = { name: "system:node:here", group: "system:nodes" } as const;

let plane: ControlPlane;
let host: CareHost;
let kubeconfig: string;
const stack = new AsyncDisposableStack();
beforeAll(async () => {
  if (lacking !== undefined) return;
  const network = stack.use(await SwitchedNetwork.create());
  // As long as a busy machine may take to ask one that is told to end.
  const flags = ["--shutdown-delay-duration=2m"];
  plane = stack.use(await ControlPlane.create(network, { etcd: ETCD, masters: [M1, M2], names: [], flags }));
  await Promise.all([plane.start(M1), plane.start(M2)]);
  host = stack.use(await CareHost.create(network, HOST, plane.keys.folder));
  kubeconfig = await plane.keys.kubeconfig("checks", NODE, `https://${M1}:6443`);
}, LONGEST_MS);
afterAll(() => stack.disposeAsync(), LONGEST_MS);

cluster(
  "an API server that is told to end gets no new clients from then on, and serves those that it has",
  async () => {
    await host.start(caring({ kubeconfig }));
    await host.waitForServing(M1, M2);
    plane.stop(M2, "SIGTERM");
    const told = performance.now();
    const status = await host.waitFor(
      (one) =>
        Bun.deepEquals(servingOf(one), [withPort(M1)]) && serverOf(one, M2)?.outOfService?.why === "shutting-down",
    );
    console.log(`out of service ${Math.round(performance.now() - told)} ms after it was told to end`);
    expect(serverOf(status, M2)).toMatchObject({
      outOfService: { why: "shutting-down" },
      lastVerdict: { reason: "readyz: shutdown" },
    });
    expect(await host.namespace.run(asking(M2, "/version"))).toMatchObject({ exitCode: 0 });
    plane.stop(M2, "SIGKILL");
    await plane.start(M2);
    await host.waitForServing(M1, M2);
  },
);

cluster("what fails in an API server is named, also where it takes four seconds to say so", async () => {
  await host.start(caring({ kubeconfig, timeout: "6s" }));
  await host.waitForServing(M1, M2);
  plane.etcd.signal("SIGSTOP");
  try {
    const { lastResort } = await host.waitFor(
      (status) =>
        status.lastResort !== undefined &&
        status.realServers.every(({ lastVerdict }) => lastVerdict?.reason === "readyz: etcd, etcd-readiness"),
    );
    expect(lastResort).toMatchObject({ total: 2 });
    await host.waitForServing(M1, M2);
  } finally {
    plane.etcd.signal("SIGCONT");
  }
  await host.waitFor(({ lastResort, inService }) => lastResort === undefined && inService?.count === 2);
});

cluster("one that asks who wants to know is alive, or not, as it is written", async () => {
  const unbound = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/system:public-info-viewer";
  const { stdout: binding } = await plane.ask(M1, unbound);
  expect(await plane.ask(M1, unbound, {}, "DELETE")).toMatchObject({ exitCode: 0 });
  const notice = "status 403: alive, but without credentials it does not say whether it is ready";
  await host.start(caring({}));
  await waitForReason(notice);
  await host.waitForServing(M1, M2);
  await host.start(caring({ unauthorized: "fail" }));
  await waitForReason("status 403");
  // By its credentials it is told.
  await host.start(caring({ kubeconfig, unauthorized: "fail" }));
  await waitForReason("status 200");
  const { metadata, ...kept } = JSON.parse(binding) as { metadata: { name: string; labels: object } };
  const { name, labels } = metadata;
  const again = { ...kept, metadata: { name, labels } };
  expect(await plane.ask(M1, unbound.replace(/\/[^/]+$/, ""), again)).toMatchObject({ exitCode: 0 });
});

cluster("credentials that are none for this cluster are told apart from a server that is not ready", async () => {
  const token = join(plane.keys.folder, "no-token");
  await Bun.write(token, "nobody-gave-this");
  await host.start(caring({ "bearer-token-file": token }));
  await waitForReason("status 401: alive, but without credentials it does not say whether it is ready");
  await host.start(caring({ "bearer-token-file": token, unauthorized: "fail" }));
  await waitForReason("status 401");
});

cluster("a server of another cluster is out at once, whatever fall says", async () => {
  const others = await ClusterKeys.create(join(plane.keys.folder, "another"));
  const foreign = await others.kubeconfig("foreign", NODE, `https://${M1}:6443`);
  await host.start(caring({ kubeconfig: foreign }, 10));
  const status = await waitForReason("another cluster answers: certificate is not trusted (unknown authority)");
  expect(status.realServers.map(({ state }) => state)).toEqual(["removed", "removed"]);
});

// --- internal ---

function caring(probe: Readonly<Record<string, unknown>>, fall = 2): Readonly<Record<string, unknown>> {
  return { "real-servers": [M1, M2].map(withPort), probe: { type: "kube-apiserver", timeout: "2s", ...probe }, fall };
}

function asking(address: string, path: string): readonly string[] {
  return ["curl", "--silent", "--fail", "--insecure", "--max-time", "60", `https://${withPort(address)}${path}`];
}

/** Of each of them. */
function waitForReason(reason: string): Promise<VirtualServerStatus> {
  return host.waitFor(({ realServers }) => realServers.every(({ lastVerdict }) => lastVerdict?.reason === reason));
}
