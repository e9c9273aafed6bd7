import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import type { StatusReport } from "../../src/domain/status.ts";
import { requireTestKernel } from "./harness/require-test-kernel.ts";
import { tableWith } from "./support/care-flags.ts";
import { Client } from "./support/client.ts";
import { tableOf, waitForTable } from "./support/ipvs-table.ts";
import { lvscareBinary, runLvscare, startCare } from "./support/lvscare.ts";
import type { Namespace } from "./support/namespace.ts";
import { CARE, CHECKS, EXPIRE, NODE, ROUTE, RouteHosts, SERVERS, VIP, VS } from "./support/route-hosts.ts";
import { waitFor, waitForEqual } from "./support/wait-for.ts";

// What options and rights make of route mode: the kernel's own part in it is in reach-route.test.ts.
requireTestKernel();
setDefaultTimeout(120_000);

const [A, B] = SERVERS;

let hosts: RouteHosts;
let node: Namespace;
beforeAll(async () => {
  hosts = await RouteHosts.start();
  ({ node } = hosts);
});
afterEach(() => hosts.reset());
afterAll(() => hosts[Symbol.asyncDispose]());

describe("the gateway", () => {
  test.each([
    { source: "LVSCARE_NODE_IP", env: { LVSCARE_NODE_IP: NODE }, file: "" },
    { source: "/etc/hosts", env: {}, file: `127.0.0.1 localhost\n${NODE} node5 lvscare.node.ip # us` },
  ])("comes from $source; clients on this host are served", async ({ env, file }) => {
    await using _hosts = await hostsFile(file);
    await using care = startCare(node, CARE, env);
    await waitForTable(node, tableWith(SERVERS, VS));
    await waitForEqual(() => hosts.routes(), [ROUTE]);
    await using client = await Client.start(node, VS);
    expect(await client.askEach(2)).toEqual([A, B]);
    expect(care.logged(/^(WARN|ERROR)/)).toEqual([]);
    await waitForEqual(() => care.logged(/route/), [`INFO set up route ${VIP}/32 via ${NODE} metric 50`]);
    await care.stop();
    await hosts.clean();
  });

  test("that is nowhere to be found is a route that is missing, counted and named until there is a way", async () => {
    const name = `route ${VIP}/32 metric 50`;
    const lost = ["--vs", VS, "--rs", "203.0.113.1:80", ...CHECKS];
    const once = await hosts.care(...lost, "--run-once");
    expect([once.exitCode, once.stderr.match(/WARN.*/g)]).toEqual([0, [expect.stringContaining("--ip")]]);
    await using daemon = startCare(node, [...lost, "--http-listen", "9105", "--check-way=false"]);
    await daemon.waitForLog(/^ERROR cannot keep route 10.103.97.2\/32 metric 50: .* address is not known/);
    expect((await daemon.status()).replaceAll(/\s+/g, " ")).toContain(
      `reach route, 4 of 5 stand, 1 failed; ${name}: make a route to ${VIP}: this node's address is not known`,
    );
    const metrics = await node.exec("curl", "--silent", "http://127.0.0.1:9105/metrics");
    expect(metrics).toContain(
      `lvscare_reach_object_state{virtual_server="${VS}",protocol="tcp",object="${name}",state="failed"} 1`,
    );
    await node.exec(..."ip route add 203.0.113.0/24 via 10.0.0.6".split(" "));
    try {
      await daemon.waitForLog(/^INFO set up route/);
      expect(await hosts.routes()).toEqual([ROUTE]);
      // There is no way to the real server either, until now.
      await daemon.waitForLog(/^WARN nobody is in service/);
      expect(daemon.logged(/^(WARN|ERROR)/)).toEqual([
        expect.stringMatching(/^ERROR cannot keep route/),
        `WARN nobody is in service behind tcp ${VS}: clients are not served`,
      ]);
    } finally {
      await node.exec("ip", "route", "del", "203.0.113.0/24");
    }
    await daemon.stop();
    await hosts.clean();
  });

  test.each([
    { flags: ["--ip", "fd00:10::5"], file: "", names: ["--ip", "fd00:10::5"] },
    { flags: [], file: "fd00:10::5 lvscare.node.ip", names: ["lvscare.node.ip", "fd00:10::5"] },
  ])("of the other family is refused before anything is changed: $names.0", async ({ flags, file, names }) => {
    await using _hosts = await hostsFile(file);
    const { exitCode, stderr } = await hosts.care(...CARE, ...flags, "--run-once");
    expect(exitCode).toBe(1);
    for (const name of names) expect(stderr).toContain(name);
    expect(await hosts.network()).toBe(hosts.untouched);
  });
});

test("without a mode there is the virtual server alone: TCP, by masquerading, at weight 1", async () => {
  expect((await hosts.care(...CARE, "--ip", NODE, "--mode", "", "--run-once")).exitCode).toBe(0);
  const members = SERVERS.map((server) => `-a -t ${VS} -r ${server} -m -w 1\n`);
  expect(await node.exec("ipvsadm", "-Sn")).toBe([`-A -t ${VS} -s rr\n`, ...members].join(""));
  await node.exec("ipvsadm", "-C");
  expect(await hosts.network()).toBe(hosts.untouched);
});

test("a client's open connection to a server that vanishes without a word hangs with --sysctls keep", async () => {
  for (const name of [EXPIRE, "net/ipv4/vs/sloppy_tcp"]) await hosts.setSysctl(name, "0");
  await using daemon = startCare(node, [...CARE, "--ip", NODE, "--sysctls", "keep"]);
  await waitForTable(node, tableWith(SERVERS, VS));
  await waitForEqual(() => hosts.routes(), [ROUTE]);
  await using connections = await hosts.connectionsToBoth();
  await using _ = await hosts.vanished("10.0.0.7");
  await daemon.waitForLog(/remove real server 10.0.0.7:80/);
  // Six doublings of the time between retransmissions are some 13 seconds.
  await waitFor(
    () => node.exec("ss", "-tino", "dst", VIP),
    (sockets) => /backoff:[6-9]/.test(sockets),
    { timeoutMs: 60_000 },
  );
  expect(await connections.states()).toEqual(["open", "open"]);
  expect(await hosts.sysctl(EXPIRE)).toBe("0");
});

describe("-C", () => {
  test.each(["--mode link", "--mode none", "--mode route --ip 10.0.0.9"])(
    "takes back the route whatever the options are now: %s",
    async (flags) => {
      await hosts.care(...CARE, "--ip", NODE, "--run-once");
      await hosts.clean(...flags.split(" "));
    },
  );

  test("tells of every step that failed, one line each", async () => {
    await hosts.care(...CARE, "--ip", NODE, "--run-once");
    const before = await hosts.network();
    const nobody = ["setpriv", "--reuid", "65534", "--clear-groups", lvscareBinary()];
    const { exitCode, stdout, stderr } = await node.run([...nobody, "care", "--vs", VS, "-C"]);
    const operations = [`read virtual server tcp ${VS}`, "read the virtual servers"];
    const lines = stderr.trimEnd().split("\n");
    expect([
      exitCode,
      stdout,
      lines.map((line) => line.replace(/: the kernel does not let .*CAP_NET_ADMIN.*/, "")),
    ]).toEqual([1, "", operations.map((operation) => `lvscare: ${operation}`)]);
    expect(await hosts.network()).toBe(before);
    await hosts.clean();
  });

  test("leaves the route for another virtual server at the same address", async () => {
    const neighbour = `${VIP}:443`;
    await hosts.care(...CARE, "--ip", NODE, "--run-once");
    await hosts.care("--vs", neighbour, "--rs", A, "--ip", NODE, "--run-once");
    expect((await hosts.care("--vs", VS, "-C")).exitCode).toBe(0);
    expect([tableOf(node), await hosts.routes()]).toEqual([tableWith([A], neighbour), [ROUTE]]);
    expect((await hosts.care("--vs", neighbour, "-C")).exitCode).toBe(0);
    expect(await hosts.network()).toBe(hosts.untouched);
  });
});

test("a pod of few rights tells which settings it may not change, and does not count them as made", async () => {
  const stale = [EXPIRE, "net/ipv4/vs/sloppy_tcp"];
  for (const name of stale) await hosts.setSysctl(name, "0");
  await hosts.setSysctl("net/ipv4/vs/expire_quiescent_template", "1");
  // As a container's runtime has it for a pod that is not privileged.
  for (const options of ["--bind", "-o remount,ro,bind"]) {
    await node.exec("mount", ...options.split(" "), "/proc/sys", "/proc/sys");
  }
  try {
    await using daemon = startCare(node, [...CARE, "--ip", NODE], {}, await asLeastPrivilegedPod());
    await waitForTable(node, tableWith(SERVERS, VS));
    await waitForEqual(() => hosts.routes(), [ROUTE]);
    const told = stale.map((name) => `sysctl ${name}=1 is left as it is (0): this process may not (EROFS)`);
    await waitForEqual(
      () => daemon.logged(/^(WARN|ERROR)/).map((line) => line.replace(/ \(run as root.*--sysctls keep\)$/, "")),
      told.map((line) => `WARN ${line}`),
    );
    expect(daemon.logged(/set up sysctl/)).toEqual([]);
    expect((await daemon.status()).replaceAll(/\s+/g, " ")).toContain(
      `reach route, 3 of 5 stand, 2 left as they are; ${told.map((line) => line.replace(" is left", ": left")).join("; ")}`,
    );
    const report = JSON.parse(await daemon.status("-o", "json")) as StatusReport;
    const states = report.virtualServers[0]?.reach?.objects.map(({ state }) => state);
    expect(states).toEqual(["left", "stands", "stands", "left", "stands"]);
    await using client = await Client.start(node, VS);
    expect(await client.askEach(2)).toEqual([A, B]);

    await daemon.stop();
    const alone = await hosts.care(...CARE, "--ip", NODE, "--run-once");
    expect([alone.exitCode, alone.stderr.match(/set up sysctl/)]).toEqual([0, null]);
    expect(alone.stderr.match(/WARN.*left as it is \(0\)/g)).toHaveLength(2);
  } finally {
    await node.exec("umount", "/proc/sys");
  }
});

// --- internal ---

/** Until disposed of, /etc/hosts of the node has this content. */
async function hostsFile(content: string): Promise<AsyncDisposable> {
  if (content === "") return { [Symbol.asyncDispose]: () => Promise.resolve() };
  const path = `/tmp/hosts-${crypto.randomUUID()}`;
  await Bun.write(path, content);
  await node.exec("mount", "--bind", path, "/etc/hosts");
  return { [Symbol.asyncDispose]: async () => void (await node.exec("umount", "/etc/hosts")) };
}

/** What starts a program with the rights that `lvscare static-pod --least-privilege` gives its container. */
async function asLeastPrivilegedPod(): Promise<readonly string[]> {
  const flags = ["--masters", A, "--least-privilege", "--print"];
  const { stdout } = await runLvscare(node, ["static-pod", ...flags]);
  const [container] = (Bun.YAML.parse(stdout) as Pod).spec.containers;
  if (container === undefined) throw new Error("the pod has no container");
  const { allowPrivilegeEscalation, capabilities } = container.securityContext;
  expect([allowPrivilegeEscalation, capabilities.drop]).toEqual([false, ["ALL"]]);
  const rights = ["-all", ...capabilities.add.map((name) => `+${name.toLowerCase()}`)].join(",");
  return ["setpriv", "--no-new-privs", `--bounding-set=${rights}`, `--inh-caps=${rights}`, lvscareBinary()];
}

interface Pod {
  readonly spec: { readonly containers: readonly { readonly securityContext: SecurityContext }[] };
}

interface SecurityContext {
  readonly allowPrivilegeEscalation: boolean;
  readonly capabilities: { readonly add: readonly string[]; readonly drop: readonly string[] };
}
