import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { readdir } from "node:fs/promises";
import { hasNftables } from "../../src/reach/link/nft-rules.ts";
import { hideModule } from "./harness/hidden-module.ts";
import { requireTestKernel } from "./harness/require-test-kernel.ts";
import { runCommand } from "./harness/run-command.ts";
import { tableWith } from "./support/care-flags.ts";
import { Client } from "./support/client.ts";
import { EchoServers } from "./support/echo-server.ts";
import { waitForTable } from "./support/ipvs-table.ts";
import { runLvscare, startCare, type CareProcess } from "./support/lvscare.ts";
import { connect, hasItsAddresses, Namespace, type Ended } from "./support/namespace.ts";
import { waitFor } from "./support/wait-for.ts";

requireTestKernel({ everyVersion: true });
setDefaultTimeout(120_000);

/** Of no network that these hosts are in. */
const VIP = "10.103.97.2";
const VS = `${VIP}:6443`;
const VS6 = "[fd00:96::1]:6443";
/** One on the node itself, two on another host. */
const SERVERS = ["10.0.0.5:8080", "10.0.0.6:80", "10.0.0.7:80"] as const;
const SERVERS6 = ["[fd00:10::5]:8080", "[fd00:10::6]:80"] as const;
const CHECKS = "--interval 1 --health-schem http --health-path / --mode link --logger DEBG".split(" ");
const CARE = ["--vs", VS, "--rs", SERVERS.join(","), ...CHECKS];

let node: Namespace;
let masters: Namespace;
/** Another host, routed through the node. */
let outside: Namespace;
/** Behind one end of a cable, as a container's. */
let pod: Namespace;
let echoes: EchoServers[];
let untouched: string;
beforeAll(async () => {
  [node, masters, outside, pod] = [
    await Namespace.create(),
    await Namespace.create(),
    await Namespace.create(),
    await Namespace.create(),
  ];
  await connect([node, "10.0.0.5/24"], [masters, "10.0.0.6/24"], "cable");
  await connect([node, "10.1.0.1/24"], [outside, "10.1.0.2/24"], "uplink");
  await connect([node, "10.2.0.1/24"], [pod, "10.2.0.2/24"], "veth0");
  await masters.addAddress("10.0.0.7/24", "cable");
  for (const [namespace, address, link] of [
    [node, "fd00:10::5/64", "cable"],
    [masters, "fd00:10::6/64", "cable"],
    [node, "fd00:11::1/64", "uplink"],
    [outside, "fd00:11::2/64", "uplink"],
  ] as const) {
    await namespace.addAddress(address, link);
  }
  for (const [namespace, gateway] of [
    [outside, "10.1.0.1"],
    [outside, "fd00:11::1"],
    [pod, "10.2.0.1"],
  ] as const) {
    await namespace.exec("ip", "route", "add", "default", "via", gateway);
  }
  // Which link mode wants, and which shows in the routes.
  await node.exec("sysctl", "-w", "net.ipv6.conf.all.forwarding=1");
  echoes = [
    await EchoServers.start(node, [SERVERS[0], SERVERS6[0]]),
    await EchoServers.start(masters, [SERVERS[1], SERVERS[2], SERVERS6[1]]),
  ];
  untouched = await waitFor(network, hasItsAddresses);
});
afterEach(async () => {
  await node.exec("ipvsadm", "-C");
  await node.run("sysctl -w net.ipv4.conf.all.arp_ignore=0 net.ipv4.conf.all.arp_announce=0".split(" "));
  await node.run(["ip", "link", "del", "lvscare"]);
  await node.run(["nft", "delete", "table", "inet", "lvscare"]);
});
afterAll(async () => {
  for (const echo of echoes) await echo[Symbol.asyncDispose]();
  for (const namespace of [node, masters, outside, pod]) await namespace[Symbol.asyncDispose]();
});

describe("link mode", () => {
  test("serves the node itself, other hosts and pods, by servers here and elsewhere; cleaning up leaves nothing", async () => {
    await using care = startCare(node, CARE);
    await reached(care);
    for (const from of [node, outside, pod]) await expectAll(from);
    expect(care.logged(/^(WARN|ERROR)/)).toEqual([]);
    expect(await care.status()).toMatch(/^ {2}reach {7}link, all \d+ stand$/m);
    expect(await node.exec("nft", "list", "table", "inet", "lvscare")).toContain("masquerade");

    expect(await care.stop()).toBe(0);
    await expectAll(outside);
    expect((await clean("--vs", VS)).exitCode).toBe(0);
    expect(await network()).toBe(untouched);
    expect((await clean("--vs", VS)).exitCode).toBe(0);
  });

  test("serves IPv6 as well", async () => {
    const flags = ["--vs", VS6, "--rs", SERVERS6.join(","), ...CHECKS];
    await using care = startCare(node, flags);
    await waitForTable(node, tableWith(SERVERS6, VS6));
    await care.waitForLog(/set up fd00:96::1\/128 on dummy link lvscare/);
    for (const from of [node, outside]) {
      await using client = await Client.start(from, VS6);
      expect(await client.request(4)).toEqual({ [SERVERS6[0]]: 2, [SERVERS6[1]]: 2 });
    }
    await care.stop();
    expect((await clean("--vs", VS6)).exitCode).toBe(0);
    expect(await network()).toBe(untouched);
  });

  test("is shared by virtual servers, and cleaning one leaves the other working", async () => {
    const other = `${VIP}:7443`;
    const bit = ["--masqueradebit", "14"];
    expect((await once(...CARE)).exitCode).toBe(0);
    expect((await once("--vs", other, "--rs", SERVERS[1], ...CHECKS, ...bit)).exitCode).toBe(0);
    expect(await node.exec("nft", "list", "table", "inet", "lvscare")).toContain("0x00004000");
    await expectAll(outside);
    expect((await clean("--vs", other)).exitCode).toBe(0);
    await expectAll(outside);
    expect((await clean("--vs", VS, "--iface", "another", "--masqueradebit", "3")).exitCode).toBe(0);
    expect(await network()).toBe(untouched);
  });

  test("is shared by virtual addresses, too; cleaning one leaves the others theirs", async () => {
    const other = "10.103.97.3:6443";
    expect((await once(...CARE)).exitCode).toBe(0);
    expect((await once("--vs", other, "--rs", SERVERS[1], ...CHECKS)).exitCode).toBe(0);
    expect((await clean("--vs", other)).exitCode).toBe(0);
    expect(await node.exec("ip", "address", "show", "lvscare")).not.toContain("10.103.97.3");
    await expectAll(outside);
    expect((await clean("--vs", VS)).exitCode).toBe(0);
    expect(await network()).toBe(untouched);
  });

  test.each([
    "ip link del lvscare",
    "nft delete table inet lvscare",
    `ipvsadm -D -t ${VS}`,
    `ip address del ${VIP}/32 dev lvscare`,
  ])("is cleaned up when half of it is gone: %s", async (deed) => {
    expect((await once(...CARE)).exitCode).toBe(0);
    await node.exec(...deed.split(" "));
    for (const _time of ["first", "second"]) {
      const { exitCode, stderr } = await clean("--vs", VS);
      expect(exitCode, stderr).toBe(0);
      expect(await network()).toBe(untouched);
    }
  });

  test("sets what it cannot do without, and puts it right at once", async () => {
    const needed = ["net.ipv4.vs.conntrack", "net.ipv4.ip_forward"];
    await node.exec("sysctl", "-w", ...needed.map((name) => `${name}=0`));
    await using care = startCare(node, [...CARE, "--interval", "60"]);
    await reached(care);
    const read = async (): Promise<string> => (await node.exec("sysctl", "-n", ...needed)).trim();
    expect(await read()).toBe("1\n1");
    for (const name of needed) {
      await node.exec("sysctl", "-w", `${name}=0`);
      await care.waitForLog(new RegExp(`^WARN repaired .*sysctl ${name.replaceAll(".", "/")}=1 \\(is 0\\)`));
    }
    expect(await read()).toBe("1\n1");
    expect(care.logged(/^WARN/)).toHaveLength(2);
  });

  test("answers for the virtual address on every link, and with --strict-arp on none but its own", async () => {
    await masters.exec("ip", "route", "add", `${VIP}/32`, "dev", "cable");
    try {
      expect((await once(...CARE)).exitCode).toBe(0);
      expect(await resolved()).toBe(true);
      expect((await once(...CARE, "--strict-arp")).exitCode).toBe(0);
      expect(await resolved()).toBe(false);
      for (const from of [node, outside, pod]) await expectAll(from);
    } finally {
      await masters.exec("ip", "route", "del", `${VIP}/32`, "dev", "cable");
    }
  });

  test("is repaired with one line when somebody takes the link, the address or the rules away", async () => {
    await using care = startCare(node, [...CARE, "--interval", "60"]);
    await reached(care);
    const deeds = ["ip link del lvscare", `ip address del ${VIP}/32 dev lvscare`, "ip link set lvscare down"];
    for (const [index, deed] of deeds.entries()) {
      await node.exec(...deed.split(" "));
      // A link on its way out lacks its address first, and whoever looks then says that.
      await care.waitForLog(/^WARN repaired .* on dummy link lvscare \((missing|lacks the address|is down)\)/, {
        times: index + 1,
      });
      await expectAll(outside);
    }
    expect(care.logged(/^WARN/)).toHaveLength(3);
  });

  test("repairs its rules once an interval, for the firewall tells nobody of changes to them", async () => {
    await using care = startCare(node, CARE);
    await reached(care);
    await node.exec("nft", "delete", "table", "inet", "lvscare");
    await care.waitForLog(/^WARN repaired .* masquerading for tcp 10.103.97.2:6443 by mark bit 0 \(missing\)/);
    await expectAll(outside);
  });

  test("leaves a link of that name alone that is not its own, and says so", async () => {
    await node.exec(..."ip link add lvscare type veth peer name other".split(" "));
    const { exitCode, stderr } = await once(...CARE);
    expect([exitCode, stderr]).toEqual([1, expect.stringMatching(/lvscare is no dummy link \(veth\).*--iface/)]);
    expect((await clean("--vs", VS)).exitCode).toBe(0);
    expect(await node.exec("ip", "-d", "link", "show", "lvscare")).toContain("veth");
    await node.exec("ip", "link", "del", "lvscare");
    await node.exec(..."ip link add lvscare type dummy".split(" "));
    await node.exec(..."ip address add 192.0.2.1/24 dev lvscare".split(" "));
    expect((await once(...CARE)).stderr).toContain("a dummy link of somebody else");
    expect((await clean("--vs", VS)).exitCode).toBe(0);
    expect(await node.exec("ip", "address", "show", "lvscare")).toContain("192.0.2.1/24");
  });

  test("takes over the link that the Go program left, and cleans it up", async () => {
    await node.exec(..."ip link add lvscare type dummy".split(" "));
    await node.exec("ip", "address", "add", `${VIP}/32`, "dev", "lvscare");
    expect((await once(...CARE)).exitCode).toBe(0);
    await expectAll(outside);
    expect((await clean("--vs", VS)).exitCode).toBe(0);
    expect(await network()).toBe(untouched);
  });

  test("leaves the rules of others alone", async () => {
    await node.exec("nft", "add table ip theirs; add chain ip theirs c { type nat hook postrouting priority 100 ; }");
    const theirs = await node.exec("nft", "list", "ruleset");
    expect((await once(...CARE)).exitCode).toBe(0);
    await expectAll(pod);
    expect((await clean("--vs", VS)).exitCode).toBe(0);
    expect(await node.exec("nft", "list", "ruleset")).toBe(theirs);
    await node.exec("nft", "delete", "table", "ip", "theirs");
  });

  test("is found possible on older kernels by trying, which leaves nothing", async () => {
    const before = await runCommand(["nft", "list", "ruleset"], { timeoutMs: 20_000 });
    expect(hasNftables(undefined, "4.19.0")).toBe(true);
    expect(await runCommand(["nft", "list", "ruleset"], { timeoutMs: 20_000 })).toBe(before);
  });

  test("works by iptables where the kernel has no nftables", async () => {
    await using _ = await withoutNftables();
    expect((await once(...CARE)).exitCode).toBe(0);
    expect(await node.exec("iptables-legacy", "-t", "nat", "-S")).toContain("-A LVSCARE-SERVICES -d 10.103.97.2/32");
    for (const from of [node, outside, pod]) await expectAll(from);
    const before = await node.exec("iptables-legacy", "-t", "nat", "-S");
    expect((await once(...CARE)).exitCode).toBe(0);
    expect(await node.exec("iptables-legacy", "-t", "nat", "-S")).toBe(before);
    expect((await clean("--vs", VS)).exitCode).toBe(0);
    expect(await node.exec("iptables-legacy", "-t", "nat", "-S")).not.toContain("LVSCARE");
  });
});

// --- internal ---

function once(...flags: readonly string[]): Promise<Ended> {
  return runLvscare(node, ["care", ...flags, "--run-once"]);
}

function clean(...flags: readonly string[]): Promise<Ended> {
  return runLvscare(node, ["care", ...flags, "-C"]);
}

async function reached(care: CareProcess): Promise<void> {
  await waitForTable(node, tableWith(SERVERS, VS));
  await care.waitForLog(/set up 10.103.97.2\/32 on dummy link lvscare/);
}

/** A client there reaches every real server, in turn. */
async function expectAll(from: Namespace): Promise<void> {
  await using client = await Client.start(from, VS);
  expect(await client.request(6)).toEqual(Object.fromEntries(SERVERS.map((server) => [server, 2])));
}

/** Whether a neighbour on the cable gets an answer when it asks who has the virtual address. */
async function resolved(): Promise<boolean> {
  await masters.run(["ip", "neigh", "flush", "to", VIP]);
  await masters.run(["curl", "--silent", "--output", "/dev/null", "--connect-timeout", "5", `http://${VS}/`]);
  const neighbour = await waitFor(
    () => masters.exec("ip", "neigh", "show", "to", VIP),
    (line) => /lladdr|FAILED/.test(line),
  );
  return neighbour.includes("lladdr");
}

/** What cleaning up must leave as it was. */
async function network(): Promise<string> {
  const commands = ["ip address", "ip route show table all", "ip -6 route", "ipvsadm -Ln", "nft list ruleset"];
  const outputs = await Promise.all(commands.map((command) => node.exec(...command.split(" "))));
  return outputs.join("\n");
}

/** No nftables until disposed of; what uses it is unloaded first. */
/** What other tests loaded goes first; and the kernel takes its time to forget the tables of namespaces that are gone. */
async function withoutNftables(): Promise<AsyncDisposable> {
  await waitFor(
    async () => {
      for (const user of await readdir("/sys/module/nf_tables/holders").catch(() => []))
        await node.run(["modprobe", "--remove", user]);
      return (await node.run(["modprobe", "--remove", "nf_tables"])).exitCode;
    },
    (exitCode) => exitCode === 0,
  );
  return hideModule("nf_tables");
}
