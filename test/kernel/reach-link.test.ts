import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { requireTestKernel } from "./harness/require-test-kernel.ts";
import { tableWith } from "./support/care-flags.ts";
import { Client } from "./support/client.ts";
import { waitForTable } from "./support/ipvs-table.ts";
import { CARE, CHECKS, LinkHosts, SERVERS, SERVERS6, VIP, VS } from "./support/link-hosts.ts";
import { startCare } from "./support/lvscare.ts";
import type { Namespace } from "./support/namespace.ts";
import { waitFor } from "./support/wait-for.ts";

requireTestKernel({ everyVersion: true });
setDefaultTimeout(120_000);

const VS6 = "[fd00:96::1]:6443";

let hosts: LinkHosts;
let node: Namespace;
let masters: Namespace;
let outside: Namespace;
let pod: Namespace;
let untouched: string;
beforeAll(async () => {
  hosts = await LinkHosts.start();
  ({ node, masters, outside, pod } = hosts);
  untouched = await hosts.network();
});
afterEach(() => hosts.reset());
afterAll(() => hosts[Symbol.asyncDispose]());

describe("link mode", () => {
  test("serves the node itself, other hosts and pods, by servers here and elsewhere; cleaning up leaves nothing", async () => {
    await using care = startCare(node, CARE);
    await hosts.reached(care);
    for (const from of [node, outside, pod]) await hosts.expectAll(from);
    expect(care.logged(/^(WARN|ERROR)/)).toEqual([]);
    expect(await care.status()).toMatch(/^ {2}reach {7}link, all \d+ stand$/m);
    expect(await hosts.rules()).toMatch(/masquerade/i);

    expect(await care.stop()).toBe(0);
    await hosts.expectAll(outside);
    expect((await hosts.clean("--vs", VS)).exitCode).toBe(0);
    expect(await hosts.network()).toBe(untouched);
    expect((await hosts.clean("--vs", VS)).exitCode).toBe(0);
  });

  test("serves IPv6 as well", async () => {
    const flags = ["--vs", VS6, "--rs", SERVERS6.join(","), ...CHECKS];
    await using care = startCare(node, flags);
    await waitForTable(node, tableWith(SERVERS6, VS6));
    await care.waitForLog(/set up fd00:96::1\/128 on dummy link lvscare/);
    for (const from of [node, outside]) {
      await using client = await Client.start(from, VS6);
      expect(await client.askEach(2)).toEqual(SERVERS6.toSorted());
    }
    await care.stop();
    expect((await hosts.clean("--vs", VS6)).exitCode).toBe(0);
    expect(await hosts.network()).toBe(untouched);
  });

  test("is shared by virtual servers, and cleaning one leaves the other working", async () => {
    const other = `${VIP}:7443`;
    const bit = ["--masqueradebit", "14"];
    expect((await hosts.once(...CARE)).exitCode).toBe(0);
    expect((await hosts.once("--vs", other, "--rs", SERVERS[1], ...CHECKS, ...bit)).exitCode).toBe(0);
    expect(await hosts.rules()).toMatch(/0x0*4000/);
    await hosts.expectAll(outside);
    expect((await hosts.clean("--vs", other)).exitCode).toBe(0);
    await hosts.expectAll(outside);
    expect((await hosts.clean("--vs", VS, "--iface", "another", "--masqueradebit", "3")).exitCode).toBe(0);
    expect(await hosts.network()).toBe(untouched);
  });

  test("is shared by virtual addresses, too; cleaning one leaves the others theirs", async () => {
    const other = "10.103.97.3:6443";
    expect((await hosts.once(...CARE)).exitCode).toBe(0);
    expect((await hosts.once("--vs", other, "--rs", SERVERS[1], ...CHECKS)).exitCode).toBe(0);
    expect((await hosts.clean("--vs", other)).exitCode).toBe(0);
    expect(await node.exec("ip", "address", "show", "lvscare")).not.toContain("10.103.97.3");
    await hosts.expectAll(outside);
    expect((await hosts.clean("--vs", VS)).exitCode).toBe(0);
    expect(await hosts.network()).toBe(untouched);
  });

  test.each(["ip link del lvscare", "its rules", `ipvsadm -D -t ${VS}`, `ip address del ${VIP}/32 dev lvscare`])(
    "is cleaned up when half of it is gone: %s",
    async (deed) => {
      expect((await hosts.once(...CARE)).exitCode).toBe(0);
      await (deed === "its rules" ? hosts.dropRules() : node.exec(...deed.split(" ")));
      const { exitCode, stderr } = await hosts.clean("--vs", VS);
      expect(exitCode, stderr).toBe(0);
      expect(await hosts.network()).toBe(untouched);
    },
  );

  test("sets what it cannot do without, and puts it right at once", async () => {
    const needed = ["net.ipv4.vs.conntrack", "net.ipv4.ip_forward"];
    await node.exec("sysctl", "-w", ...needed.map((name) => `${name}=0`));
    await using care = startCare(node, [...CARE, "--interval", "60"]);
    await hosts.reached(care);
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
      expect((await hosts.once(...CARE)).exitCode).toBe(0);
      expect(await resolved()).toBe(true);
      expect((await hosts.once(...CARE, "--strict-arp")).exitCode).toBe(0);
      expect(await resolved()).toBe(false);
      for (const from of [node, outside, pod]) await hosts.expectAll(from);
    } finally {
      await masters.exec("ip", "route", "del", `${VIP}/32`, "dev", "cable");
    }
  });

  test("is repaired with one line when somebody takes the link, the address or the rules away", async () => {
    await using care = startCare(node, [...CARE, "--interval", "60"]);
    await hosts.reached(care);
    const deeds = ["ip link del lvscare", `ip address del ${VIP}/32 dev lvscare`, "ip link set lvscare down"];
    for (const [index, deed] of deeds.entries()) {
      await node.exec(...deed.split(" "));
      // A link on its way out lacks its address first, and whoever looks then says that.
      await care.waitForLog(/^WARN repaired .* on dummy link lvscare \((missing|lacks the address|is down)\)/, {
        times: index + 1,
      });
      await hosts.expectAll(outside);
    }
    expect(care.logged(/^WARN/)).toHaveLength(3);
  });

  test("repairs its rules once an interval, for the firewall tells nobody of changes to them", async () => {
    await using care = startCare(node, CARE);
    await hosts.reached(care);
    await hosts.dropRules();
    await care.waitForLog(
      /^WARN repaired .* masquerading for tcp 10.103.97.2:6443 by mark bit 0 \((missing|is not as it should be)\)/,
    );
    await hosts.expectAll(outside);
  });

  test("leaves a link of that name alone that is not its own, and says so", async () => {
    await node.exec(..."ip link add lvscare type veth peer name other".split(" "));
    const { exitCode, stderr } = await hosts.once(...CARE);
    expect([exitCode, stderr]).toEqual([1, expect.stringMatching(/lvscare is no dummy link \(veth\).*--iface/)]);
    expect((await hosts.clean("--vs", VS)).exitCode).toBe(0);
    expect(await node.exec("ip", "-d", "link", "show", "lvscare")).toContain("veth");
    await node.exec("ip", "link", "del", "lvscare");
    await node.exec(..."ip link add lvscare type dummy".split(" "));
    await node.exec(..."ip address add 192.0.2.1/24 dev lvscare".split(" "));
    expect((await hosts.once(...CARE)).stderr).toContain("a dummy link of somebody else");
    expect((await hosts.clean("--vs", VS)).exitCode).toBe(0);
    expect(await node.exec("ip", "address", "show", "lvscare")).toContain("192.0.2.1/24");
  });

  test("has a link of another name where it is asked for, and takes that back", async () => {
    await using care = startCare(node, [...CARE, "--iface", "another"]);
    await hosts.reached(care, "another");
    await hosts.expectAll(outside);
    expect(await node.exec("ip", "-brief", "address", "show", "another")).toContain(`${VIP}/32`);
    expect(await care.stop()).toBe(0);
    expect((await hosts.clean("--vs", VS, "--iface", "another")).exitCode).toBe(0);
    expect(await hosts.network()).toBe(untouched);
  });

  test("leaves a dummy link that somebody else made alone, be it empty, and does not take it away", async () => {
    await node.exec(..."ip link add mine type dummy".split(" "));
    try {
      const { exitCode, stderr } = await hosts.once(...CARE, "--iface", "mine");
      expect([exitCode, stderr]).toEqual([1, expect.stringContaining("mine is a dummy link of somebody else")]);
      await hosts.clean("--vs", VS, "--iface", "mine");
      expect(await node.exec("ip", "-brief", "link", "show", "mine")).toContain("DOWN");
    } finally {
      await node.exec("ip", "link", "del", "mine");
    }
    expect(await hosts.network()).toBe(untouched);
  });

  test("takes over the link that the Go program left, and cleans it up", async () => {
    await node.exec(..."ip link add lvscare type dummy".split(" "));
    await node.exec("ip", "address", "add", `${VIP}/32`, "dev", "lvscare");
    expect((await hosts.once(...CARE)).exitCode).toBe(0);
    await hosts.expectAll(outside);
    expect((await hosts.clean("--vs", VS)).exitCode).toBe(0);
    expect(await hosts.network()).toBe(untouched);
  });
});

// --- internal ---

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
