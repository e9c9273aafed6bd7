import { afterAll, afterEach, beforeAll, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import { currentOffers } from "./harness/labs.ts";
import { requireTestKernel } from "./harness/require-test-kernel.ts";
import { about, CARE, DoctorHost, KEY, NODE, problems, SERVER6, SERVERS, VIP, VS } from "./support/doctor-host.ts";
import { tableOf } from "./support/ipvs-table.ts";
import { runLvscare, startCare } from "./support/lvscare.ts";
import { connect, type Namespace } from "./support/namespace.ts";
import { waitFor } from "./support/wait-for.ts";

requireTestKernel({ everyVersion: true });
setDefaultTimeout(120_000);

const [A, B] = SERVERS;
const EXPIRE = "net.ipv4.vs.expire_nodest_conn";

let host: DoctorHost;
let node: Namespace;
let other: Namespace;
beforeAll(async () => {
  host = await DoctorHost.start();
  ({ node, other } = host);
});
/** The virtual server stands with its route, and nobody is there to repair what the tests break. */
beforeEach(() => host.care("--run-once"));
afterEach(() => host.reset());
afterAll(() => host[Symbol.asyncDispose]());

test("finds no problem where everything works, and leaves everything as it is", async () => {
  const before = tableOf(node);
  const { report, exitCode } = await host.doctor();
  expect(problems(report)).toEqual([]);
  expect([exitCode, report.virtualServers]).toEqual([0, [KEY]]);
  expect(about(report, "connection").map(({ state, realServer }) => [state, realServer])).toEqual([
    ["ok", A],
    ["ok", B],
  ]);
  for (const { message } of about(report, "connection"))
    expect(message).toStartWith("answers through the virtual server");
  expect(about(report, "route")).toEqual([
    { state: "ok", check: "route", message: `${VIP} is reached on cable`, virtualServer: KEY },
  ]);
  for (const check of ["ipvs", "scheduler", "schedulers", "sysctl", "nftables", "kube-proxy", "capability"]) {
    const isLacking = check === "nftables" && !currentOffers().nftables;
    expect([check, ...about(report, check).map(({ state }) => state)]).toEqual([check, isLacking ? "note" : "ok"]);
  }
  expect(tableOf(node)).toEqual(before);
  const { stdout } = await runLvscare(node, ["doctor"]);
  expect(stdout.trimEnd().split("\n").at(-1)).toMatch(
    currentOffers().nftables
      ? /^no problems, no notes, 0 unknown, \d+ ok$/
      : /^no problems, 1 note, 0 unknown, \d+ ok$/,
  );
});

test("a deleted route is found, and the remedy mends it", async () => {
  await node.exec("ip", "route", "del", VIP);
  const { report, exitCode } = await host.doctor();
  expect([exitCode, about(report, "route")]).toEqual([
    1,
    [expect.objectContaining({ state: "problem", message: `this host has no way to ${VIP}: no route leads there` })],
  ]);
  expect(about(report, "connection")[0]?.message).toContain("network unreachable");
  await host.typeRemedy(about(report, "route")[0]);
  try {
    expect(problems((await host.doctor()).report)).toEqual([]);
  } finally {
    await node.exec("ip", "route", "del", VIP);
  }
});

test("a virtual address that is this host's own, without masquerading, leads answers astray", async () => {
  await node.exec("ip", "address", "add", `${VIP}/32`, "dev", "lo");
  try {
    const { report, exitCode } = await host.doctor();
    expect([exitCode, problems(report).map(({ realServer }) => realServer)]).toEqual([1, [A, B]]);
    expect(problems(report)[0]?.message).toMatch(
      /^answers itself, but through the virtual server \d of \d .*timed out/,
    );
    expect(problems(report)[0]?.remedy).toContain("--mode link");
  } finally {
    await node.exec("ip", "address", "del", `${VIP}/32`, "dev", "lo");
  }
});

test("a setting that was changed is found, and the remedy mends it", async () => {
  await node.exec("sysctl", "-w", `${EXPIRE}=0`);
  const { report, exitCode } = await host.doctor();
  expect([exitCode, about(report, "sysctl")]).toEqual([
    0,
    [
      expect.objectContaining({
        state: "note",
        message: `${EXPIRE} is 0; with 1, connections to a removed server end instead of hanging`,
      }),
    ],
  ]);
  await host.typeRemedy(about(report, "sysctl")[0]);
  expect(about((await host.doctor()).report, "sysctl").map(({ state }) => state)).toEqual(["ok"]);
});

test("a strict reverse-path filter is noted, and a problem where it drops answers; the remedy mends it", async () => {
  await connect([node, "10.1.0.5/24"], [other, "10.1.0.6/24"], "second");
  for (const name of ["all", "cable", "second"]) await setFilter(other, name, 0);
  try {
    await setFilter(node, "all", 1);
    const noted = await host.doctor();
    expect([noted.exitCode, about(noted.report, "rp_filter").map(({ state }) => state)]).toEqual([0, ["note"]]);
    // Answers come back by the second cable. Its ends must know each other: the filter swallows questions for addresses, uncounted.
    const [, , mac = ""] = (await node.exec("ip", "-brief", "link", "show", "second")).split(/\s+/);
    await other.exec("ip", "neigh", "replace", "10.1.0.5", "lladdr", mac, "dev", "second");
    await other.exec("ip", "route", "add", `${NODE}/32`, "via", "10.1.0.5", "dev", "second");
    const { report, exitCode } = await host.doctor();
    expect([exitCode, about(report, "rp_filter")]).toEqual([
      1,
      [expect.objectContaining({ state: "problem", message: expect.stringMatching(/dropped \d+ packets.*cable/) })],
    ]);
    await host.typeRemedy(about(report, "rp_filter")[0]);
    expect(problems((await host.doctor()).report)).toEqual([]);
  } finally {
    await setFilter(node, "all", 0);
    await node.exec("ip", "link", "del", "second");
  }
});

test("what is not set up yet is examined as far as it goes", async () => {
  const { report, exitCode } = await host.doctor("--vs", "10.103.97.9:443", "--rs", A, "--mode", "route");
  expect([exitCode, problems(report)]).toEqual([0, []]);
  expect(about(report, "route")[0]).toMatchObject({ state: "note", remedy: expect.stringContaining(`--ip ${NODE}`) });
  expect(about(report, "connection").map(({ state }) => state)).toEqual(["note", "ok"]);
});

test("a scheduler that goes by the client's address leads to one real server, and says so", async () => {
  await node.exec("ipvsadm", "-E", "-t", VS, "-s", "sh");
  const { report, exitCode } = await host.doctor();
  expect([exitCode, problems(report)]).toEqual([0, []]);
  const messages = about(report, "connection").map(({ message }) => message.replace(/[\d.]+(ms|s)/, "…"));
  expect(messages.toSorted()).toEqual([
    "answers itself in …; not tried through the virtual server: the scheduler sh goes by the client's address",
    "answers through the virtual server in …",
  ]);
});

test.each(["sed", "wlc"])(
  "a scheduler that goes by open connections is led to each real server: %s",
  async (scheduler) => {
    await node.exec("ipvsadm", "-E", "-t", VS, "-s", scheduler);
    const { report } = await host.doctor();
    expect(about(report, "connection").map(({ state, message }) => [state, message.slice(0, 15)])).toEqual([
      ["ok", "answers through"],
      ["ok", "answers through"],
    ]);
  },
);

test("link mode is fine with its daemon, and a problem once the address is gone", async () => {
  await host.care("-C");
  const daemon = startCare(node, [...CARE, "--mode", "link"]);
  try {
    // It cares for the virtual server first, and then sees to the way there.
    await waitFor(
      () => daemon.status(),
      (text) => /^ {2}way +answers/m.test(text),
    );
    const { report, exitCode } = await host.doctor();
    expect([exitCode, problems(report)]).toEqual([0, []]);
    expect(about(report, "route")[0]?.message).toBe(`${VIP} is this host's own, on lvscare`);
    expect(about(report, "connection").map(({ message }) => message.slice(0, 15))).toEqual([
      "answers through",
      "answers through",
    ]);
    await daemon.stop();
    await node.exec("ip", "link", "del", "lvscare");
    const broken = await host.doctor("--mode", "link");
    expect([broken.exitCode, about(broken.report, "route").map(({ state }) => state)]).toEqual([1, ["problem"]]);
  } finally {
    await daemon.stop();
    await host.care("-C");
  }
});

test("IPv6 is examined just so", async () => {
  const vs = "[fd00:96::1]:6443";
  await runLvscare(node, ["care", "--vs", vs, "--rs", SERVER6, "--ip", "fd00:10::5", "--run-once"]);
  const { report, exitCode } = await host.doctor("--vs", vs);
  expect([exitCode, problems(report)]).toEqual([0, []]);
  expect(about(report, "connection")).toEqual([
    expect.objectContaining({ state: "ok", realServer: SERVER6, message: expect.stringContaining("through") }),
  ]);
  await node.exec("ip", "-6", "route", "del", "fd00:96::1");
  expect(about((await host.doctor("--vs", vs)).report, "route")).toEqual([
    expect.objectContaining({
      state: "problem",
      remedy: expect.stringContaining("`ip addr add fd00:96::1/128 dev lo`"),
    }),
  ]);
});

// --- internal ---

async function setFilter(namespace: Namespace, name: string, value: number): Promise<void> {
  await namespace.exec("sysctl", "-w", `net.ipv4.conf.${name}.rp_filter=${value}`);
}
