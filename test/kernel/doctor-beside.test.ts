import { afterAll, afterEach, beforeAll, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import type { DoctorReport } from "../../src/domain/finding.ts";
import { requireTestKernel } from "./harness/require-test-kernel.ts";
import { tableWith } from "./support/care-flags.ts";
import { about, CARE, DoctorHost, KEY, NODE, problems, SERVERS, VIP, VS } from "./support/doctor-host.ts";
import { waitForTable } from "./support/ipvs-table.ts";
import { lvscareBinary, runLvscare, startCare } from "./support/lvscare.ts";
import { modprobeRefuses } from "./support/modules.ts";
import type { Namespace } from "./support/namespace.ts";
import { waitFor } from "./support/wait-for.ts";

// Whom it asks beside the kernel, and what it can do without: the kernel's own structures are in doctor.test.ts.
requireTestKernel();
setDefaultTimeout(120_000);

const [A, B] = SERVERS;

let host: DoctorHost;
let node: Namespace;
beforeAll(async () => {
  host = await DoctorHost.start();
  ({ node } = host);
});
/** The virtual server stands with its route, and nobody is there to repair what the tests break. */
beforeEach(() => host.care("--run-once"));
afterEach(() => host.reset());
afterAll(() => host[Symbol.asyncDispose]());

test("knows what daemons know: who is in service, and who answers no more", async () => {
  await using _daemon = startCare(node, CARE);
  await waitFor(
    () => runLvscare(node, ["status", "--exit-code"]),
    ({ exitCode: code }) => code === 0,
  );
  const { report, exitCode } = await host.doctor();
  expect([problems(report), exitCode]).toEqual([[], 0]);
  await host.echo.close(B);
  try {
    await waitForTable(node, tableWith([A], VS));
    const { report: broken, exitCode: code } = await host.doctor();
    expect([problems(broken), code]).toEqual([
      [expect.objectContaining({ check: "connection", realServer: B, remedy: expect.stringContaining("`ss -ltnp") })],
      1,
    ]);
    expect(problems(broken)[0]?.message).toContain("connect refused");
  } finally {
    await host.echo.open(B);
  }
});

test("packets to one real server that are dropped are told from those to the other", async () => {
  // After IPVS has chosen the real server.
  const rule = "POSTROUTING -t mangle -d 10.0.0.7 -j DROP".split(" ");
  await node.exec("iptables-legacy", "-w", "60", "-A", ...rule);
  try {
    const { report, exitCode } = await host.doctor();
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
    await node.exec("iptables-legacy", "-w", "60", "-D", ...rule);
  }
});

test("its connections past the virtual server are never taken for those through it, of which one would get no answer then", async () => {
  const range = (await node.exec("sysctl", "-n", "net.ipv4.ip_local_port_range")).trim();
  await host.reset();
  // There are two ports that connecting takes first, and it makes two connections through.
  await node.exec("sysctl", "-qw", "net.ipv4.ip_local_port_range=40000 40003");
  try {
    const alone = await runLvscare(node, ["care", "--vs", VS, "--rs", A, "--ip", NODE, "--run-once"]);
    expect([alone.exitCode, alone.stderr]).toEqual([0, expect.stringContaining("add real server")]);
    const { report, exitCode } = await host.doctor();
    expect([problems(report), exitCode]).toEqual([[], 0]);
  } finally {
    await node.exec("sysctl", "-qw", `net.ipv4.ip_local_port_range=${range}`);
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
    const { report, exitCode } = await host.doctor();
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
    const mended = await host.doctor();
    expect(problems(mended.report)).toEqual([]);
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
  const { report, exitCode } = await host.doctor("--scheduler", "nq");
  expect([exitCode, problems(report)]).toEqual([
    1,
    [expect.objectContaining({ check: "scheduler", remedy: expect.stringContaining("`modprobe ip_vs_nq`") })],
  ]);
});

test("the userspace data plane is examined by what its daemon counts", async () => {
  await node.exec("ipvsadm", "-C");
  const daemon = startCare(node, [...CARE, "--data-plane", "userspace"]);
  try {
    await daemon.waitForLog(/healthy/, { times: 2 });
    const { report, exitCode } = await host.doctor();
    expect([exitCode, problems(report)]).toEqual([0, []]);
    expect(about(report, "connection").map(({ message }) => message.replace(/[\d.]+(ms|s)/, "…"))).toEqual([
      "answers, in …, and gets connections",
      "answers, in …, and gets connections",
    ]);
  } finally {
    await daemon.stop();
    // The address is the daemon's to add, and this one's to take away.
    await host.care("-C");
  }
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
