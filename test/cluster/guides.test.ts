import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import type { MembersReading } from "../../src/app/members.ts";
import { readPages } from "../../tasks/docs/pages.ts";
import { lvscareBinary } from "../kernel/support/lvscare.ts";
import { waitFor, waitForEqual } from "../kernel/support/wait-for.ts";
import { NodeShell } from "../node/support/node-shell.ts";
import { SwitchedNetwork } from "../node/support/switched-network.ts";
import { commandLinesOf } from "../support/command-lines.ts";
import { clusterLacks } from "./support/cluster-programs.ts";
import { ControlPlane } from "./support/control-plane.ts";
import { readRequests, steadyRequestsCommand } from "./support/steady-requests.ts";

// The guides' command lines, as they stand there, on a node; kubelet, which none of it has, is the test.

// The programs may have to be built first.
const LONGEST_MS = 40 * 60_000;
setDefaultTimeout(LONGEST_MS);

const lacking = await clusterLacks();
if (lacking !== undefined) console.log(`skipped: ${lacking}`);
const cluster = test.skipIf(lacking !== undefined);

/** The addresses that the guides have. */
const MASTERS = ["192.168.0.2", "192.168.0.3", "192.168.0.4"] as const;
const [VIP, SEALOS_VIP] = ["10.255.0.1:6443", "10.103.97.2:6443"] as const;
const [ETCD, OBSERVER, NODE] = ["192.168.0.8", "192.168.0.9", "192.168.0.20"] as const;
const [M1] = MASTERS;
const KUBELET = { name: "system:node:here", group: "system:nodes" } as const;
/** Where the client on the node tells what became of its requests. */
const CLIENT = `${NODE}:9106`;
const MANIFESTS = "/etc/kubernetes/manifests";

let plane: ControlPlane;
let node: NodeShell;
const stack = new AsyncDisposableStack();
beforeAll(async () => {
  if (lacking !== undefined) return;
  const network = stack.use(await SwitchedNetwork.create());
  const names = [VIP, SEALOS_VIP].map(hostOf);
  plane = stack.use(await ControlPlane.create(network, { etcd: ETCD, masters: MASTERS, names }));
  await Promise.all(MASTERS.map((master) => plane.start(master)));
  const observer = (await network.addHost(`${OBSERVER}/24`)).namespace;
  node = stack.use(await NodeShell.start("uml", network, NODE, observer));
}, LONGEST_MS);
afterAll(() => stack.disposeAsync(), LONGEST_MS);

cluster(
  "kubeadm: reached before kubelet runs, all masters known by its rights, watched with those of rbac, gone in the end",
  async () => {
    const walk = await linesOf("docs/kubeadm.md");
    await walk.settings();
    await walk.next("ipvs");
    await answersAt(VIP);
    await haveKubeconfig("/etc/kubernetes/kubelet.conf", VIP);
    await walk.next("static-pod");
    let pod = await startPod(`${MANIFESTS}/lvscare.yaml`);
    await membersAre("polled", ...MASTERS);
    await applyRights(await walk.next("rbac"));
    // Another node, by the same lines: it need not wait until kubelet's rights are tried again.
    await walk.next("ipvs");
    await walk.next("static-pod");
    pod = await startPod(`${MANIFESTS}/lvscare.yaml`, pod);
    await membersAre("watched", ...MASTERS);
    for (const look of ["members", "status", "doctor"]) await walk.next(look);
    await answersAt(VIP);
    await endPod(pod);
    await walk.next("ipvs");
    expect(await node.exec("ipvsadm", "-Ln")).not.toContain(VIP);
    walk.isOver();
  },
);

cluster("sealos: the image is all that changes, whoever starts takes over what stands, and back", async () => {
  const walk = await linesOf("docs/sealos.md");
  const manifest = `${MANIFESTS}/kube-sealos-lvscare.yaml`;
  // As sealos has it there, and as its program leaves the kernel.
  const sealos = `--vip ${SEALOS_VIP} --masters ${MASTERS.map((master) => `${master}:6443`).join(",")}`;
  await node.exec(lvscareBinary(), "static-pod", ...sealos.split(" "));
  const original = await node.exec("cat", manifest);
  await node.exec("ipvsadm", "-A", "-t", SEALOS_VIP, "-s", "rr");
  for (const master of MASTERS) await node.exec("ipvsadm", "-a", "-t", SEALOS_VIP, "-r", `${master}:6443`, "-m");
  await node.exec("ip", "route", "replace", `${hostOf(SEALOS_VIP)}/32`, "via", NODE, "metric", "50");

  await answersAt(SEALOS_VIP);
  await node.leave(...steadyRequestsCommand(`https://${SEALOS_VIP}/version`, CLIENT));

  await walk.next("static-pod");
  expect(await node.exec("cat", manifest)).toBe(original.replace(/image: .*/, "image: lvscare:latest"));
  let pod = await startPod(manifest);
  await answersAt(SEALOS_VIP);
  await walk.next("status");
  await walk.next("doctor");
  await haveKubeconfig("/etc/kubernetes/kubelet.conf", SEALOS_VIP);
  await walk.settings();
  await walk.next("static-pod");
  pod = await startPod(manifest, pod);
  await walk.next("rbac");
  await membersAre("watched", ...MASTERS);
  const { answered, failures } = readRequests(await node.exec("curl", "--silent", `http://${CLIENT}/`));
  console.log(`${answered} requests were answered while one program took over from another`);
  expect(failures).toEqual([]);
  expect(answered).toBeGreaterThan(10);
  expect(await node.exec("ipvsadm", "-Ln")).toMatch(
    /10\.103\.97\.2:6443 rr(\n.*192\.168\.0\.[234]:6443 +Masq +1 .*){3}/,
  );
  await walk.next("ipvs");
  await endPod(pod);
  await walk.next("ipvs");
  expect(await node.exec("ipvsadm", "-Ln")).not.toContain(SEALOS_VIP);
  await walk.next("static-pod");
  await walk.next("static-pod");
  expect(await node.exec("cat", manifest)).toBe(original);
  walk.isOver();
});

cluster(
  "k3s: reached before the agent runs, and checked with its kubeconfig by a service and by a static pod",
  async () => {
    const walk = await linesOf("docs/k3s.md");
    await walk.next("ipvs");
    await answersAt(VIP);
    const kubeconfig = "/var/lib/rancher/k3s/agent/kubelet.kubeconfig";
    await haveKubeconfig(kubeconfig, VIP);
    const unit = await walk.next("systemd");
    const [, command = ""] = /^ExecStart=\S+ (.*)$/m.exec(unit) ?? [];
    let daemon = await node.leave(lvscareBinary(), ...command.split(" "));
    await membersAre("watched", ...MASTERS);
    await walk.next("rbac");
    await walk.settings();
    await walk.next("static-pod");
    daemon = await startPod("/var/lib/rancher/k3s/agent/pod-manifests/lvscare.yaml", daemon);
    for (const look of ["status", "members", "doctor"]) await walk.next(look);
    await answersAt(VIP);
    await endPod(daemon);
    walk.isOver();
  },
);

// --- internal ---

function hostOf(endpoint: string): string {
  return endpoint.replace(/:\d+$/, "");
}

interface Walk {
  /** Runs the next line of the page, which is of this command, and returns what it prints. */
  next(command: string): Promise<string>;
  /** The next lines make the kernel settings, and print them for each boot. */
  settings(): Promise<void>;
  /** There are no more lines. */
  isOver(): void;
}

async function linesOf(path: string): Promise<Walk> {
  const page = (await readPages()).find((one) => one.path === path);
  if (page === undefined) throw new Error(`there is no ${path}`);
  // In running text they are explained, in blocks they are to be typed.
  const blocks = page.text.replaceAll(/`(lvscare [^`]+)`/g, "");
  const lines = [...commandLinesOf({ path, text: blocks })];
  const next = async (command: string): Promise<string> => {
    const line = lines.shift();
    expect(line?.command).toBe(command);
    const { exitCode, stdout, stderr } = await node.run([lvscareBinary(), command, ...(line?.argv ?? [])]);
    expect([line?.place, exitCode, exitCode === 0 ? "" : stderr + stdout]).toEqual([line?.place, 0, ""]);
    return stdout;
  };
  return {
    next,
    async settings() {
      const expire = "net.ipv4.vs.expire_nodest_conn";
      await next("sysctls");
      expect((await node.exec("sysctl", "-n", expire)).trim()).toBe("1");
      expect(await next("sysctls")).toContain(`${expire} = 1\n`);
    },
    isOver: () => expect(lines.map(({ place }) => place)).toEqual([]),
  };
}

async function answersAt(endpoint: string): Promise<void> {
  const curl = ["curl", "--silent", "--fail", "--insecure", "--max-time", "5", `https://${endpoint}/version`];
  await waitFor(
    () => node.run(curl),
    ({ exitCode }) => exitCode === 0,
    PATIENT,
  );
}

/** As kubelet has it once the node has joined. */
async function haveKubeconfig(path: string, endpoint: string): Promise<void> {
  const kubeconfig = await plane.keys.kubeconfig(
    `kubelet-${endpoint.replace(":", "-")}`,
    KUBELET,
    `https://${endpoint}`,
  );
  await node.exec("sh", "-c", 'mkdir -p "${2%/*}" && cp "$1" "$2" && chmod 600 "$2"', "cp", kubeconfig, path);
}

/** What kubelet does with a manifest; another pod of that name ends first. Returns its process. */
async function startPod(manifest: string, before?: string): Promise<string> {
  if (before !== undefined) await endPod(before);
  const pod = Bun.YAML.parse(await node.exec("cat", manifest)) as {
    readonly spec: { readonly containers: readonly { readonly args: readonly string[] }[] };
  };
  return node.leave(lvscareBinary(), ...(pod.spec.containers[0]?.args ?? []));
}

async function endPod(pid: string): Promise<void> {
  await node.exec("kill", pid);
  await waitFor(
    () => node.run(["kill", "-0", pid]),
    ({ exitCode }) => exitCode !== 0,
    PATIENT,
  );
}

/** The node knows these, and asks for them in this way. */
async function membersAre(way: string, ...masters: readonly string[]): Promise<void> {
  const look = async (): Promise<unknown> => {
    const { stdout, exitCode } = await node.run([lvscareBinary(), "members", "-o", "json"]);
    if (exitCode !== 0) return undefined;
    const { virtualServers } = JSON.parse(stdout) as Pick<MembersReading, "virtualServers">;
    const { discovery, members = [] } = virtualServers[0] ?? {};
    return [
      discovery?.way?.split(",")[0],
      members
        .filter(({ state }) => state === "listed")
        .map(({ address }) => hostOf(address))
        .toSorted(),
    ];
  };
  await waitForEqual(look, [way, masters], PATIENT);
}

/** As `kubectl apply` does. */
async function applyRights(printed: string): Promise<void> {
  for (const text of printed.split("---\n")) {
    const object = Bun.YAML.parse(text) as { readonly kind: string };
    const path = `/apis/rbac.authorization.k8s.io/v1/namespaces/default/${object.kind.toLowerCase()}s`;
    expect(await plane.ask(M1, path, object)).toMatchObject({ exitCode: 0 });
  }
}

const PATIENT = { timeoutMs: 90_000, everyMs: 200 } as const;
