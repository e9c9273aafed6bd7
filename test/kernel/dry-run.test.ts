import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, lstatSync, readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { currentOffers } from "./harness/labs.ts";
import { requireTestKernel } from "./harness/require-test-kernel.ts";
import { tableWith } from "./support/care-flags.ts";
import { EchoServers } from "./support/echo-server.ts";
import { HeldConnection } from "./support/held-connection.ts";
import { tableText, waitForTable } from "./support/ipvs-table.ts";
import { CareProcess, lvscareBinary, runLvscare, startCare } from "./support/lvscare.ts";
import { unloadIpvs } from "./support/modules.ts";
import { connect, hasItsAddresses, Namespace } from "./support/namespace.ts";
import { network } from "./support/network.ts";
import { waitFor } from "./support/wait-for.ts";

requireTestKernel();
setDefaultTimeout(120_000);

/** Of no network that this host is in. */
const VIP = "10.103.97.2";
const VS = `${VIP}:6443`;
const NODE = "10.0.0.5";
const SERVERS = ["10.0.0.6:80", "10.0.0.7:80", "10.0.0.8:80"] as const;
const [A, B, C] = SERVERS;
const CHECKS = ["--interval=1", "--health-schem=http", "--health-path=/", "--check-way=false", "--logger=DEBG"];
const PROGRAM = join(import.meta.dir, "../app/support/care-for-process.ts");
const ROUTE = `route ${VIP}/32 via ${NODE} metric 50`;
/** However it was made. */
const OUR_ROUTE = `route ${VIP}/32 metric 50`;
const SETTINGS = ["expire_nodest_conn", "expire_quiescent_template", "conn_reuse_mode", "sloppy_tcp"];

let node: Namespace;
let other: Namespace;
let echo: EchoServers;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "dry-run-"));
  node = await Namespace.create();
  other = await Namespace.create();
  await connect([node, `${NODE}/24`], [other, "10.0.0.6/24"]);
  await other.addAddress("10.0.0.7/24", "cable");
  await other.addAddress("10.0.0.8/24", "cable");
  echo = await EchoServers.start(other, SERVERS);
  // The cable's own address, and then its route, come some time after it: not in the middle of a test.
  await waitFor(
    () => network(node),
    (text) => text.includes(" fe80:") && hasItsAddresses(text),
  );
  // Which loads IPVS, with its settings.
  await node.exec("ipvsadm", "-Ln");
});
afterEach(async () => {
  await node.exec("ipvsadm", "-C");
  await node.run(["ip", "route", "flush", "root", "10.103.97.0/24"]);
});
afterAll(async () => {
  await echo[Symbol.asyncDispose]();
  for (const namespace of [node, other]) await namespace[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

describe("before anything is there", () => {
  test("a new virtual server is shown with its servers, its settings and its route", async () => {
    for (const setting of SETTINGS) await node.exec("sysctl", "-w", `net.ipv4.vs.${setting}=0`);
    expect(await dry(flags([A, B]))).toEqual({
      exitCode: 2,
      lines: [
        `tcp ${VS}`,
        "+ service rr",
        `+ ${A} weight 1 enters with its first good check`,
        `+ ${B} weight 1 enters with its first good check`,
        ...SETTINGS.map((setting) => `~ sysctl net/ipv4/vs/${setting}=1 is 0`),
        `+ ${ROUTE}`,
        "8 changes; nothing was done",
      ],
    });
    expect((await dry(flags([A, B], "--run-once"))).lines).toContain(`+ ${A} weight 1 enters at once, unchecked`);
    expect((await dry(flags([A, B], "--init-state", "up"))).lines).toContain(
      `+ ${B} weight 1 enters at once, unchecked`,
    );
  });

  test("what is shown is what the real run then does, and once it stands there is nothing to do", async () => {
    const { lines } = await dry(flags([A, B], "--run-once"));
    await setUp([A, B]);
    expect(lines.slice(1, 4)).toEqual([
      "+ service rr",
      `+ ${A} weight 1 enters at once, unchecked`,
      `+ ${B} weight 1 enters at once, unchecked`,
    ]);
    const stands = {
      exitCode: 0,
      lines: [
        `tcp ${VS}`,
        "= service rr stands",
        ...SETTINGS.map((setting) => `= sysctl net/ipv4/vs/${setting}=1 stands`),
        `= ${ROUTE} stands`,
        "nothing to do",
      ],
    };
    expect(await dry(flags([A, B], "--run-once"))).toEqual(stands);
    expect(await dry(flags([A, B]))).toEqual(stands);
  });

  test.skipIf(!currentOffers().ownModules)("IPVS is not loaded by it", async () => {
    await unloadIpvs();
    const { exitCode, lines } = await dry(flags([A]));
    expect([exitCode, lines.slice(0, 4)]).toEqual([
      2,
      [
        `tcp ${VS}`,
        "+ service rr",
        `+ ${A} weight 1 enters with its first good check`,
        "~ sysctl net/ipv4/vs/expire_nodest_conn=1 as soon as IPVS is loaded",
      ],
    ]);
    expect(await dry(["--vs", VS, "-C"])).toEqual({ exitCode: 0, lines: [`tcp ${VS}`, "nothing to do"] });
    expect(await node.exec("lsmod")).not.toContain("ip_vs");
    await node.exec("ipvsadm", "-Ln");
  });
});

describe("where something stands", () => {
  test("what others changed is set back, and keeps connections", async () => {
    await setUp([A, B]);
    await node.exec("ipvsadm", "-E", "-t", VS, "-s", "wrr");
    await node.exec("ipvsadm", "-e", "-t", VS, "-r", A, "-m", "-w", "5");
    await node.exec("ipvsadm", "-e", "-t", VS, "-r", B, "-m", "-w", "0");
    expect(await dry(flags([A, B, C], "--rise", "3"))).toMatchObject({
      exitCode: 2,
      lines: expect.arrayContaining([
        "~ service scheduler wrr → rr keeps connections",
        `~ ${A} weight 5 → 1 keeps connections`,
        `+ ${C} weight 1 enters after 3 good checks in a row`,
        `~ ${B} weight 0 → 1 after 3 good checks in a row`,
        "4 changes; nothing was done",
      ]),
    });
  });

  test("a server that is no longer listed is shown with its open connections, and when it goes", async () => {
    await setUp([B]);
    await using _held = await HeldConnection.open(node, VS);
    const listed = await dry(flags([A], "--interval=5"));
    expect(listed.lines).toContain(
      `~ ${B} weight 1 → 0 stands until a listed one is in service, then 1 open connection drains, 5s at most`,
    );
    expect((await dry(flags([A], "--run-once"))).lines).toContain(
      `~ ${B} weight 1 → 0 not listed; 1 open connection goes on; it stays like that`,
    );
    expect((await dry(flags([A], "--keep-foreign"))).lines.join("\n")).not.toContain(B);
  });

  test("the route: another one of ours is changed, one of others stays in the way", async () => {
    await setUp([A]);
    await node.exec("ip", "route", "replace", `${VIP}/32`, "via", "10.0.0.9", "metric", "50", "proto", "76");
    expect((await dry(flags([A]))).lines).toContain(`~ ${ROUTE} there is route ${VIP}/32 via 10.0.0.9 metric 50`);
    await node.exec("ip", "route", "replace", `${VIP}/32`, "via", "10.0.0.9", "metric", "50", "proto", "static");
    const { exitCode, lines } = await dry(flags([A]));
    expect([exitCode, lines.at(-2), lines.at(-1)]).toEqual([
      0,
      expect.stringMatching(
        /^! route 10\.103\.97\.2\/32 via 10\.0\.0\.5 metric 50 stays as it is: .* was made by others/,
      ),
      "nothing to do, 1 warning",
    ]);
  });

  test("-C: the service and the route are taken away, and what others have stays", async () => {
    await setUp([A, B]);
    await using _held = await HeldConnection.open(node, VS);
    expect(await dry(["--vs", VS, "-C"])).toEqual({
      exitCode: 2,
      lines: [
        `tcp ${VS}`,
        "- service rr with 2 real servers and 1 open connection",
        `- ${OUR_ROUTE}`,
        "2 changes; nothing was done",
      ],
    });
    // The route serves another virtual server, too.
    await node.exec("ipvsadm", "-A", "-t", `${VIP}:80`, "-s", "rr");
    expect((await dry(["--vs", VS, "-C"])).lines).not.toContain(`- ${OUR_ROUTE}`);
    expect((await runLvscare(node, ["care", "--vs", VS, "-C"])).exitCode).toBe(0);
    expect(await dry(["--vs", VS, "-C"])).toEqual({ exitCode: 0, lines: [`tcp ${VS}`, "nothing to do"] });
  });
});

test("link mode: the link and its masquerading are made, stand and are taken away", async () => {
  const link = flags([A], "--mode", "link", "--sysctls", "keep");
  const objects = [`masquerading for tcp ${VS} by mark bit 0`, `${VIP}/32 on dummy link lvscare`];
  expect((await dry(link)).lines.slice(3)).toEqual([
    ...objects.map((object) => `+ ${object}`),
    "4 changes; nothing was done",
  ]);
  expect((await runLvscare(node, ["care", ...link, "--run-once"])).exitCode).toBe(0);
  expect(await dry(link)).toEqual({
    exitCode: 0,
    lines: [`tcp ${VS}`, "= service rr stands", ...objects.map((object) => `= ${object} stands`), "nothing to do"],
  });
  const clean = ["--vs", VS, "-C"];
  expect((await dry(clean)).lines.slice(2, -1)).toEqual(objects.toReversed().map((object) => `- ${object}`));
  expect((await runLvscare(node, ["care", ...clean])).exitCode).toBe(0);
  expect((await dry(clean)).exitCode).toBe(0);
});

test("of two virtual servers at one address, the last one takes the route away, and the first one is told to make it", async () => {
  const file = join(folder, "two.yaml");
  await writeFile(file, configuration([A], [VS, `${VIP}:80`]));
  const count = (lines: readonly string[], start: string): number =>
    lines.filter((line) => line.startsWith(start)).length;
  const before = await dry(["--config", file, "--run-once"]);
  expect([count(before.lines, "+ service"), count(before.lines, `+ ${ROUTE}`)]).toEqual([2, 1]);
  expect((await runLvscare(node, ["care", "--config", file, "--run-once"])).exitCode).toBe(0);
  const after = await dry(["--config", file, "-C"]);
  expect(after.lines.slice(-3)).toEqual([
    "- service rr with 1 real server and no open connections",
    `- ${ROUTE}`,
    "3 changes; nothing was done",
  ]);
  expect((await runLvscare(node, ["care", "--config", file, "-C"])).exitCode).toBe(0);
  expect((await dry(["--config", file, "-C"])).exitCode).toBe(0);
});

describe("beside a running daemon", () => {
  test("it says so, and the operator's drain counts", async () => {
    await using care = startCare(node, flags([A, B]));
    await waitForTable(node, tableWith([A, B], VS));
    await care.waitForLog(/set up route/);
    expect((await runLvscare(node, ["drain", A], { SUDO_USER: "alice" })).exitCode).toBe(0);
    const table = { [`TCP ${VS} rr`]: { [A]: 0, [B]: 1 } };
    await waitForTable(node, table);
    const pid = care.pid;
    const { exitCode, lines } = await dry(flags([A, B, C]));
    expect([exitCode, lines.filter((line) => !line.startsWith("= sysctl"))]).toEqual([
      1,
      [
        `tcp ${VS}, pid ${pid} cares for it`,
        "= service rr stands",
        `+ ${C} weight 1 enters with its first good check`,
        `= ${A} weight 0 drained by alice`,
        `= ${ROUTE} stands`,
        `! pid ${pid} already cares for tcp ${VS}: stop it first, or this is refused`,
        "1 change, 1 warning; nothing was done",
      ],
    ]);
    expect(await dry(flags([A, C], "--run-once"))).toEqual({
      exitCode: 0,
      lines: [`tcp ${VS}, pid ${pid} cares for it`, `= service left to pid ${pid}`, "nothing to do"],
    });
    expect((await dry(["--vs", VS, "-C"])).lines).toContain(
      `! pid ${pid} still cares for tcp ${VS} and will put it back; stop it first`,
    );
    await care.stop();
    // What operators asked for outlives the daemon.
    expect((await dry(flags([A, B]))).lines).toContain(`= ${A} weight 0 drained by alice`);
    const cleaned = await dry(["--vs", VS, "-C"]);
    expect(cleaned.lines.join(" | ")).toContain(`- hold ${A}: drained, by alice since `);
    await runLvscare(node, ["care", "--vs", VS, "-C"]);
  });

  test("a changed file of its own is shown as it would be taken over, with what it no longer has", async () => {
    const file = join(folder, "care.yaml");
    const gone = "10.103.97.3:80";
    const lines = [flags([A, B]), ["--vs", gone, "--rs", C, "--ip", NODE, ...CHECKS]];
    const argv = [process.execPath, PROGRAM, ...lines.map((line) => JSON.stringify(line))];
    await using care = new CareProcess(node, node.spawn(argv, { CONFIG_FILE: file }));
    const both = { [`TCP ${VS} rr`]: { [A]: 1, [B]: 1 }, [`TCP ${gone} rr`]: { [C]: 1 } };
    await waitForTable(node, both);
    await care.waitForLog(/set up route 10\.103\.97\.3/);
    await using _held = await HeldConnection.open(node, gone);
    await writeFile(file, configuration([A, C]));
    const { exitCode, lines: shown } = await dry(["--config", file]);
    expect([exitCode, shown.filter((line) => !line.startsWith("= sysctl"))]).toEqual([
      2,
      [
        `tcp ${VS} (web), pid ${care.pid} cares for it`,
        "= service rr stands",
        `~ ${B} weight 1 → 0 no open connections`,
        `+ ${C} weight 1 enters with its first good check`,
        `= ${ROUTE} stands`,
        `tcp ${gone}, pid ${care.pid} cares for it`,
        `~ ${C} weight 1 → 0 1 open connection drains`,
        "- service rr when its real servers are gone",
        "- route 10.103.97.3/32 metric 50",
        "5 changes; nothing was done",
      ],
    ]);
    await writeFile(file, configuration([A, B]).replace('"interval"', '"mode":"none","interval"'));
    const withoutRoute = await dry(["--config", file]);
    expect(withoutRoute.lines).toContain(`- ${OUR_ROUTE}`);
    expect(withoutRoute.lines).not.toContain(`= ${ROUTE} stands`);
    // Another file is not that daemon's, and whoever cares for what is in it is in its way.
    const elsewhere = join(folder, "other.yaml");
    await writeFile(elsewhere, configuration([A, B]));
    expect((await dry(["--config", elsewhere])).lines.slice(-2)).toEqual([
      `! pid ${care.pid} already cares for tcp ${VS}, as ${file} says: stop it first, or this is refused`,
      "nothing to do, 1 warning",
    ]);
    // A draft is what the daemon's own file may become.
    await writeFile(elsewhere, configuration([A, C]));
    const draft = await dry(["--config", "-"], elsewhere);
    expect(draft.exitCode).toBe(2);
    expect(draft.lines).toContain(`tcp ${gone}, pid ${care.pid} cares for it`);
    expect(draft.lines).toContain(`! told as if ${file} said this, by its daemon`);
  });
});

test("a file from standard input, and the same by `lvscare ipvs`", async () => {
  const file = join(folder, "input.yaml");
  await writeFile(file, configuration([A]));
  const shell = `${lvscareBinary()} care --config - --dry-run <${file}`;
  const { exitCode, stdout } = await node.run(["sh", "-c", shell]);
  expect([exitCode, stdout.split("\n")[0]]).toEqual([2, `tcp ${VS} (web)`]);
  const ipvs = await runLvscare(node, ["ipvs", ...flags([A]), "--run-once", "--dry-run"]);
  expect([ipvs.exitCode, ipvs.stdout.split("\n")[0]]).toEqual([2, `tcp ${VS}`]);
});

test("what cannot be done is told by exit code 1, a line each, and nothing on standard output", async () => {
  const bad = await runLvscare(node, ["care", "--vs", "10.0.0.1", "--rs", "nobody", "--dry-run"]);
  expect([bad.exitCode, bad.stdout, bad.stderr.trim().split("\n").length]).toEqual([1, "", 2]);
  const proxied = join(folder, "proxied.yaml");
  await writeFile(proxied, configuration([A]).replace('"interval"', '"data-plane":"userspace","interval"'));
  const once = await runLvscare(node, ["care", "--config", proxied, "--run-once", "--dry-run"]);
  expect([once.exitCode, once.stdout, once.stderr]).toEqual([
    1,
    "",
    `lvscare: set up tcp ${VS}: the userspace data plane ends with its process, so there is nothing to set up once\n`,
  ]);
  const input = await runLvscare(node, ["care", "--config", "-"]);
  expect([input.exitCode, input.stderr]).toEqual([1, expect.stringContaining("standard input")]);
  const argv = [lvscareBinary(), "care", ...flags([A]), "--data-plane=ipvs", "--dry-run"];
  const nobody = await node.run(["setpriv", "--reuid", "65534", "--clear-groups", "--", ...argv]);
  expect([nobody.exitCode, nobody.stdout]).toEqual([1, ""]);
  expect(nobody.stderr).toMatch(/^lvscare: .*the kernel does not let this process change IPVS.*\n$/);
});

// --- internal ---

function flags(servers: readonly string[], ...more: readonly string[]): readonly string[] {
  return ["--vs", VS, "--rs", servers.join(","), "--ip", NODE, ...CHECKS, ...more];
}

/** The first one is called `web`. */
function configuration(servers: readonly string[], addresses: readonly string[] = [VS]): string {
  const probe = { type: "http", scheme: "http", path: "/" };
  const common = { interval: "1s", ip: NODE, "check-way": false, probe, "real-servers": servers };
  const all = addresses.map((address, at) => ({ ...(at === 0 && { name: "web" }), address, ...common }));
  return JSON.stringify({ version: 1, "virtual-servers": all });
}

async function setUp(servers: readonly string[]): Promise<void> {
  const { exitCode, stderr } = await runLvscare(node, ["care", ...flags(servers), "--run-once"]);
  expect(exitCode, stderr).toBe(0);
}

/** Its exit code and its lines, blanks made one; it has changed nothing. */
async function dry(
  given: readonly string[],
  input = "/dev/null",
): Promise<{ exitCode: number; lines: readonly string[] }> {
  const before = await everything();
  const line = [lvscareBinary(), "care", ...given, "--dry-run"];
  const { exitCode, stdout, stderr } = await node.run(["sh", "-c", 'exec "$@" <"$0"', input, ...line]);
  expect(stderr).toBe("");
  expect(await everything()).toEqual(before);
  return {
    exitCode,
    lines: stdout
      .trimEnd()
      .split("\n")
      .map((line) => line.trim().replaceAll(/ +/g, " ")),
  };
}

/**
 * Of this host, as far as lvscare ever writes to it, and its kernel's modules. As files where there are any: starting programs is slow here.
 * To ask for rules of iptables would load what is not loaded.
 */
async function everything(): Promise<readonly unknown[]> {
  const net = `/proc/${node.pid}/net`;
  const modules = readFileSync("/proc/modules", "utf8").replaceAll(/ .*/g, "");
  // Without its counts of connections.
  const table = tableText(node).replaceAll(/ +\d+ +\d+ *$/gm, "");
  const hasRules =
    existsSync(`${net}/ip_tables_names`) && readFileSync(`${net}/ip_tables_names`, "utf8").includes("nat");
  const rules = hasRules ? await node.exec("iptables-legacy", "-w", "60", "-t", "nat", "-S") : "";
  // Some can only be written.
  const { stdout: settings } = await node.run(["busybox", "grep", "-rs", "", ...SYSCTLS]);
  return [modules, table, rules, runFolder(), await network(node), settings];
}

/** What lies where daemons have their sockets, with its mode, size and time. */
function runFolder(): readonly string[] {
  const path = `/proc/${node.pid}/root/run/lvscare`;
  return readdirSync(path)
    .toSorted()
    .map((name) => {
      const { mode, uid, size, mtimeMs } = lstatSync(join(path, name));
      return [name, mode, uid, size, mtimeMs].join(" ");
    });
}

const SYSCTLS = ["vs", "conf/all", "ip_forward"].map((name) => `/proc/sys/net/ipv4/${name}`);
