import { afterAll, afterEach, beforeAll, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import type { DoctorReport, Finding } from "../../src/domain/finding.ts";
import { currentOffers } from "./harness/labs.ts";
import { requireTestKernel } from "./harness/require-test-kernel.ts";
import { tableWith } from "./support/care-flags.ts";
import { EchoServers } from "./support/echo-server.ts";
import { tableOf, waitForTable } from "./support/ipvs-table.ts";
import { lvscareBinary, runLvscare, startCare } from "./support/lvscare.ts";
import { modprobeRefuses } from "./support/modules.ts";
import { connect, Namespace, type Ended } from "./support/namespace.ts";
import { waitFor } from "./support/wait-for.ts";

requireTestKernel({ everyVersion: true });
setDefaultTimeout(120_000);

const VIP = "10.103.97.2";
const VS = `${VIP}:6443`;
const KEY = `tcp ${VS}`;
const NODE = "10.0.0.5";
const SERVERS = ["10.0.0.6:80", "10.0.0.7:80"] as const;
const [A, B] = SERVERS;
const SERVER6 = "[fd00:10::6]:80";
const CHECKS = "--interval 1 --health-schem http --health-path /".split(" ");
const CARE = ["--vs", VS, "--rs", SERVERS.join(","), "--ip", NODE, ...CHECKS];
const EXPIRE = "net.ipv4.vs.expire_nodest_conn";

let node: Namespace;
let other: Namespace;
let echo: EchoServers;
beforeAll(async () => {
  node = await Namespace.create();
  other = await Namespace.create();
  await connect([node, `${NODE}/24`], [other, "10.0.0.6/24"]);
  await other.addAddress("10.0.0.7/24", "cable");
  await node.addAddress("fd00:10::5/64", "cable");
  await other.addAddress("fd00:10::6/64", "cable");
  echo = await EchoServers.start(other, [...SERVERS, SERVER6]);
});
/** The virtual server stands with its route, and nobody is there to repair what the tests break. */
beforeEach(() => care("--run-once"));
afterEach(async () => {
  await care("-C");
  await node.exec("ipvsadm", "-C");
  for (const family of ["-4", "-6"]) await node.run(["ip", family, "route", "flush", "proto", "76"]);
});
afterAll(async () => {
  await echo[Symbol.asyncDispose]();
  for (const namespace of [node, other]) await namespace[Symbol.asyncDispose]();
});

test("finds no problem where everything works, and leaves everything as it is", async () => {
  const before = tableOf(node);
  const { report, exitCode } = await doctor();
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

test("knows what daemons know: who is in service, and who answers no more", async () => {
  await using _daemon = startCare(node, CARE);
  await waitFor(
    () => runLvscare(node, ["status", "--exit-code"]),
    ({ exitCode: code }) => code === 0,
  );
  const { report, exitCode } = await doctor();
  expect([problems(report), exitCode]).toEqual([[], 0]);
  await echo.close(B);
  try {
    await waitForTable(node, tableWith([A], VS));
    const { report: broken, exitCode: code } = await doctor();
    expect([problems(broken), code]).toEqual([
      [expect.objectContaining({ check: "connection", realServer: B, remedy: expect.stringContaining("`ss -ltnp") })],
      1,
    ]);
    expect(problems(broken)[0]?.message).toContain("connect refused");
  } finally {
    await echo.open(B);
  }
});

test("packets to one real server that are dropped are told from those to the other", async () => {
  // After IPVS has chosen the real server.
  const rule = "POSTROUTING -t mangle -d 10.0.0.7 -j DROP".split(" ");
  await node.exec("iptables-legacy", "-A", ...rule);
  try {
    const { report, exitCode } = await doctor();
    expect([exitCode, problems(report)]).toEqual([
      1,
      [
        {
          state: "problem",
          check: "connection",
          message: "does not answer, even past the virtual server: connect timed out after 2s",
          remedy: expect.stringContaining("`nft list ruleset`"),
          virtualServer: KEY,
          realServer: B,
        },
      ],
    ]);
    expect(about(report, "connection").find(({ realServer }) => realServer === A)?.state).toBe("ok");
  } finally {
    await node.exec("iptables-legacy", "-D", ...rule);
  }
});

test("a deleted route is found, and the remedy mends it", async () => {
  await node.exec("ip", "route", "del", VIP);
  const { report, exitCode } = await doctor();
  expect([exitCode, about(report, "route")]).toEqual([
    1,
    [expect.objectContaining({ state: "problem", message: `this host has no way to ${VIP}: no route leads there` })],
  ]);
  expect(about(report, "connection")[0]?.message).toContain("network unreachable");
  await typeRemedy(about(report, "route")[0]);
  try {
    expect(problems((await doctor()).report)).toEqual([]);
  } finally {
    await node.exec("ip", "route", "del", VIP);
  }
});

test("a virtual address that is this host's own, without masquerading, leads answers astray", async () => {
  await node.exec("ip", "address", "add", `${VIP}/32`, "dev", "lo");
  try {
    const { report, exitCode } = await doctor();
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
  const { report, exitCode } = await doctor();
  expect([exitCode, about(report, "sysctl")]).toEqual([
    0,
    [
      expect.objectContaining({
        state: "note",
        message: `${EXPIRE} is 0; with 1, connections to a removed server end instead of hanging`,
      }),
    ],
  ]);
  await typeRemedy(about(report, "sysctl")[0]);
  expect(about((await doctor()).report, "sysctl").map(({ state }) => state)).toEqual(["ok"]);
});

test("a strict reverse-path filter is noted, and a problem where it drops answers; the remedy mends it", async () => {
  await connect([node, "10.1.0.5/24"], [other, "10.1.0.6/24"], "second");
  for (const name of ["all", "cable", "second"]) await setFilter(other, name, 0);
  try {
    await setFilter(node, "all", 1);
    const noted = await doctor();
    expect([noted.exitCode, about(noted.report, "rp_filter").map(({ state }) => state)]).toEqual([0, ["note"]]);
    // Answers come back by the second cable. Its ends must know each other: the filter swallows questions for addresses, uncounted.
    const [, , mac = ""] = (await node.exec("ip", "-brief", "link", "show", "second")).split(/\s+/);
    await other.exec("ip", "neigh", "replace", "10.1.0.5", "lladdr", mac, "dev", "second");
    await other.exec("ip", "route", "add", `${NODE}/32`, "via", "10.1.0.5", "dev", "second");
    const { report, exitCode } = await doctor();
    expect([exitCode, about(report, "rp_filter")]).toEqual([
      1,
      [expect.objectContaining({ state: "problem", message: expect.stringMatching(/dropped \d+ packets.*cable/) })],
    ]);
    await typeRemedy(about(report, "rp_filter")[0]);
    expect(problems((await doctor()).report)).toEqual([]);
  } finally {
    await setFilter(node, "all", 0);
    await node.exec("ip", "link", "del", "second");
  }
});

test("a kube-proxy in IPVS mode must leave the virtual address alone", async () => {
  const path = `/tmp/kube-proxy-of-${crypto.randomUUID()}`;
  await node.exec("ip", "link", "add", "kube-ipvs0", "type", "dummy");
  await node.exec("mkdir", path);
  await node.exec("cp", "/bin/sh", `${path}/kube-proxy`);
  const config = `${path}/config.conf`;
  await Bun.write(config, "kind: KubeProxyConfiguration\nmode: ipvs\nipvs:\n  strictARP: true\n  excludeCIDRs: null\n");
  const proxy = node.spawn([`${path}/kube-proxy`, "-c", "echo; read line", "kube-proxy", `--config=${config}`]);
  await proxy.stdout.getReader().read();
  try {
    const { report, exitCode } = await doctor();
    expect([exitCode, problems(report)]).toEqual([
      1,
      [
        expect.objectContaining({
          check: "kube-proxy",
          virtualServer: KEY,
          remedy: expect.stringContaining(`add ${VIP}/32 to`),
        }),
      ],
    ]);
    await Bun.write(config, "mode: ipvs\nipvs:\n  excludeCIDRs: [fd00::/8, 10.103.0.0/16]\n");
    const mended = await doctor();
    expect([mended.exitCode, about(mended.report, "kube-proxy").map(({ message }) => message)]).toEqual([
      0,
      [`kube-proxy (pid ${proxy.pid}) is in IPVS mode`, "its ipvs.excludeCIDRs have this address, by 10.103.0.0/16"],
    ]);
  } finally {
    await proxy.stdin.end();
    await proxy.exited;
    await node.exec("ip", "link", "del", "kube-ipvs0");
  }
});

test("a scheduler whose module is missing is named", async () => {
  await node.run(["modprobe", "--remove", "ip_vs_nq"]);
  await using _ = await modprobeRefuses("ip_vs_nq");
  const { report, exitCode } = await doctor("--scheduler", "nq");
  expect([exitCode, problems(report)]).toEqual([
    1,
    [expect.objectContaining({ check: "scheduler", remedy: expect.stringContaining("`modprobe ip_vs_nq`") })],
  ]);
});

test("what is not set up yet is examined as far as it goes", async () => {
  const { report, exitCode } = await doctor("--vs", "10.103.97.9:443", "--rs", A, "--mode", "route");
  expect([exitCode, problems(report)]).toEqual([0, []]);
  expect(about(report, "route")[0]).toMatchObject({ state: "note", remedy: expect.stringContaining(`--ip ${NODE}`) });
  expect(about(report, "connection").map(({ state }) => state)).toEqual(["note", "ok"]);
});

test("a scheduler that goes by the client's address leads to one real server, and says so", async () => {
  await node.exec("ipvsadm", "-E", "-t", VS, "-s", "sh");
  const { report, exitCode } = await doctor();
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
    const { report } = await doctor();
    expect(about(report, "connection").map(({ state, message }) => [state, message.slice(0, 15)])).toEqual([
      ["ok", "answers through"],
      ["ok", "answers through"],
    ]);
  },
);

test("link mode is fine with its daemon, and a problem once the address is gone", async () => {
  await care("-C");
  const daemon = startCare(node, [...CARE, "--mode", "link"]);
  try {
    // It cares for the virtual server first, and then sees to the way there.
    await waitFor(
      () => daemon.status(),
      (text) => /^ {2}way +answers/m.test(text),
    );
    const { report, exitCode } = await doctor();
    expect([exitCode, problems(report)]).toEqual([0, []]);
    expect(about(report, "route")[0]?.message).toBe(`${VIP} is this host's own, on lvscare`);
    expect(about(report, "connection").map(({ message }) => message.slice(0, 15))).toEqual([
      "answers through",
      "answers through",
    ]);
    await daemon.stop();
    await node.exec("ip", "link", "del", "lvscare");
    const broken = await doctor("--mode", "link");
    expect([broken.exitCode, about(broken.report, "route").map(({ state }) => state)]).toEqual([1, ["problem"]]);
  } finally {
    await daemon.stop();
  }
});

test("IPv6 is examined just so", async () => {
  const vs = "[fd00:96::1]:6443";
  await runLvscare(node, ["care", "--vs", vs, "--rs", SERVER6, "--ip", "fd00:10::5", "--run-once"]);
  const { report, exitCode } = await doctor("--vs", vs);
  expect([exitCode, problems(report)]).toEqual([0, []]);
  expect(about(report, "connection")).toEqual([
    expect.objectContaining({ state: "ok", realServer: SERVER6, message: expect.stringContaining("through") }),
  ]);
  await node.exec("ip", "-6", "route", "del", "fd00:96::1");
  expect(about((await doctor("--vs", vs)).report, "route")).toEqual([
    expect.objectContaining({
      state: "problem",
      remedy: expect.stringContaining("`ip addr add fd00:96::1/128 dev lo`"),
    }),
  ]);
});

test("the userspace data plane is examined by what its daemon counts", async () => {
  await node.exec("ipvsadm", "-C");
  await using daemon = startCare(node, [...CARE, "--data-plane", "userspace"]);
  await daemon.waitForLog(/healthy/, { times: 2 });
  const { report, exitCode } = await doctor();
  expect([exitCode, problems(report)]).toEqual([0, []]);
  expect(about(report, "connection").map(({ message }) => message.replace(/[\d.]+(ms|s)/, "…"))).toEqual([
    "answers, in …, and gets connections",
    "answers, in …, and gets connections",
  ]);
});

test("without rights it sees what it may, and says what it may not", async () => {
  const nobody = ["setpriv", "--reuid", "65534", "--clear-groups"];
  const { exitCode, stdout } = await node.run([...nobody, lvscareBinary(), "doctor", "--vs", VS, "-o", "json"]);
  const report = JSON.parse(stdout) as DoctorReport;
  expect([exitCode, problems(report).map(({ check }) => check)]).toEqual([1, ["capability"]]);
  expect(about(report, "ipvs")).toEqual([expect.objectContaining({ state: "unknown" })]);
  expect(about(report, "connection").map(({ state, realServer }) => [state, realServer])).toEqual([
    ["ok", A],
    ["ok", B],
  ]);
});

// --- internal ---

async function care(...flags: readonly string[]): Promise<Ended> {
  const ended = await runLvscare(node, ["care", ...CARE, ...flags]);
  expect(ended.exitCode, ended.stderr).toBe(0);
  return ended;
}

async function doctor(...flags: readonly string[]): Promise<{ report: DoctorReport; exitCode: number }> {
  const { stdout, stderr, exitCode } = await runLvscare(node, ["doctor", "-o", "json", ...flags]);
  expect(stderr).toBe("");
  return { report: JSON.parse(stdout) as DoctorReport, exitCode };
}

function problems({ findings }: DoctorReport): readonly Finding[] {
  return findings.filter(({ state }) => state === "problem");
}

function about({ findings }: DoctorReport, check: string): readonly Finding[] {
  return findings.filter((finding) => finding.check === check);
}

/** Types the first command that a finding names. */
async function typeRemedy(finding: Finding | undefined): Promise<void> {
  const [, command = ""] = /`([^`]+)`/.exec(finding?.remedy ?? "") ?? [];
  await node.exec(...command.split(" "));
}

async function setFilter(namespace: Namespace, name: string, value: number): Promise<void> {
  await namespace.exec("sysctl", "-w", `net.ipv4.conf.${name}.rp_filter=${value}`);
}
