import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, setDefaultTimeout, test } from "bun:test";
import { ARCHITECTURES } from "../../tasks/image/architectures.ts";
import { fillRootFolder } from "../../tasks/image/root-folder.ts";
import { runProgram } from "../cli/run-program.ts";
import { lvscareBinary } from "../kernel/support/lvscare.ts";
import { waitFor } from "../kernel/support/wait-for.ts";
import { NodeShell } from "../node/support/node-shell.ts";
import { SwitchedNetwork } from "../node/support/switched-network.ts";
import { installRunc, layOutBundle, type PodSpec } from "./support/pod-containers.ts";

setDefaultTimeout(10 * 60_000);

const [OBSERVER, NODE, VS] = ["10.0.0.9", "10.0.0.20", "10.30.0.1:80"] as const;
const LINK_MODE = `daemonset --vs ${VS} --rs 10.0.0.66:80 --mode link`;

test("a pod of a DaemonSet makes the kernel settings before its daemon starts, which may not, under a real runtime", async () => {
  await installRunc();
  const folder = await mkdtemp(join(tmpdir(), "lvscare-pod-"));
  await using stack = new AsyncDisposableStack();
  stack.defer(() => rm(folder, { recursive: true }));
  const [architecture] = ARCHITECTURES;
  if (architecture === undefined) throw new Error("there is no image");
  const root = join(folder, "root");
  await mkdir(root);
  await fillRootFolder(root, architecture, lvscareBinary());
  // Where a runtime mounts something.
  for (const path of ["proc", "dev", "sys", "run/lvscare", "lib/modules"])
    await mkdir(join(root, path), { recursive: true });
  const pod = await podOf(LINK_MODE);
  const [settings] = pod.initContainers ?? [];
  const [daemon] = pod.containers;
  if (settings === undefined || daemon === undefined) throw new Error("the pod has other containers");
  const bundles = {
    settings: await layOutBundle(folder, root, pod, settings),
    daemon: await layOutBundle(folder, root, pod, daemon),
  };

  const network = stack.use(await SwitchedNetwork.create());
  const observer = (await network.addHost(`${OBSERVER}/24`)).namespace;
  const node = stack.use(await NodeShell.start("uml", network, NODE, observer));
  await node.exec("modprobe", "ip_vs");
  await node.exec("mkdir", "-p", "/run/lvscare", "/tmp/runc");
  const runc = ["runc", "--root", "/tmp/runc"] as const;
  const read = (): Promise<string> => node.exec("sysctl", "-n", "net.ipv4.vs.conntrack", "net.ipv4.ip_forward");
  /** Runs the daemon until it knows that nobody is there, and returns what it has said. */
  const runDaemon = async (): Promise<string> => {
    const log = "/tmp/daemon.log";
    await node.leave("sh", "-c", `${runc.join(" ")} run --bundle ${bundles.daemon} daemon >${log} 2>&1 </dev/null`);
    await waitFor(
      () => node.exec("cat", log),
      (text) => text.includes("nobody is in service"),
      { timeoutMs: 60_000, everyMs: 200 },
    );
    await node.run([...runc, "kill", "daemon", "KILL"]);
    await waitFor(
      () => node.run([...runc, "delete", "--force", "daemon"]),
      ({ exitCode }) => exitCode === 0,
    );
    return node.exec("cat", log);
  };

  expect(await read()).toBe("0\n0\n");
  // What the daemon itself may do is not enough.
  expect(await runDaemon()).toContain("sysctl net/ipv4/vs/conntrack=1: set net/ipv4/vs/conntrack to 1");
  expect(await read()).toBe("0\n0\n");
  await node.exec(...runc, "run", "--bundle", bundles.settings, "settings");
  expect(await read()).toBe("1\n1\n");
  expect(await runDaemon()).not.toContain("sysctl");
});

// --- internal ---

async function podOf(command: string): Promise<PodSpec> {
  const { stdout } = await runProgram(command.split(" "));
  const specs = stdout
    .split("---\n")
    .map((text) => Bun.YAML.parse(text) as { readonly kind: string; readonly spec: object });
  const daemonSet = specs.find(({ kind }) => kind === "DaemonSet");
  if (daemonSet === undefined) throw new Error(`no DaemonSet is printed:\n${stdout}`);
  const { template } = daemonSet.spec as { readonly template: { readonly spec: PodSpec } };
  return template.spec;
}
