import { afterAll, beforeAll, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { waitFor } from "../kernel/support/wait-for.ts";
import { SwitchedNetwork } from "../node/support/switched-network.ts";
import { allowWatching, forbidWatching, WATCHER } from "./support/allow-watching.ts";
import { CareHost, HOST_VIP, withPort } from "./support/care-host.ts";
import { clusterLacks } from "./support/cluster-programs.ts";
import { ControlPlane } from "./support/control-plane.ts";
import { LIST_IS_LEFT_ALONE, proposeMembers } from "./support/proposed-list.ts";

// The programs may have to be built first.
const LONGEST_MS = 40 * 60_000;
setDefaultTimeout(LONGEST_MS);

const lacking = await clusterLacks();
if (lacking !== undefined) console.log(`skipped: ${lacking}`);
const cluster = test.skipIf(lacking !== undefined);

const [ETCD, HOST] = ["10.0.0.8", "10.0.0.30"] as const;
const [M1, M2, M3] = ["10.0.0.2", "10.0.0.3", "10.0.0.4"] as const;
const MASTERS = [M1, M2, M3] as const;
/** Nobody is there. */
const [DEAD, DEAD_TOO] = ["10.0.0.66", "10.0.0.67"] as const;

let plane: ControlPlane;
let host: CareHost;
let kubeconfig: string;
const stack = new AsyncDisposableStack();
beforeAll(async () => {
  if (lacking !== undefined) return;
  const network = stack.use(await SwitchedNetwork.create());
  const options = { etcd: ETCD, masters: MASTERS, names: [], flags: LIST_IS_LEFT_ALONE };
  plane = stack.use(await ControlPlane.create(network, options));
  await Promise.all(MASTERS.map((master) => plane.start(master)));
  await allowWatching(plane, M1);
  host = stack.use(await CareHost.create(network, HOST, plane.keys.folder));
  kubeconfig = await plane.keys.kubeconfig("watcher", WATCHER, `https://${M1}:6443`);
}, LONGEST_MS);
afterAll(() => stack.disposeAsync(), LONGEST_MS);

/** The list is true, and a daemon has heard of it. */
beforeEach(async () => {
  if (lacking !== undefined) return;
  await proposeMembers(plane, M1, ...MASTERS);
  await host.start(following({ kubeconfig }));
  await host.waitForServing(...MASTERS);
  await host.waitFor(({ discovery }) => discovery?.way === "watched");
}, LONGEST_MS);

cluster("a list without anybody takes nobody out, nor does one that is gone", async () => {
  await proposeMembers(plane, M2);
  await host.waitFor(({ discovery }) => discovery?.kept?.[0]?.guard === "empty");
  await host.waitForServing(...MASTERS);
  await proposeMembers(plane, M2, ...MASTERS);
  await host.waitFor(({ discovery }) => discovery?.kept === undefined);
  const slice = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/kubernetes";
  expect(await plane.ask(M2, slice, {}, "DELETE")).toMatchObject({ exitCode: 0 });
  await host.waitFor(({ discovery }) => discovery?.kept?.[0]?.guard === "empty");
  await host.waitForServing(...MASTERS);
});

cluster("the virtual address itself, in the list, is no member", async () => {
  await proposeMembers(plane, M1, HOST_VIP, ...MASTERS);
  const { discovery } = await host.waitFor(({ discovery: one }) => one?.ignored !== undefined);
  expect(discovery?.ignored).toEqual([
    { server: withPort(HOST_VIP), reason: "is an address of a virtual server here: packets would go round" },
  ]);
  await host.waitForServing(...MASTERS);
});

cluster("a list that loses all but one of those who serve is believed once it has stood for a while", async () => {
  await proposeMembers(plane, M1, M1);
  const { discovery } = await host.waitFor(({ discovery: one }) => one?.kept !== undefined);
  expect(discovery?.kept).toMatchObject([{ guard: "too-many", servers: [M2, M3].map(withPort) }]);
  await host.waitForServing(...MASTERS);
  await host.waitForServing(M1);
});

cluster("a list of addresses where nobody is takes nobody out who serves, however long it stands", async () => {
  await proposeMembers(plane, M1, DEAD, DEAD_TOO);
  await host.waitFor(({ discovery }) => discovery?.kept !== undefined);
  // Believed by now; but nobody of it has proved itself.
  await host.waitFor(({ discovery }) => discovery?.kept === undefined && discovery?.members === 2);
  await host.waitForServing(...MASTERS);
  await proposeMembers(plane, M1, DEAD, M2, M3);
  await host.waitForServing(M2, M3);
});

cluster("a watch from a version that the API server has forgotten goes on with a new list", async () => {
  await proposeMembers(plane, M1, M1);
  await host.waitForServing(M1);
  const { stdout } = await plane.ask(M1, "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices");
  const { metadata } = JSON.parse(stdout) as { readonly metadata: { readonly resourceVersion: string } };
  plane.stop(M1, "SIGKILL");
  await proposeMembers(plane, M2, M1, M2, M3);
  await plane.start(M1);
  const watch = `/apis/discovery.k8s.io/v1/namespaces/default/endpointslices?watch=1&timeoutSeconds=1&resourceVersion=${metadata.resourceVersion}`;
  expect((await plane.ask(M1, watch)).stdout).toContain('"code":410');
  await host.waitForServing(...MASTERS);
});

cluster("an API server that hangs while it is watched hides no change for long", async () => {
  await proposeMembers(plane, M1, M1);
  await host.waitForServing(M1);
  // It is the one that is watched, from now on at the latest.
  await host.start(following({ kubeconfig }));
  await host.waitForServing(M1);
  await proposeMembers(plane, M1, M1, M2);
  await host.waitForServing(M1, M2);
  plane.stop(M1, "SIGSTOP");
  try {
    await proposeMembers(plane, M2, M1, M2, M3);
    const sinceMs = performance.now();
    await host.waitForServing(M2, M3);
    console.log(
      `a change behind a watch that hangs was known after ${((performance.now() - sinceMs) / 1000).toFixed(1)} s`,
    );
  } finally {
    plane.stop(M1, "SIGCONT");
  }
});

cluster("rights that are taken away are told, and change nothing", async () => {
  await forbidWatching(plane, M1);
  // The watch that there is goes on; the next one, with another API server, is refused.
  plane.stop(M2, "SIGKILL");
  try {
    const refused = 'status 403: endpoints "kubernetes" is forbidden';
    await host.waitFor(({ discovery }) => discovery?.failing?.reason.startsWith(refused) === true);
    await host.waitForServing(M1, M3);
  } finally {
    await allowWatching(plane, M1);
    await plane.start(M2);
  }
  await host.waitForServing(...MASTERS);
});

cluster("credentials that have been withdrawn are told, and the new ones in the same file are taken", async () => {
  const token = join(plane.keys.folder, "token");
  const issue = async (): Promise<void> => Bun.write(token, await accountToken()).then(() => undefined);
  await issue();
  const account = await plane.keys.kubeconfigOfToken("account", token, `https://${M1}:6443`);
  await host.start(following({ kubeconfig: account }));
  await host.waitFor(
    ({ discovery }) => discovery?.way?.startsWith("polled") === true && discovery.failing === undefined,
  );
  expect(await plane.ask(M1, `${ACCOUNTS}/lab`, {}, "DELETE")).toMatchObject({ exitCode: 0 });
  const { discovery } = await host.waitFor(({ discovery: one }) => one?.failing !== undefined);
  expect(discovery?.failing?.reason).toBe("status 401: these credentials are not accepted");
  await host.waitForServing(...MASTERS);
  await issue();
  await host.waitFor(({ discovery: one }) => one?.failing === undefined);
});

// --- internal ---

const ACCOUNTS = "/api/v1/namespaces/default/serviceaccounts";

function following(discover: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return {
    "real-servers": [withPort(M1)],
    probe: { type: "kube-apiserver", kubeconfig, timeout: "2s" },
    discover: { type: "kubernetes", poll: "2s", confirm: "5s", ...discover },
  };
}

/** Of a service account that may ask for Endpoints alone, which is made anew. */
async function accountToken(): Promise<string> {
  const named = { metadata: { name: "lab", namespace: "default" } };
  await plane.ask(M1, ACCOUNTS, { apiVersion: "v1", kind: "ServiceAccount", ...named });
  const rbac = "/apis/rbac.authorization.k8s.io/v1/namespaces/default";
  const api = { apiVersion: "rbac.authorization.k8s.io/v1", ...named };
  const rules = [{ apiGroups: [""], resources: ["endpoints"], verbs: ["get"] }];
  await plane.ask(M1, `${rbac}/roles`, { ...api, kind: "Role", rules });
  const roleRef = { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "lab" };
  const subjects = [{ kind: "ServiceAccount", name: "lab", namespace: "default" }];
  await plane.ask(M1, `${rbac}/rolebindings`, { ...api, kind: "RoleBinding", roleRef, subjects });
  const request = { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec: {} };
  const { stdout } = await waitFor(
    () => plane.ask(M1, `${ACCOUNTS}/lab/token`, request),
    ({ exitCode }) => exitCode === 0,
  );
  return (JSON.parse(stdout) as { readonly status: { readonly token: string } }).status.token;
}
