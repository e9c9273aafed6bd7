import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import type { StatusReport } from "../../src/domain/status.ts";
import { requireTestKernel } from "./harness/require-test-kernel.ts";
import { tableWith } from "./support/care-flags.ts";
import { Client } from "./support/client.ts";
import { EchoServers } from "./support/echo-server.ts";
import { waitForTable } from "./support/ipvs-table.ts";
import { startCare } from "./support/lvscare.ts";
import type { Namespace } from "./support/namespace.ts";
import { CARE, CHECKS, EXPIRE, NODE, ROUTE, RouteHosts, SERVERS, VIP, VS } from "./support/route-hosts.ts";
import { waitFor, waitForEqual } from "./support/wait-for.ts";

requireTestKernel({ everyVersion: true });
setDefaultTimeout(120_000);

const [A, B] = SERVERS;

/** Why an address that nobody named is taken. */
const FOUND = `from which it speaks to ${A} (--ip, in a file ip, names another)`;

let hosts: RouteHosts;
let node: Namespace;
beforeAll(async () => {
  hosts = await RouteHosts.start();
  ({ node } = hosts);
});
afterEach(() => hosts.reset());
afterAll(() => hosts[Symbol.asyncDispose]());

describe("the gateway", () => {
  test("comes from --ip; clients on this host are served, and cleaning up leaves nothing", async () => {
    await using care = startCare(node, [...CARE, "--ip", NODE]);
    await waitForTable(node, tableWith(SERVERS, VS));
    await waitForEqual(() => hosts.routes(), [ROUTE]);
    await using client = await Client.start(node, VS);
    expect(await client.askEach(2)).toEqual([A, B]);
    expect(care.logged(/^(WARN|ERROR)/)).toEqual([]);
    await waitForEqual(() => care.logged(/route/), [`INFO set up route ${VIP}/32 via ${NODE} metric 50`]);

    const report = JSON.parse(await care.status("-o", "json")) as StatusReport;
    expect(report.virtualServers[0]?.reach?.objects.at(-1)).toMatchObject({
      name: `route ${VIP}/32 via ${NODE} metric 50`,
      state: "stands",
    });
    expect(await care.status()).toMatch(/^ {2}reach {7}route, all 5 stand$/m);

    // Traffic outlives the daemon.
    expect(await care.stop()).toBe(0);
    expect(await client.askEach(2)).toEqual([A, B]);
    for (const _time of ["first", "second"]) await hosts.clean();
  });

  test("is found by the ways to the real servers where nobody names it, and changes with them", async () => {
    await using daemon = startCare(node, [...CARE, "--interval", "60"]);
    await waitForTable(node, tableWith(SERVERS, VS));
    await waitForEqual(() => hosts.routes(), [ROUTE]);
    await using client = await Client.start(node, VS);
    expect(await client.askEach(2)).toEqual([A, B]);
    await node.addAddress("10.0.0.9/24", "cable");
    try {
      await node.exec(..."ip route add 10.0.0.6 dev cable src 10.0.0.9".split(" "));
      await waitForEqual(() => hosts.routes(), [ROUTE.replace(NODE, "10.0.0.9")]);
      await waitForEqual(
        () => daemon.logged(/^(INFO taken for this node|INFO set up route|WARN|ERROR)/),
        [
          `INFO taken for this node's address: ${NODE}, ${FOUND}`,
          `INFO set up route ${VIP}/32 via ${NODE} metric 50`,
          `INFO taken for this node's address: 10.0.0.9, ${FOUND}`,
          `INFO set up route ${VIP}/32 via 10.0.0.9 metric 50`,
        ],
      );
    } finally {
      await node.run(["ip", "route", "del", "10.0.0.6"]);
      await node.exec("ip", "address", "del", "10.0.0.9/24", "dev", "cable");
    }
    await waitForEqual(() => hosts.routes(), [ROUTE]);
    await daemon.stop();
    await hosts.clean();
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
    await waitForEqual(() => hosts.routes(), [`${VIP} via 127.0.0.1 dev lo proto 76 src ${source} metric 50`]);
    await using client = await Client.start(node, VS);
    expect(await client.askEach(servers.length)).toEqual(servers.toSorted());
    await daemon.stop();
    await hosts.clean();
  });

  test.each([[[]], [["--ip", NODE]]])(
    "to real servers on this node leaves clients without an answer while nobody serves, as its warning says (%j)",
    async (flags) => {
      const server = "127.0.0.1:8081";
      await using here = await EchoServers.start(node, [server]);
      await using daemon = startCare(node, ["--vs", VS, "--rs", server, ...CHECKS, ...flags]);
      await waitForTable(node, tableWith([server], VS));
      await using client = await Client.start(node, VS);
      await here.close(server);
      expect(await daemon.waitForLog(/^WARN/)).toBe(
        `WARN nobody is in service behind tcp ${VS}: clients are not served, and their connections time out`,
      );
      const asked = client.request(1);
      // It was asked three times, and neither answered nor refused.
      await waitFor(
        () => node.exec("ss", "-Htno", "state", "syn-sent", "dst", VIP),
        (text) => /timer:\(on,[^,]+,[2-9]\)/.test(text),
      );
      await here.open(server);
      expect(await asked).toEqual({ [server]: 1 });
      await daemon.stop();
      await hosts.clean();
    },
  );

  test("that no link leads to fails a run-once, and a daemon until one does", async () => {
    const flags = [...CARE, "--ip", "203.0.113.9", "--check-way=false"];
    const once = await hosts.care(...flags, "--run-once");
    expect([once.exitCode, once.stderr]).toEqual([1, expect.stringContaining("Nexthop has invalid gateway")]);
    await using daemon = startCare(node, flags);
    await waitForTable(node, tableWith(SERVERS, VS));
    await daemon.waitForLog(/^ERROR/);
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
    await hosts.setSysctl(EXPIRE, "0");
    const first = await hosts.care(...CARE, "--ip", NODE, "--run-once");
    expect([first.exitCode, await hosts.routes(), await hosts.sysctl(EXPIRE)]).toEqual([0, [ROUTE], "1"]);
    expect(first.stderr).toContain(`INFO set up route ${VIP}/32 via ${NODE} metric 50`);
    const before = await hosts.network();
    const second = await hosts.care(...CARE, "--ip", NODE, "--run-once");
    expect([second.exitCode, await hosts.network()]).toEqual([0, before]);
    expect(second.stderr).not.toContain("set up");
    expect((await hosts.care("--vs", VS, "-C", "--run-once")).exitCode).toBe(0);
    expect(await hosts.network()).toBe(hosts.untouched);
  });
});

describe("a client's open connection to a server that vanishes without a word", () => {
  test("ends once the server was removed", async () => {
    await using daemon = startCare(node, [...CARE, "--ip", NODE]);
    await waitForTable(node, tableWith(SERVERS, VS));
    await waitForEqual(() => hosts.routes(), [ROUTE]);
    await using connections = await hosts.connectionsToBoth();
    await using _ = await hosts.vanished("10.0.0.7");
    await daemon.waitForLog(/remove real server 10.0.0.7:80/);
    // Reset or closed: either way the client is told, when the kernel sends next what was lost. It doubles that pause each time.
    await waitForEqual(async () => (await connections.states()).map((state) => state === "open"), [false, true]);
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
    await waitForEqual(async () => [await hosts.routes(), await hosts.sysctl(EXPIRE)], [[ROUTE], "1"]);
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
    await waitForEqual(() => hosts.routes(), [ROUTE]);
    await node.exec("ip", "-6", "address", "add", "fd00:10::5/64", "dev", "cable", "nodad");
  });
});

describe("routes of others", () => {
  test.each([
    { made: `ip route add ${VIP} via 10.0.0.6 proto static`, told: "comes before", ours: [ROUTE] },
    { made: `ip route add ${VIP} via 10.0.0.6 proto static metric 50`, told: "stands in the place of", ours: [] },
  ])("stay, are told of once, and stay when cleaned up: $made", async ({ made, told, ours }) => {
    await node.exec(...made.split(" "));
    const before = await hosts.routes();
    await using daemon = startCare(node, [...CARE, "--ip", NODE]);
    await waitForTable(node, tableWith(SERVERS, VS));
    await daemon.waitForLog(/^WARN/);
    await daemon.waitForLog(/^DEBUG probe of .*:80 passed/, { times: 6 });
    expect(await hosts.routes()).toEqual([...before, ...ours]);
    expect(daemon.logged(/^(WARN|ERROR)/)).toEqual([expect.stringContaining(told)]);
    await daemon.stop();
    expect((await hosts.care("--vs", VS, "-C", "--ip", NODE)).exitCode).toBe(0);
    expect(await hosts.routes()).toEqual(before);
  });

  test("with a higher metric are nobody's business", async () => {
    await node.exec(..."ip route add 10.103.97.2 via 10.0.0.6 metric 100".split(" "));
    const { exitCode, stderr } = await hosts.care(...CARE, "--ip", NODE, "--run-once");
    expect([exitCode, stderr.match(/WARN.*/g)]).toEqual([0, null]);
    expect((await hosts.care("--vs", VS, "-C")).exitCode).toBe(0);
    expect(await hosts.routes()).toEqual([`${VIP} via 10.0.0.6 dev cable metric 100`]);
  });

  test("of the Go program are taken over without a word, and cleaned up", async () => {
    await node.exec(...`ip route add ${VIP}/32 via ${NODE} metric 50`.split(" "));
    const made = await hosts.routes();
    const { exitCode, stderr } = await hosts.care(...CARE, "--ip", NODE, "--run-once");
    expect([exitCode, stderr.match(/.*route.*/g), await hosts.routes()]).toEqual([
      0,
      [expect.stringMatching(/DEBUG stands already: route/)],
      made,
    ]);
    await hosts.clean();
  });
});

describe("-C", () => {
  test("takes back the route that was made with another --ip, and when the virtual server is gone already", async () => {
    await hosts.care(...CARE, "--ip", NODE, "--run-once");
    await hosts.care(...CARE, "--ip", "10.0.0.6", "--run-once");
    expect(await hosts.routes()).toEqual([`${VIP} via 10.0.0.6 dev cable proto 76 metric 50`]);
    await node.exec("ipvsadm", "-C");
    await hosts.clean("--ip", "10.0.0.7");
  });

  test("is content when the route is gone already", async () => {
    await hosts.care(...CARE, "--ip", NODE, "--run-once");
    await node.exec("ip", "route", "del", VIP);
    for (const _time of ["first", "second"]) await hosts.clean();
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
    await waitForEqual(() => hosts.routes6(), [route]);
    await using client = await Client.start(node, VS6);
    expect(await client.request(2)).toEqual({ [SERVER6]: 2 });
    await node.exec("ip", "-6", "route", "del", "fd00:96::1");
    await daemon.waitForLog(/^WARN repaired .*\(missing\)/);
    await waitForEqual(() => hosts.routes6(), [route]);
    await daemon.stop();
    expect((await hosts.care("--vs", VS6, "-C")).exitCode).toBe(0);
    expect(await hosts.network()).toBe(hosts.untouched);
  });
});
