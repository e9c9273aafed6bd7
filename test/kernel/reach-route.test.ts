import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import type { StatusReport } from "../../src/domain/status.ts";
import { requireTestKernel } from "./harness/require-test-kernel.ts";
import { tableWith } from "./support/care-flags.ts";
import { Client } from "./support/client.ts";
import { EchoServers } from "./support/echo-server.ts";
import { HeldConnection } from "./support/held-connection.ts";
import { tableOf, waitForTable } from "./support/ipvs-table.ts";
import { lvscareBinary, runLvscare, startCare } from "./support/lvscare.ts";
import { connect, hasItsAddresses, Namespace, type Ended } from "./support/namespace.ts";
import { waitFor, waitForEqual } from "./support/wait-for.ts";

requireTestKernel({ everyVersion: true });
setDefaultTimeout(120_000);

/** Of no network that this host is in. */
const VIP = "10.103.97.2";
const VS = `${VIP}:6443`;
const NODE = "10.0.0.5";
const SERVERS = ["10.0.0.6:80", "10.0.0.7:80"] as const;
const [A, B] = SERVERS;
const CHECKS = "--interval 1 --health-schem http --health-path / --logger DEBG".split(" ");
const CARE = ["--vs", VS, "--rs", SERVERS.join(","), ...CHECKS];
/** As `ip route` shows ours. */
const ROUTE = `${VIP} via ${NODE} dev cable proto 76 metric 50`;

/** Why an address that nobody named is taken. */
const FOUND = `from which it speaks to ${A}: none of --ip, LVSCARE_NODE_IP and lvscare.node.ip in /etc/hosts names it`;

const EXPIRE = "net/ipv4/vs/expire_nodest_conn";

let node: Namespace;
let other: Namespace;
let echo: EchoServers;
let untouched: string;
beforeAll(async () => {
  node = await Namespace.create();
  other = await Namespace.create();
  await connect([node, `${NODE}/24`], [other, "10.0.0.6/24"]);
  await other.addAddress("10.0.0.7/24", "cable");
  for (const [namespace, address] of [
    [node, "fd00:10::5/64"],
    [other, "fd00:10::6/64"],
  ] as const) {
    await namespace.addAddress(address, "cable");
  }
  echo = await EchoServers.start(other, [...SERVERS, "[fd00:10::6]:80"]);
  untouched = await waitFor(network, hasItsAddresses);
});
afterEach(async () => {
  await node.exec("ipvsadm", "-C");
  for (const family of ["-4", "-6"]) await node.run(["ip", family, "route", "flush", "root", "10.103.97.0/24"]);
});
afterAll(async () => {
  await echo[Symbol.asyncDispose]();
  for (const namespace of [node, other]) await namespace[Symbol.asyncDispose]();
});

describe("the gateway", () => {
  test.each([
    { source: "--ip", flags: ["--ip", NODE], env: {}, hosts: "" },
    { source: "LVSCARE_NODE_IP", flags: [], env: { LVSCARE_NODE_IP: NODE }, hosts: "" },
    { source: "/etc/hosts", flags: [], env: {}, hosts: `127.0.0.1 localhost\n${NODE} node5 lvscare.node.ip # us` },
  ])("comes from $source; clients on this host are served, and cleaning up leaves nothing", async (given) => {
    await using _hosts = await hostsFile(given.hosts);
    await using care = startCare(node, [...CARE, ...given.flags], given.env);
    await waitForTable(node, tableWith(SERVERS, VS));
    await waitForEqual(routes, [ROUTE]);
    await using client = await Client.start(node, VS);
    expect(await client.request(4)).toEqual({ [A]: 2, [B]: 2 });
    expect(care.logged(/^(WARN|ERROR)/)).toEqual([]);
    expect(care.logged(/route/)).toEqual([`INFO set up route ${VIP}/32 via ${NODE} metric 50`]);

    const report = JSON.parse(await care.status("-o", "json")) as StatusReport;
    expect(report.virtualServers[0]?.reach?.objects.at(-1)).toMatchObject({
      name: `route ${VIP}/32 via ${NODE} metric 50`,
      state: "stands",
    });
    expect(await care.status()).toMatch(/^ {2}reach {7}route, all 5 stand$/m);

    // Traffic outlives the daemon.
    expect(await care.stop()).toBe(0);
    expect(await client.request(4)).toEqual({ [A]: 2, [B]: 2 });
    await cleanTwice();
  });

  test("is found by the ways to the real servers where nobody names it, and changes with them", async () => {
    await using daemon = startCare(node, [...CARE, "--interval", "60"]);
    await waitForTable(node, tableWith(SERVERS, VS));
    await waitForEqual(routes, [ROUTE]);
    await using client = await Client.start(node, VS);
    expect(await client.request(4)).toEqual({ [A]: 2, [B]: 2 });
    await node.addAddress("10.0.0.9/24", "cable");
    try {
      await node.exec(..."ip route add 10.0.0.6 dev cable src 10.0.0.9".split(" "));
      await waitForEqual(routes, [ROUTE.replace(NODE, "10.0.0.9")]);
      expect(daemon.logged(/^(INFO this node|INFO set up route|WARN|ERROR)/)).toEqual([
        `INFO this node's address is ${NODE}, ${FOUND}`,
        `INFO set up route ${VIP}/32 via ${NODE} metric 50`,
        `INFO this node's address is 10.0.0.9, ${FOUND}`,
        `INFO set up route ${VIP}/32 via 10.0.0.9 metric 50`,
      ]);
    } finally {
      await node.run(["ip", "route", "del", "10.0.0.6"]);
      await node.exec("ip", "address", "del", "10.0.0.9/24", "dev", "cable");
    }
    await waitForEqual(routes, [ROUTE]);
    await daemon.stop();
    await cleanTwice();
  });

  test.each([
    { servers: ["127.0.0.1:8081"], flags: [], source: "127.0.0.1" },
    { servers: [`${NODE}:8080`, "127.0.0.1:8081", A], flags: [], source: NODE },
    { servers: [`${NODE}:8080`, A], flags: ["--ip", NODE], source: NODE },
  ])("leads to real servers on this node as well: $servers $flags", async ({ servers, flags, source }) => {
    await using _here = await EchoServers.start(
      node,
      servers.filter((server) => server !== A),
    );
    await using daemon = startCare(node, ["--vs", VS, "--rs", servers.join(","), ...CHECKS, ...flags]);
    await waitForTable(node, tableWith(servers, VS));
    await waitForEqual(routes, [`${VIP} via 127.0.0.1 dev lo proto 76 src ${source} metric 50`]);
    await using client = await Client.start(node, VS);
    const each = Object.fromEntries(servers.map((server) => [server, 2]));
    expect(await client.request(2 * servers.length)).toEqual(each);
    await daemon.stop();
    await cleanTwice();
  });

  test("that is nowhere to be found is a route that is missing, counted and named until there is a way", async () => {
    const name = `route ${VIP}/32 metric 50`;
    const lost = ["--vs", VS, "--rs", "203.0.113.1:80", ...CHECKS];
    const once = await care(...lost, "--run-once");
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
      expect(await routes()).toEqual([ROUTE]);
      // There is no way to the real server either, until now.
      expect(daemon.logged(/^(WARN|ERROR)/)).toEqual([
        expect.stringMatching(/^ERROR cannot keep route/),
        `WARN nobody is in service behind tcp ${VS}: clients are refused`,
      ]);
    } finally {
      await node.exec("ip", "route", "del", "203.0.113.0/24");
    }
    await daemon.stop();
    await cleanTwice();
  });

  test.each([
    { flags: ["--ip", "fd00:10::5"], hosts: "", names: ["--ip", "fd00:10::5"] },
    { flags: [], hosts: "fd00:10::5 lvscare.node.ip", names: ["lvscare.node.ip", "fd00:10::5"] },
  ])("of the other family is refused before anything is changed: $names.0", async ({ flags, hosts, names }) => {
    await using _hosts = await hostsFile(hosts);
    const { exitCode, stderr } = await care(...CARE, ...flags, "--run-once");
    expect(exitCode).toBe(1);
    for (const name of names) expect(stderr).toContain(name);
    expect(await network()).toBe(untouched);
  });

  test("that no link leads to fails a run-once, and a daemon until one does", async () => {
    const flags = [...CARE, "--ip", "203.0.113.9", "--check-way=false"];
    const once = await care(...flags, "--run-once");
    expect([once.exitCode, once.stderr]).toEqual([1, expect.stringContaining("Nexthop has invalid gateway")]);
    await using daemon = startCare(node, flags);
    await waitForTable(node, tableWith(SERVERS, VS));
    await daemon.waitForLog(/^DEBUG probe of .*:80 passed/, { times: 6 });
    expect(daemon.logged(/^(WARN|ERROR)/)).toEqual([
      `ERROR cannot keep route ${VIP}/32 via 203.0.113.9 metric 50: add route ${VIP}/32 via 203.0.113.9 metric 50: ` +
        "the kernel refused with ENETUNREACH: Nexthop has invalid gateway; going on, and trying again",
    ]);
    await node.addAddress("203.0.113.5/24", "cable");
    await daemon.waitForLog(/INFO set up route/);
    await node.exec("ip", "address", "del", "203.0.113.5/24", "dev", "cable");
  });
});

describe("--run-once", () => {
  test("makes route and settings, and again changes nothing; -C --run-once cleans", async () => {
    await setSysctl(EXPIRE, "0");
    const first = await care(...CARE, "--ip", NODE, "--run-once");
    expect([first.exitCode, await routes(), await sysctl(EXPIRE)]).toEqual([0, [ROUTE], "1"]);
    expect(first.stderr).toContain(`INFO set up route ${VIP}/32 via ${NODE} metric 50`);
    const before = await network();
    const second = await care(...CARE, "--ip", NODE, "--run-once");
    expect([second.exitCode, await network()]).toEqual([0, before]);
    expect(second.stderr).not.toContain("set up");
    expect((await care("--vs", VS, "-C", "--run-once")).exitCode).toBe(0);
    expect(await network()).toBe(untouched);
  });
});

test("without a mode there is the virtual server alone: TCP, by masquerading, at weight 1", async () => {
  expect((await care(...CARE, "--ip", NODE, "--mode", "", "--run-once")).exitCode).toBe(0);
  const members = SERVERS.map((server) => `-a -t ${VS} -r ${server} -m -w 1\n`);
  expect(await node.exec("ipvsadm", "-Sn")).toBe([`-A -t ${VS} -s rr\n`, ...members].join(""));
  await node.exec("ipvsadm", "-C");
  expect(await network()).toBe(untouched);
});

describe("a client's open connection to a server that vanishes without a word", () => {
  test("ends once the server was removed", async () => {
    await using daemon = startCare(node, [...CARE, "--ip", NODE]);
    await waitForTable(node, tableWith(SERVERS, VS));
    await waitForEqual(routes, [ROUTE]);
    await using connections = await connectionsToBoth();
    await using _ = await vanished("10.0.0.7");
    await daemon.waitForLog(/remove real server 10.0.0.7:80/);
    // Reset or closed: either way the client is told.
    await waitForEqual(async () => (await connections.states()).map((state) => state === "open"), [false, true], {
      timeoutMs: 10_000,
    });
  });

  test("hangs with --sysctls keep", async () => {
    for (const name of [EXPIRE, "net/ipv4/vs/sloppy_tcp"]) await setSysctl(name, "0");
    await using daemon = startCare(node, [...CARE, "--ip", NODE, "--sysctls", "keep"]);
    await waitForTable(node, tableWith(SERVERS, VS));
    await waitForEqual(routes, [ROUTE]);
    await using connections = await connectionsToBoth();
    await using _ = await vanished("10.0.0.7");
    await daemon.waitForLog(/remove real server 10.0.0.7:80/);
    // Six doublings of the time between retransmissions are some 13 seconds.
    await waitFor(
      () => node.exec("ss", "-tino", "dst", VIP),
      (sockets) => /backoff:[6-9]/.test(sockets),
      { timeoutMs: 60_000 },
    );
    expect(await connections.states()).toEqual(["open", "open"]);
    expect(await sysctl(EXPIRE)).toBe("0");
  });
});

describe("what others change is put right at once, with one line", () => {
  const PATIENT = ["--interval", "60"];

  test.each([
    {
      change: "a deleted route",
      argv: ["ip", "route", "del", VIP],
      told: `route ${VIP}/32 via ${NODE} metric 50 (missing)`,
    },
    {
      change: "a route that was led elsewhere in our name",
      argv: `ip route replace ${VIP} via 10.0.0.6 proto 76 metric 50`.split(" "),
      told: `route ${VIP}/32 via ${NODE} metric 50 (there is route ${VIP}/32 via 10.0.0.6 metric 50)`,
    },
    {
      change: "a setting",
      argv: ["sysctl", "-w", "net.ipv4.vs.expire_nodest_conn=0"],
      told: `sysctl ${EXPIRE}=1 (is 0)`,
    },
  ])("$change", async ({ argv, told }) => {
    await using daemon = startCare(node, [...CARE, ...PATIENT, "--ip", NODE]);
    await daemon.waitForLog(/set up route/);
    await node.exec(...argv);
    await daemon.waitForLog(/^WARN/);
    await waitForEqual(async () => [await routes(), await sysctl(EXPIRE)], [[ROUTE], "1"]);
    // Another change shows that nothing more was said of the first.
    await node.exec("ip", "route", "del", VIP);
    await daemon.waitForLog(/\(missing\)$/, { times: told.endsWith("(missing)") ? 2 : 1 });
    expect(daemon.logged(/^WARN/)[0]).toBe(`WARN repaired what someone else changed: ${told}`);
    expect(daemon.logged(/^WARN/)).toHaveLength(2);
  });

  test("a link that goes down takes the route along, silently, and it is back with the link", async () => {
    await using daemon = startCare(node, [...CARE, ...PATIENT, "--ip", NODE]);
    await daemon.waitForLog(/set up route/);
    await node.exec("ip", "link", "set", "cable", "down");
    await node.exec("ip", "link", "set", "cable", "up");
    await waitForEqual(routes, [ROUTE]);
    await node.exec("ip", "-6", "address", "add", "fd00:10::5/64", "dev", "cable", "nodad");
  });
});

describe("routes of others", () => {
  test.each([
    { made: `ip route add ${VIP} via 10.0.0.6 proto static`, told: "comes before", ours: [ROUTE] },
    { made: `ip route add ${VIP} via 10.0.0.6 proto static metric 50`, told: "stands in the place of", ours: [] },
  ])("stay, are told of once, and stay when cleaned up: $made", async ({ made, told, ours }) => {
    await node.exec(...made.split(" "));
    const before = await routes();
    await using daemon = startCare(node, [...CARE, "--ip", NODE]);
    await waitForTable(node, tableWith(SERVERS, VS));
    await daemon.waitForLog(/^DEBUG probe of .*:80 passed/, { times: 6 });
    expect(await routes()).toEqual([...before, ...ours]);
    expect(daemon.logged(/^(WARN|ERROR)/)).toEqual([expect.stringContaining(told)]);
    await daemon.stop();
    expect((await care("--vs", VS, "-C", "--ip", NODE)).exitCode).toBe(0);
    expect(await routes()).toEqual(before);
  });

  test("with a higher metric are nobody's business", async () => {
    await node.exec(..."ip route add 10.103.97.2 via 10.0.0.6 metric 100".split(" "));
    const { exitCode, stderr } = await care(...CARE, "--ip", NODE, "--run-once");
    expect([exitCode, stderr.match(/WARN.*/g)]).toEqual([0, null]);
    expect((await care("--vs", VS, "-C")).exitCode).toBe(0);
    expect(await routes()).toEqual([`${VIP} via 10.0.0.6 dev cable metric 100`]);
  });

  test("of the Go program are taken over without a word, and cleaned up", async () => {
    await node.exec(...`ip route add ${VIP}/32 via ${NODE} metric 50`.split(" "));
    const made = await routes();
    const { exitCode, stderr } = await care(...CARE, "--ip", NODE, "--run-once");
    expect([exitCode, stderr.match(/.*route.*/g), await routes()]).toEqual([
      0,
      [expect.stringMatching(/DEBUG stands already: route/)],
      made,
    ]);
    await cleanTwice();
  });
});

describe("-C", () => {
  test("takes back the route that was made with another --ip, and when the virtual server is gone already", async () => {
    await care(...CARE, "--ip", NODE, "--run-once");
    await care(...CARE, "--ip", "10.0.0.6", "--run-once");
    expect(await routes()).toEqual([`${VIP} via 10.0.0.6 dev cable proto 76 metric 50`]);
    await node.exec("ipvsadm", "-C");
    await cleanTwice("--ip", "10.0.0.7");
  });

  test.each(["--mode link", "--mode none", "--mode route --ip 10.0.0.9"])(
    "takes back the route whatever the options are now: %s",
    async (flags) => {
      await care(...CARE, "--ip", NODE, "--run-once");
      await cleanTwice(...flags.split(" "));
    },
  );

  test("is content when the route is gone already", async () => {
    await care(...CARE, "--ip", NODE, "--run-once");
    await node.exec("ip", "route", "del", VIP);
    await cleanTwice();
  });

  test("tells of every step that failed, one line each", async () => {
    await care(...CARE, "--ip", NODE, "--run-once");
    const before = await network();
    const nobody = ["setpriv", "--reuid", "65534", "--clear-groups", lvscareBinary()];
    const { exitCode, stdout, stderr } = await node.run([...nobody, "care", "--vs", VS, "-C"]);
    const operations = [`read virtual server tcp ${VS}`, "read the virtual servers"];
    const lines = stderr.trimEnd().split("\n");
    expect([
      exitCode,
      stdout,
      lines.map((line) => line.replace(/: the kernel does not let .*CAP_NET_ADMIN.*/, "")),
    ]).toEqual([1, "", operations.map((operation) => `lvscare: ${operation}`)]);
    expect(await network()).toBe(before);
    await cleanTwice();
  });

  test("leaves the route for another virtual server at the same address", async () => {
    const neighbour = `${VIP}:443`;
    await care(...CARE, "--ip", NODE, "--run-once");
    await care("--vs", neighbour, "--rs", A, "--ip", NODE, "--run-once");
    expect((await care("--vs", VS, "-C")).exitCode).toBe(0);
    expect([tableOf(node), await routes()]).toEqual([tableWith([A], neighbour), [ROUTE]]);
    expect((await care("--vs", neighbour, "-C")).exitCode).toBe(0);
    expect(await network()).toBe(untouched);
  });
});

describe("an IPv6 virtual server", () => {
  const VS6 = "[fd00:96::1]:6443";
  const SERVER6 = "[fd00:10::6]:80";

  test.each([
    { gateway: "fd00:10::5", route: "fd00:96::1 dev cable proto 76 src fd00:10::5 metric 50 pref medium" },
    { gateway: "fd00:10::6", route: "fd00:96::1 via fd00:10::6 dev cable proto 76 metric 50 pref medium" },
  ])("is reached through $gateway", async ({ gateway, route }) => {
    const flags = ["--vs", VS6, "--rs", SERVER6, "--ip", gateway, ...CHECKS];
    await using daemon = startCare(node, flags);
    await waitForTable(node, tableWith([SERVER6], VS6));
    await waitForEqual(routes6, [route]);
    await using client = await Client.start(node, VS6);
    expect(await client.request(2)).toEqual({ [SERVER6]: 2 });
    await node.exec("ip", "-6", "route", "del", "fd00:96::1");
    await daemon.waitForLog(/^WARN repaired .*\(missing\)/);
    await waitForEqual(routes6, [route]);
    await daemon.stop();
    for (const _time of ["first", "second"]) {
      expect((await care("--vs", VS6, "-C")).exitCode).toBe(0);
      expect(await network()).toBe(untouched);
    }
  });
});

test("a pod of few rights tells which settings it may not change, and does not count them as made", async () => {
  const stale = [EXPIRE, "net/ipv4/vs/sloppy_tcp"];
  for (const name of stale) await setSysctl(name, "0");
  await setSysctl("net/ipv4/vs/expire_quiescent_template", "1");
  // As a container's runtime has it for a pod that is not privileged.
  for (const options of ["--bind", "-o remount,ro,bind"]) {
    await node.exec("mount", ...options.split(" "), "/proc/sys", "/proc/sys");
  }
  try {
    await using daemon = startCare(node, [...CARE, "--ip", NODE], {}, await asLeastPrivilegedPod());
    await waitForTable(node, tableWith(SERVERS, VS));
    await waitForEqual(routes, [ROUTE]);
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
    expect(await client.request(4)).toEqual({ [A]: 2, [B]: 2 });

    await daemon.stop();
    const alone = await care(...CARE, "--ip", NODE, "--run-once");
    expect([alone.exitCode, alone.stderr.match(/set up sysctl/)]).toEqual([0, null]);
    expect(alone.stderr.match(/WARN.*left as it is \(0\)/g)).toHaveLength(2);
  } finally {
    await node.exec("umount", "/proc/sys");
  }
});

// --- internal ---

function care(...flags: readonly string[]): Promise<Ended> {
  return runLvscare(node, ["care", ...flags]);
}

async function cleanTwice(...flags: readonly string[]): Promise<void> {
  for (const _time of ["first", "second"]) {
    const { exitCode, stderr } = await care("--vs", VS, "-C", ...flags);
    expect(exitCode, stderr).toBe(0);
    expect(await network()).toBe(untouched);
  }
}

/** What cleaning up must leave as it was. */
async function network(): Promise<string> {
  const commands = ["ip address", "ip route show table all", "ip -6 route", "ipvsadm -Ln"];
  const outputs = await Promise.all(commands.map((command) => node.exec(...command.split(" "))));
  return outputs.join("\n");
}

async function routes(): Promise<readonly string[]> {
  return linesOf(await node.exec("ip", "route", "show", VIP));
}

async function routes6(): Promise<readonly string[]> {
  return linesOf(await node.exec("ip", "-6", "route", "show", "fd00:96::1"));
}

function linesOf(text: string): string[] {
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
}

async function sysctl(name: string): Promise<string> {
  return (await node.exec("cat", `/proc/sys/${name}`)).trim();
}

async function setSysctl(name: string, value: string): Promise<void> {
  await node.exec("sysctl", "-w", `${name.replaceAll("/", ".")}=${value}`);
}

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

/** One connection to each real server; their states come in the order of the alphabet. */
async function connectionsToBoth(): Promise<AsyncDisposable & { states(): Promise<readonly string[]> }> {
  const held = [await HeldConnection.open(node, VS), await HeldConnection.open(node, VS)];
  return {
    async states() {
      return (await Promise.all(held.map((connection) => connection.state()))).toSorted();
    },
    async [Symbol.asyncDispose]() {
      for (const connection of held) await connection[Symbol.asyncDispose]();
    },
  };
}

/** Until disposed of, the real servers' host does not have this address, its second one: what is sent to it is lost. */
async function vanished(address: string): Promise<AsyncDisposable> {
  await other.exec("ip", "address", "del", `${address}/24`, "dev", "cable");
  return { [Symbol.asyncDispose]: () => other.addAddress(`${address}/24`, "cable") };
}
