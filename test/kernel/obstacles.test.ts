import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import type { DoctorReport, Finding } from "../../src/domain/finding.ts";
import { requireTestKernel } from "./harness/require-test-kernel.ts";
import { tableWith } from "./support/care-flags.ts";
import { Client } from "./support/client.ts";
import { EchoServers } from "./support/echo-server.ts";
import { tableOf, waitForTable } from "./support/ipvs-table.ts";
import { runLvscare, startCare } from "./support/lvscare.ts";
import { connect, Namespace, type Ended } from "./support/namespace.ts";
import { waitForEqual } from "./support/wait-for.ts";

requireTestKernel();
setDefaultTimeout(120_000);

const NODE = "10.0.0.5";
const OTHER = "10.0.0.6";
const SERVERS = [`${OTHER}:80`, "10.0.0.7:80"] as const;
const [A, B] = SERVERS;
const CHECKS = "--interval 1 --health-schem http --health-path / --logger DEBG".split(" ");

let node: Namespace;
let other: Namespace;
let echo: EchoServers;
beforeAll(async () => {
  node = await Namespace.create();
  other = await Namespace.create();
  await connect([node, `${NODE}/24`], [other, `${OTHER}/24`]);
  await other.addAddress("10.0.0.7/24", "cable");
  echo = await EchoServers.start(other, SERVERS);
});
afterEach(async () => {
  await node.exec("ipvsadm", "-C");
  await node.run("ip route flush proto 76".split(" "));
});
afterAll(async () => {
  await echo[Symbol.asyncDispose]();
  for (const namespace of [node, other]) await namespace[Symbol.asyncDispose]();
});

describe("a virtual server on a loopback address with real servers elsewhere", () => {
  const VS = "127.0.0.1:6443";
  const CARE = ["--vs", VS, "--rs", SERVERS.join(","), ...CHECKS];

  test("gets the userspace data plane, which says why, and takes it from the kernel", async () => {
    // As an earlier version left it: every client hangs.
    await node.exec("ipvsadm", "-A", "-t", VS, "-s", "rr");
    for (const server of SERVERS) await node.exec("ipvsadm", "-a", "-t", VS, "-r", server, "-m");
    expect(about(await doctor(), "loopback")).toEqual([
      expect.objectContaining({ state: "problem", remedy: expect.stringContaining("--data-plane userspace") }),
    ]);
    await using care = startCare(node, CARE);
    await care.waitForLog(/DEBUG add real server/, { times: 2 });
    expect(tableOf(node)).toEqual({});
    await using client = await Client.start(node, VS);
    expect(await client.askEach(2)).toEqual([A, B]);
    expect(care.logged(/^(WARN|ERROR)/)).toEqual([
      expect.stringMatching(/^WARN using the userspace data plane, .* 127.0.0.1 never leaves this host.* 10.0.0.6:80/),
    ]);
    expect(about(await doctor(), "loopback")).toEqual([]);
  });

  test("is refused by who insists on the kernel, and can be set up there with real servers here", async () => {
    for (const flags of [["--data-plane", "ipvs"], ["--run-once"]]) {
      const { exitCode, stderr } = await care(...CARE, ...flags);
      expect([exitCode, stderr]).toEqual([1, expect.stringContaining("--data-plane userspace")]);
    }
    expect(tableOf(node)).toEqual({});
    const here = ["127.0.0.1:8081", `${NODE}:8081`];
    await using _here = await EchoServers.start(node, here);
    await using daemon = startCare(node, ["--vs", VS, "--rs", here.join(","), ...CHECKS]);
    await waitForTable(node, tableWith(here, VS));
    await using client = await Client.start(node, VS);
    expect(await client.askEach(2)).toEqual(here.toSorted());
    expect(daemon.logged(/^(WARN|ERROR)/)).toEqual([]);
  });
});

describe("a virtual address that is a real server's, on another host", () => {
  const VS = `${OTHER}:8443`;
  const CARE = ["--vs", VS, "--rs", SERVERS.join(","), ...CHECKS];

  test.each(["--mode link", "--data-plane userspace", "--mode link --run-once"])(
    "is not taken over: %s",
    async (flags) => {
      const { exitCode, stderr } = await care(...CARE, ...flags.split(" "));
      expect([exitCode, stderr]).toEqual([
        1,
        expect.stringContaining(`${OTHER} is the address of the real server ${A}, on another host`),
      ]);
      expect(await node.exec("ip", "address")).not.toContain(OTHER);
      expect(await askOther()).toBe(A);
    },
  );

  test("is balanced by the kernel where it is, with no route to cut it off", async () => {
    await using daemon = startCare(node, [...CARE, "--ip", NODE]);
    await waitForTable(node, tableWith(SERVERS, VS));
    await daemon.waitForLog(/INFO no route to 10.0.0.6 is made/);
    await daemon.waitForLog(/^DEBUG probe of .*:80 passed/, { times: 4 });
    expect([await askOther(), daemon.logged(/^(WARN|ERROR)/)]).toEqual([A, []]);
    await using client = await Client.start(node, VS);
    expect(await client.askEach(2)).toEqual([A, B]);
  });

  test("is this host's to use where it is its own", async () => {
    const own = `${NODE}:8443`;
    await using _here = await EchoServers.start(node, [`${NODE}:8081`]);
    await using daemon = startCare(node, ["--vs", own, "--rs", `${NODE}:8081`, ...CHECKS, "--mode", "link"]);
    await waitForTable(node, tableWith([`${NODE}:8081`], own));
    expect(daemon.logged(/^ERROR/)).toEqual([]);
    await daemon.stop();
    expect((await care("--vs", own, "-C")).exitCode).toBe(0);
    expect(await askOther()).toBe(A);
  });
});

test("doctor hears who else on the link answers for the virtual address, and leaves no trace of having asked", async () => {
  const named = ["--rs", SERVERS.join(","), "--mode", "link"];
  const taken = about(await doctor("--vs", "10.0.0.7:6443", ...named), "address");
  expect(taken.map(({ state, message }) => [state, message])).toContainEqual([
    "note",
    expect.stringMatching(/another host on cable \([0-9a-f:]{17}\) answers for 10.0.0.7/),
  ]);
  const free = about(await doctor("--vs", "10.0.0.99:6443", ...named), "address");
  expect(free.map(({ state }) => state)).toEqual(["ok"]);
  await waitForEqual(async () => (await node.exec("ip", "neigh", "show", "to", "10.0.0.99")).trim(), "");
});

test("a real server that is itself a virtual server here is warned of, and doctor knows the way out", async () => {
  const inner = "10.103.97.3:6443";
  const outer = "10.103.97.4:6443";
  await using _inner = startCare(node, ["--vs", inner, "--rs", A, ...CHECKS]);
  await waitForTable(node, tableWith([A], inner));
  await using daemon = startCare(node, ["--vs", outer, "--rs", `${inner},${B}`, ...CHECKS]);
  await daemon.waitForLog(/^WARN real server 10.103.97.3:6443 is itself a virtual server of this host/);
  await waitForTable(node, { ...tableWith([A], inner), ...tableWith([inner, B], outer) });
  const report = await doctor();
  expect(about(report, "nesting")).toEqual([
    expect.objectContaining({
      state: "problem",
      virtualServer: `tcp ${outer}`,
      realServer: inner,
      remedy: `list what is behind it instead: \`--rs ${A}\``,
    }),
  ]);
});

// --- internal ---

function care(...flags: readonly string[]): Promise<Ended> {
  return runLvscare(node, ["care", ...flags]);
}

async function doctor(...flags: readonly string[]): Promise<DoctorReport> {
  return JSON.parse((await runLvscare(node, ["doctor", "-o", "json", ...flags])).stdout) as DoctorReport;
}

function about({ findings }: DoctorReport, check: string): Finding[] {
  return findings.filter((finding) => finding.check === check);
}

/** The other host, past every virtual server. */
async function askOther(): Promise<string> {
  return (await node.exec("curl", "--silent", "--max-time", "20", `http://${A}/`)).trim();
}
