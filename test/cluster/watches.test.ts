import { expect, setDefaultTimeout, test } from "bun:test";
import { SwitchedNetwork } from "../node/support/switched-network.ts";
import { allowWatching, WATCHER } from "./support/allow-watching.ts";
import { CareHost, withPort } from "./support/care-host.ts";
import { clusterLacks, oldEtcdProgram } from "./support/cluster-programs.ts";
import { ControlPlane, type ControlPlaneOptions } from "./support/control-plane.ts";
import { LIST_IS_LEFT_ALONE, proposeMembers } from "./support/proposed-list.ts";

// The programs may have to be built first.
setDefaultTimeout(40 * 60_000);

const lacking = await clusterLacks();
if (lacking !== undefined) console.log(`skipped: ${lacking}`);
const cluster = test.skipIf(lacking !== undefined);

const [ETCD, HOST] = ["10.0.0.8", "10.0.0.30"] as const;
const [M1, M2] = ["10.0.0.2", "10.0.0.3"] as const;
const MASTERS = [M1, M2] as const;
/** Nobody is there. */
const [DEAD, DEAD_TOO] = ["10.0.0.66", "10.0.0.67"] as const;
/** A slice by whose name etcd has what no API server can read. */
const BROKEN = "/registry/endpointslices/default/broken";
/** So that a watch is served from etcd itself, and ends as etcd has it end. */
const WITHOUT_CACHE = ["--watch-cache-sizes=endpointslices.discovery.k8s.io#0"] as const;

cluster(
  "an error in the middle of a watch that is not about its version is told, and the list is watched again after it",
  async () => {
    await using lab = await Lab.create({ flags: WITHOUT_CACHE });
    const { plane, host, following } = lab;
    const care = await host.start(following);
    await host.waitForServing(...MASTERS);
    await host.waitFor(({ discovery }) => discovery?.way === "watched");
    const told = care.waitForLog(/the watch ended/);
    await plane.etcd.ask("/v3/kv/put", { key: BROKEN, value: "nobody can read this" });
    await told;
    await host.waitFor(({ discovery }) => discovery?.failing?.reason.startsWith("status 500: ") === true);
    await host.waitForServing(...MASTERS);
    await plane.etcd.ask("/v3/kv/deleterange", { key: BROKEN });
    await host.waitFor(({ discovery }) => discovery?.failing === undefined);
    await proposeMembers(plane, M1, DEAD, ...MASTERS);
    await host.waitFor(({ discovery }) => discovery?.members === 3 && discovery.way === "watched");
  },
);

cluster(
  "a cluster that is brought back from a snapshot is believed, though what it tells is older than what was known",
  async () => {
    await using lab = await Lab.create();
    const { plane, host, following } = lab;
    const care = await host.start(following);
    await host.waitFor(({ discovery }) => discovery?.members === 2 && discovery.way === "watched");
    await plane.etcd.save();
    // Far ahead of where a cluster gets by itself until it is looked at.
    await plane.etcd.ask("/v3/kv/put?[1-3000]", { key: "/ahead", value: "" });
    await proposeMembers(plane, M1, DEAD, DEAD_TOO, ...MASTERS);
    await host.waitFor(({ discovery }) => discovery?.members === 4);
    // As one on a node that is cut off meanwhile: its next request is for a watch from a version of the future, which says nothing.
    process.kill(care.pid, "SIGSTOP");
    for (const master of MASTERS) plane.stop(master, "SIGKILL");
    await plane.etcd.restore();
    await Promise.all(MASTERS.map((master) => plane.start(master)));
    process.kill(care.pid, "SIGCONT");
    const sinceMs = performance.now();
    await host.waitFor(({ discovery }) => discovery?.members === 2, 240_000);
    console.log(
      `the older list was taken ${((performance.now() - sinceMs) / 1000).toFixed(0)} s after it could be heard`,
    );
    await proposeMembers(plane, M1, DEAD, ...MASTERS);
    await host.waitFor(({ discovery }) => discovery?.members === 3 && discovery.way === "watched");
    await host.waitForServing(...MASTERS);
  },
);

cluster("of an etcd that cannot tell how far a watch is, members are watched all the same", async () => {
  await using lab = await Lab.create({ etcdProgram: await oldEtcdProgram() });
  const { plane, host, following } = lab;
  // As whoever asks like this is told, again and again: only a list has a version from which such a watch goes on.
  const fromAny = await plane.ask(M1, `${SLICES}?watch=1&allowWatchBookmarks=true&resourceVersion=0`);
  expect(fromAny.stdout).toContain("the required storage feature RequestWatchProgress is disabled");
  const care = await host.start(following);
  await host.waitForServing(...MASTERS);
  await host.waitFor(({ discovery }) => discovery?.way === "watched");
  const sinceMs = performance.now();
  await proposeMembers(plane, M1, DEAD, ...MASTERS);
  await host.waitFor(({ discovery }) => discovery?.members === 3);
  console.log(`a change was known after ${((performance.now() - sinceMs) / 1000).toFixed(1)} s`);
  expect(care.logged(/the watch ended|the members that are known stay/)).toEqual([]);
});

// --- internal ---

const SLICES = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices";

/** A control plane whose list names all of it, and a host that may watch that. */
class Lab implements AsyncDisposable {
  readonly plane: ControlPlane;
  readonly host: CareHost;
  /** What its daemon is to do. */
  readonly following: Readonly<Record<string, unknown>>;
  readonly #stack: AsyncDisposableStack;

  static async create({
    flags = [],
    etcdProgram,
  }: Pick<ControlPlaneOptions, "flags" | "etcdProgram"> = {}): Promise<Lab> {
    await using stack = new AsyncDisposableStack();
    const network = stack.use(await SwitchedNetwork.create());
    const options = {
      etcd: ETCD,
      masters: MASTERS,
      names: [],
      flags: [...LIST_IS_LEFT_ALONE, ...flags],
      ...(etcdProgram !== undefined && { etcdProgram }),
    };
    const plane = stack.use(await ControlPlane.create(network, options));
    await Promise.all(MASTERS.map((master) => plane.start(master)));
    await allowWatching(plane, M1);
    await proposeMembers(plane, M1, ...MASTERS);
    const host = stack.use(await CareHost.create(network, HOST, plane.keys.folder));
    const kubeconfig = await plane.keys.kubeconfig("watcher", WATCHER, `https://${M1}:6443`);
    return new Lab(stack.move(), plane, host, kubeconfig);
  }

  private constructor(stack: AsyncDisposableStack, plane: ControlPlane, host: CareHost, kubeconfig: string) {
    [this.#stack, this.plane, this.host] = [stack, plane, host];
    this.following = {
      "real-servers": [withPort(M1)],
      probe: { type: "kube-apiserver", kubeconfig, timeout: "2s" },
      discover: { type: "kubernetes", confirm: "5s", kubeconfig },
    };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stack.disposeAsync();
  }
}
