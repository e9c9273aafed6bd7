import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { resolve } from "node:path";
import { modprobeRefuses, unloadIpvs } from "./support/modules.ts";
import { openIpvs } from "../../src/dataplane/ipvs/ipvs-plane.ts";
import { trialEndpoint } from "../../src/dataplane/ipvs/preflight.ts";
import type { DataPlane } from "../../src/dataplane/data-plane.ts";
import { formatEndpoint, parseEndpoint } from "../../src/domain/endpoint.ts";
import type { Operation } from "../../src/domain/plan.ts";
import {
  NO_TRAFFIC,
  realServer,
  SCHEDULERS,
  virtualServer,
  type RealServer,
  type VirtualServer,
} from "../../src/domain/virtual-server.ts";
import { requireTestKernel } from "./harness/require-test-kernel.ts";

requireTestKernel({ everyVersion: true });
// An emulated processor starts a process in a second or two, and a test starts several.
setDefaultTimeout(120_000);

const v4 = virtualServer({ protocol: "tcp", endpoint: parseEndpoint("10.103.97.12:6443") }, "rr");
const v6 = virtualServer({ protocol: "tcp", endpoint: parseEndpoint("[fd00::12]:6443") }, "wrr");
const idle = { activeConnections: 0, inactiveConnections: 0 };

describe("the data plane of the kernel", () => {
  let plane: DataPlane;

  beforeAll(async () => {
    plane = await openIpvs();
  });

  afterAll(() => plane.close());

  afterEach(() => void run("ipvsadm", "-C"));

  test("reaches the kernel through libnl", () => {
    expect([plane.kind, plane.via]).toEqual(["ipvs", "libnl"]);
  });

  test("writes and reads several virtual servers in one turn, each with an outcome of its own", async () => {
    const all = Array.from({ length: 30 }, (_, index) =>
      virtualServer({ protocol: "tcp", endpoint: parseEndpoint(`10.103.98.${index + 1}:80`) }, "rr"),
    );
    const servers = Array.from({ length: 9 }, (_, index) => server(`10.0.0.${index + 1}:80`));
    const made = await Promise.all(all.map((one) => plane.apply(one, [create(one), ...servers.map(add)])));
    expect(made.flat()).toEqual([]);
    const [first, second, third] = all;
    if (first === undefined || second === undefined || third === undefined) throw new Error("cannot be");
    const again = await Promise.all([
      plane.apply(first, [create(first), { kind: "server.remove", endpoint: parseEndpoint("10.0.0.1:80") }]),
      plane.apply(second, [{ kind: "service.delete", service: second }]),
      plane.apply(second, [add(server("10.0.0.1:80"))]),
    ]);
    expect(again.map((failed) => failed.map(({ error }) => error.errno))).toEqual([["EEXIST"], [], ["ESRCH"]]);
    const seen = await Promise.all(all.map((one) => plane.read(one)));
    expect(seen.map((one) => one?.realServers.length)).toEqual([8, undefined, ...Array<number>(28).fill(9)]);
    expect(seen[2]).toEqual({
      service: third,
      stats: NO_TRAFFIC,
      realServers: servers.map((one) => ({ server: one, ...idle })),
    });
  });

  test("the kernel's list tells whether a virtual server is as it was, whatever is done to others", async () => {
    const a = server("10.0.0.1:6443", { weight: 3 });
    const six = server("[fd00::1]:6443");
    await plane.apply(v4, [create(v4), add(a)]);
    await plane.apply(v6, [create(v6), add(six)]);
    const before = [plane.outline?.(v4), plane.outline?.(v6)];
    expect(before).not.toContain(undefined);
    const isAsBefore = async (): Promise<boolean[]> => {
      await Promise.resolve();
      return [plane.outline?.(v4) === before[0], plane.outline?.(v6) === before[1]];
    };
    expect(await isAsBefore()).toEqual([true, true]);
    run("ipvsadm", "-e", "-t", "10.103.97.12:6443", "-r", "10.0.0.1:6443", "-m", "-w", "2");
    expect(await isAsBefore()).toEqual([false, true]);
    run("ipvsadm", "-e", "-t", "10.103.97.12:6443", "-r", "10.0.0.1:6443", "-m", "-w", "3");
    expect(await isAsBefore()).toEqual([true, true]);
    run("ipvsadm", "-E", "-t", "[fd00::12]:6443", "-s", "wrr", "-p", "60");
    expect(await isAsBefore()).toEqual([true, false]);
    run("ipvsadm", "-D", "-t", "10.103.97.12:6443");
    expect(await isAsBefore()).toEqual([false, false]);
    const other = [plane.carried?.(v6), plane.carried?.(v4)];
    expect(other).toEqual([expect.any(String), undefined]);
  });

  test("makes, changes and deletes an IPv4 virtual server", async () => {
    const a = server("10.0.0.1:6443", { weight: 3 });
    const b = server("10.0.0.2:6443", { forwarding: "direct-route", upperThreshold: 20, lowerThreshold: 10 });
    expect(await plane.apply(v4, [create(v4), add(a), add(b)])).toEqual([]);
    expect(table()).toEqual([
      "TCP 10.103.97.12:6443 rr",
      "-> 10.0.0.1:6443 Masq 3 0 0",
      "-> 10.0.0.2:6443 Route 1 0 0",
    ]);
    expect(await plane.read(v4)).toEqual({
      service: v4,
      stats: NO_TRAFFIC,
      realServers: [
        { server: a, ...idle },
        { server: b, ...idle },
      ],
    });

    const changed: VirtualServer = {
      ...v4,
      scheduler: "mh",
      flags: ["persistent", "flag-1", "flag-2"],
      persistenceTimeoutS: 300,
      persistencePrefix: 24,
    };
    const drained = { ...a, weight: 0 };
    const changes: readonly Operation[] = [
      { kind: "service.update", service: changed, from: v4 },
      { kind: "server.update", server: drained, from: a },
      { kind: "server.remove", endpoint: b.endpoint },
    ];
    expect(await plane.apply(v4, changes)).toEqual([]);
    expect(table()).toEqual([
      "TCP 10.103.97.12:6443 mh (mh-fallback,mh-port) persistent 300 mask 255.255.255.0",
      "-> 10.0.0.1:6443 Masq 0 0 0",
    ]);
    expect(await plane.read(v4)).toEqual({
      service: changed,
      stats: NO_TRAFFIC,
      realServers: [{ server: drained, ...idle }],
    });

    expect(await plane.apply(v4, [{ kind: "service.delete", service: v4 }])).toEqual([]);
    expect(table()).toEqual([]);
    expect(await plane.read(v4)).toBeUndefined();
  });

  test("makes IPv6 virtual servers, with a tunnel to an IPv4 real server", async () => {
    const sticky: VirtualServer = {
      ...v6,
      protocol: "udp",
      flags: ["persistent"],
      persistenceTimeoutS: 60,
      persistencePrefix: 64,
    };
    const near = server("[fd00::a]:6443", { weight: 2 });
    const far = server("10.9.0.1:6443", { forwarding: "tunnel" });
    expect(await plane.apply(sticky, [create(sticky), add(near), add(far)])).toEqual([]);
    expect(table()).toEqual([
      "UDP [fd00::12]:6443 wrr persistent 60 mask 64",
      "-> [fd00::a]:6443 Masq 2 0 0",
      "-> 10.9.0.1:6443 Tunnel 1 0 0",
    ]);
    expect(await plane.read(sticky)).toEqual({
      service: sticky,
      stats: NO_TRAFFIC,
      realServers: [
        { server: near, ...idle },
        { server: far, ...idle },
      ],
    });
  });

  test("what others gave a tunnel is read, and kept when its weight is changed", async () => {
    const vs = formatEndpoint(v4.endpoint);
    run("ipvsadm", "-A", "-t", vs, "-s", "rr");
    const tunnels = [
      ["10.9.0.1:6443", "gue", "--tun-port", "6080", "--tun-csum"],
      ["10.9.0.2:6443", "gre", "--tun-csum"],
      ["10.9.0.3:6443", "gue", "--tun-port", "6081", "--tun-remcsum"],
      ["10.9.0.4:6443", "ipip"],
    ] as const;
    for (const [address, type, ...more] of tunnels) {
      run("ipvsadm", "-a", "-t", vs, "-r", address, "-i", "--tun-type", type, ...more);
    }
    const found = (await plane.read(v4))?.realServers.map((seen) => seen.server) ?? [];
    expect(found).toEqual([
      server("10.9.0.1:6443", {
        forwarding: "tunnel",
        tunnelType: "gue",
        tunnelPort: 6080,
        tunnelFlags: ["checksum"],
      }),
      server("10.9.0.2:6443", { forwarding: "tunnel", tunnelType: "gre", tunnelFlags: ["checksum"] }),
      server("10.9.0.3:6443", {
        forwarding: "tunnel",
        tunnelType: "gue",
        tunnelPort: 6081,
        tunnelFlags: ["remote-checksum"],
      }),
      server("10.9.0.4:6443", { forwarding: "tunnel" }),
    ]);

    const drained = found.map((one) => ({ ...one, weight: 0 }));
    const updates = drained.map((one, index) => ({
      kind: "server.update" as const,
      server: one,
      from: found[index] ?? one,
    }));
    expect(await plane.apply(v4, updates)).toEqual([]);
    expect((await plane.read(v4))?.realServers.map((seen) => seen.server)).toEqual(drained);
    expect(table("--tun-info")).toEqual([
      `TCP ${vs} rr`,
      "-> 10.9.0.1:6443 Tunnel gue:6080:+c 0 0 0",
      "-> 10.9.0.2:6443 Tunnel gre:+c 0 0 0",
      "-> 10.9.0.3:6443 Tunnel gue:6081:r+c 0 0 0",
      "-> 10.9.0.4:6443 Tunnel ipip 0 0 0",
    ]);
  });

  test("a persistence engine is read, and kept when the scheduler is changed", async () => {
    const sip = { ...v4, protocol: "udp" } as const;
    const vs = formatEndpoint(sip.endpoint);
    run("ipvsadm", "-A", "-u", vs, "-s", "rr", "-p", "60", "--pe", "sip");
    const found = (await plane.read(sip))?.service;
    expect(found).toEqual({ ...sip, flags: ["persistent"], persistenceTimeoutS: 60, persistenceEngine: "sip" });
    if (found === undefined) return;
    const changed = { ...found, scheduler: "wrr" };
    expect(await plane.apply(sip, [{ kind: "service.update", service: changed, from: found }])).toEqual([]);
    expect(table()).toEqual([`UDP ${vs} wrr persistent 60 pe sip`]);
    expect((await plane.read(sip))?.service).toEqual(changed);
  });

  test("a real server on this host keeps the forwarding method that it was given", async () => {
    const own = server("127.0.0.1:6443");
    expect(await plane.apply(v4, [create(v4), add(own)])).toEqual([]);
    expect((await plane.read(v4))?.realServers).toEqual([{ server: own, ...idle }]);
  });

  test.each(SCHEDULERS.map((scheduler) => [scheduler]))("makes and tries out scheduler %s", async (scheduler) => {
    const service = { ...v4, scheduler };
    if (run("modinfo", `ip_vs_${scheduler}`).exitCode !== 0) {
      await expect(plane.preflight(service)).rejects.toMatchObject({ code: "SCHEDULER_MISSING" });
      return;
    }
    await plane.preflight(service);
    expect(table()).toEqual([]);
    expect(await plane.apply(service, [create(service)])).toEqual([]);
    expect(table()).toEqual([`TCP 10.103.97.12:6443 ${scheduler}`]);
    expect((await plane.read(service))?.service).toEqual(service);
  });

  test("names the operations that failed and does the others", async () => {
    const a = server("10.0.0.1:6443");
    const b = server("10.0.0.2:6443");
    await plane.apply(v4, [create(v4), add(a)]);
    const operations: readonly Operation[] = [
      add(a),
      add(b),
      { kind: "server.update", server: server("10.0.0.9:6443"), from: b },
      { kind: "server.update", server: { ...a, weight: 4 }, from: a },
      { kind: "server.remove", endpoint: parseEndpoint("10.0.0.8:6443") },
    ];
    const failed = await plane.apply(v4, operations);
    expect(failed.map(({ operation, error }) => [operation, error.code, error.errno])).toEqual([
      [operations[0], "KERNEL_REFUSED", "EEXIST"],
      [operations[2], "KERNEL_REFUSED", "ENOENT"],
      [operations[4], "KERNEL_REFUSED", "ENOENT"],
    ]);
    expect(table()).toEqual(["TCP 10.103.97.12:6443 rr", "-> 10.0.0.1:6443 Masq 4 0 0", "-> 10.0.0.2:6443 Masq 1 0 0"]);
  });

  test("says that there is no such virtual server", async () => {
    const [failed] = await plane.apply(v4, [add(server("10.0.0.1:6443"))]);
    expect(failed?.error).toMatchObject({
      code: "KERNEL_REFUSED",
      errno: "ESRCH",
      message: "the kernel refused with ESRCH: there is no such virtual server",
      operation: "add real server 10.0.0.1:6443 weight 1",
    });
  });

  test("adds a thousand real servers and reads them in their order", async () => {
    const servers = Array.from({ length: 1000 }, (_, index) => server(`10.1.${index >> 8}.${index & 255}:6443`));
    expect(await plane.apply(v4, [create(v4), ...servers.map(add)])).toEqual([]);
    expect(table().length).toBe(1001);
    expect((await plane.read(v4))?.realServers.map((seen) => seen.server)).toEqual(servers);
    const removals = servers.map(({ endpoint }) => ({ kind: "server.remove", endpoint }) as const);
    expect(await plane.apply(v4, removals)).toEqual([]);
    expect(table()).toEqual(["TCP 10.103.97.12:6443 rr"]);
  });

  test("reads every virtual server but those that a firewall mark selects", async () => {
    const a = server("10.0.0.1:6443");
    await plane.apply(v4, [create(v4), add(a)]);
    await plane.apply(v6, [create(v6)]);
    run("ipvsadm", "-A", "-f", "7", "-s", "wlc");
    const all = await plane.readAll();
    expect(await plane.measure(v4)).toEqual(all.find(({ service }) => service.endpoint.family === "ipv4"));
    expect(all.toSorted((x, y) => (x.service.scheduler < y.service.scheduler ? -1 : 1))).toEqual([
      { service: v4, stats: NO_TRAFFIC, realServers: [{ server: a, ...idle, stats: NO_TRAFFIC }] },
      { service: v6, stats: NO_TRAFFIC, realServers: [] },
    ]);
  });

  test("tries out both families past what a crash left behind", async () => {
    const leftovers = [v4, v6].map((service) => formatEndpoint(trialEndpoint(service)));
    for (const leftover of leftovers) run("ipvsadm", "-A", "-t", leftover, "-s", "wlc");
    expect(table().toSorted()).toEqual(leftovers.map((leftover) => `TCP ${leftover} wlc`));
    await plane.preflight(v4);
    await plane.preflight(v6);
    expect(table()).toEqual([]);
  });

  test("finds IPVS again after the module was unloaded", async () => {
    await plane.apply(v4, [create(v4)]);
    await unloadIpvs();
    expect(await plane.read(v4)).toBeUndefined();
    expect(await plane.apply(v4, [create(v4)])).toEqual([]);
    expect(table()).toEqual(["TCP 10.103.97.12:6443 rr"]);
  });

  test("a scheduler whose module is missing is named, with what to do", async () => {
    await using _ = await modprobeRefuses("ip_vs_nq");
    run("modprobe", "-r", "ip_vs_nq");
    const error = await plane.preflight({ ...v4, scheduler: "nq" }).catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      code: "SCHEDULER_MISSING",
      errno: "ENOENT",
      remedy: "run `modprobe ip_vs_nq` on the host, or choose another scheduler",
    });
  });

  test("a kernel without IPVS does not pass, and does once the module can be loaded", async () => {
    await unloadIpvs();
    {
      await using _ = await modprobeRefuses("ip_vs");
      expect(inProcess()).toEqual({ via: "libnl", outcome: { code: "MODULE_MISSING", errno: "ENOENT" } });
      expect(await plane.read(v4).catch((reason: unknown) => reason)).toMatchObject({ code: "MODULE_MISSING" });
    }
    expect(inProcess()).toEqual({ via: "libnl", outcome: "passed" });
    expect(await plane.read(v4)).toBeUndefined();
  });

  test("without the capability it is not permitted, with it alone it is", () => {
    const nobody = ["setpriv", "--reuid", "65534", "--clear-groups"];
    const capable = ["--inh-caps", "+net_admin", "--ambient-caps", "+net_admin"];
    expect(inProcess(...nobody)).toEqual({ via: "libnl", outcome: { code: "NOT_PERMITTED", errno: "EPERM" } });
    expect(inProcess(...nobody, ...capable)).toEqual({ via: "libnl", outcome: "passed" });
  });

  test("root of a user namespace is not permitted", () => {
    expect(inProcess("unshare", "-Urn")).toEqual({ via: "libnl", outcome: { code: "NOT_PERMITTED", errno: "EPERM" } });
  });

  test("works on a host without libnl", async () => {
    const maps = await Bun.file("/proc/self/maps").text();
    const [libnl = "no libnl mapped"] = /\/\S+\/libnl-3\.so\S+/.exec(maps) ?? [];
    const hidden = ["unshare", "-m", "sh", "-c", `mount --bind /dev/null ${libnl} && exec "$@"`, "sh"];
    expect(inProcess(...hidden)).toEqual({ via: "netlink socket", outcome: "passed" });
  });
});

function server(endpoint: string, fields: Partial<RealServer> = {}): RealServer {
  return { ...realServer(parseEndpoint(endpoint)), ...fields };
}

function create(service: VirtualServer): Operation {
  return { kind: "service.create", service };
}

function add(server: RealServer): Operation {
  return { kind: "server.add", server };
}

function run(...argv: readonly string[]): { readonly exitCode: number; readonly stdout: string } {
  const { exitCode, stdout } = Bun.spawnSync([...argv], { stderr: "ignore" });
  return { exitCode, stdout: stdout.toString() };
}

/** The lines of `ipvsadm -Ln`, or of another of its listings, after the heading, with single spaces; real servers in the order they were added. */
function table(...options: readonly string[]): readonly string[] {
  const lines = run("ipvsadm", "-Ln", ...options)
    .stdout.trimEnd()
    .split("\n")
    .slice(3);
  return lines.map((line) => line.trim().replaceAll(/\s+/g, " "));
}

/** What `preflight` says in another process, started through a wrapper such as `setpriv`. */
function inProcess(...wrapper: readonly string[]): unknown {
  const fixture = resolve(import.meta.dir, "../fixtures/netlink/preflight-fixture.ts");
  return JSON.parse(run(...wrapper, process.execPath, fixture).stdout);
}
