import { expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hasNftables } from "../../src/reach/link/nft-rules.ts";
import { requireTestKernel } from "./harness/require-test-kernel.ts";
import { EchoServers } from "./support/echo-server.ts";
import { tableOf, waitForTable } from "./support/ipvs-table.ts";
import { CareProcess, lvscareBinary, startCare } from "./support/lvscare.ts";
import { Namespace } from "./support/namespace.ts";
import { waitFor, waitForEqual } from "./support/wait-for.ts";

requireTestKernel();
setDefaultTimeout(120_000);

const SERVERS = ["127.0.0.1:8081", "127.0.0.1:8082"] as const;
const [A, B] = SERVERS;
const [FIRST, SECOND] = ["10.103.97.2:6443", "10.103.97.3:6443"] as const;
const CHECKS = ["--interval=1", "--health-schem=http", "--health-path=/"];
const PROGRAM = join(import.meta.dir, "../app/support/care-for-process.ts");

test("two virtual servers in one process are made, routed and kept each by itself, over one connection to IPVS", async () => {
  await using namespace = await Namespace.create();
  await using echo = await EchoServers.start(namespace, SERVERS);
  const lines = [
    ["--vs", FIRST, "--rs", A, "--rs", B, ...CHECKS],
    ["--vs", SECOND, "--rs", B, ...CHECKS],
  ];
  const argv = [process.execPath, PROGRAM, ...lines.map((line) => JSON.stringify(line))];
  await using care = new CareProcess(namespace, namespace.spawn(argv));
  const both = { [`TCP ${FIRST} rr`]: { [A]: 1, [B]: 1 }, [`TCP ${SECOND} rr`]: { [B]: 1 } };
  await waitForTable(namespace, both);
  const routes = async (): Promise<string[]> => {
    const text = await namespace.exec("ip", "route", "show", "table", "all", "proto", "76");
    return [...text.matchAll(/10\.103\.97\.\d+/g)].map(([address]) => address);
  };
  await waitForEqual(routes, ["10.103.97.2", "10.103.97.3"]);
  expect(genericNetlinkSockets(care.pid)).toBe(1);

  // One check of the same real server serves none for the other: each has machines of its own.
  await echo.close(A);
  await waitForTable(namespace, { ...both, [`TCP ${FIRST} rr`]: { [B]: 1 } });
  await namespace.exec("ipvsadm", "-D", "-t", SECOND);
  await waitForTable(namespace, { ...both, [`TCP ${FIRST} rr`]: { [B]: 1 } });
  await care.waitForLog(/^WARN tcp 10\.103\.97\.3:6443: repaired what someone else changed/);
  expect(await care.stop()).toBe(0);
  expect(tableOf(namespace)).toEqual({ ...both, [`TCP ${FIRST} rr`]: { [B]: 1 } });
});

test("what several virtual servers need alike is told once: each setting, and what is taken for this node's address", async () => {
  await using namespace = await Namespace.create();
  await using _echo = await EchoServers.start(namespace, SERVERS);
  const folder = await mkdtemp(join(tmpdir(), "lvscare-alike-"));
  const path = join(folder, "care.yaml");
  const lines = [FIRST, SECOND].map((address) => `- {address: ${address}, real-servers: ["${A}"]}`);
  try {
    const defaults = "defaults: {interval: 1s, probe: {type: tcp}}";
    await writeFile(path, ["version: 1", defaults, "virtual-servers:", ...lines].join("\n"));
    await using care = startCare(namespace, ["--config", path]);
    await care.waitForLog(/set up route /, { times: 2 });
    const settings = care.logged(/set up sysctl /).map((line) => line.replace(/^.* set up /, ""));
    expect(settings).toContain("sysctl net/ipv4/vs/expire_nodest_conn=1");
    expect(settings).toEqual([...new Set(settings)]);
    expect(care.logged(/this node's address/).map((line) => line.replace(/^.*: taken/, "taken"))).toEqual([
      `taken for this node's address: 127.0.0.1, from which it speaks to ${A} (--ip, in a file ip, names another)`,
    ]);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("many virtual servers in link mode look at iptables by one program, and change it by a few", async () => {
  await using namespace = await Namespace.create();
  await using _echo = await EchoServers.start(namespace, [A]);
  await using noted = await NotedPrograms.create("iptables-legacy", "iptables-legacy-restore");
  const addresses = Array.from({ length: 12 }, (_, index) => `10.103.97.${index + 2}:6443`);
  await Bun.write(
    join(noted.folder, "care.yaml"),
    [
      "version: 1",
      "defaults: {interval: 1s, mode: link, check-way: false, probe: {type: tcp}}",
      "virtual-servers:",
      ...addresses.map((address) => `- {address: ${address}, real-servers: ["${A}"]}`),
    ].join("\n"),
  );
  await using care = startCare(namespace, ["--config", join(noted.folder, "care.yaml")], noted.environment);
  await care.waitForLog(/ on dummy link lvscare$/, { times: addresses.length });
  await waitForTable(namespace, Object.fromEntries(addresses.map((address) => [`TCP ${address} rr`, { [A]: 1 }])));
  // By nftables it is done without any program.
  if (hasNftables()) return expect(await noted.started()).toEqual([]);

  const programs = await noted.started();
  const changes = programs.filter((line) => !line.endsWith(" -S"));
  expect(new Set(changes)).toEqual(new Set(["iptables-legacy-restore --noflush -w 5"]));
  expect(changes.length).toBeLessThan(addresses.length / 2);
  // Of a dozen virtual servers each looks again and again: what all of them see is one listing.
  await noted.forget();
  await waitFor(
    () => noted.started(),
    (lines) => lines.length >= 5,
  );
  expect(new Set(await noted.started())).toEqual(new Set(["iptables-legacy -w 5 -t nat -S"]));
  // The daemon's own may have the lock, as one of them runs all the time.
  const [iptables, ...nat] = ["iptables-legacy", "-w", "60", "-t", "nat"] as const;
  await namespace.exec(iptables, ...nat, "-F");
  await care.waitForLog(/^WARN .*repaired .* masquerading for /, { times: addresses.length });
  const rules = await namespace.exec(iptables, ...nat, "-S");
  expect(rules.match(/ -j MARK /g)).toHaveLength(addresses.length);
  expect(rules.match(/ -j LVSCARE-/g)).toHaveLength(3);
});

test("what left a file while no daemon ran goes with the next one, and goes on leaving where it was about to", async () => {
  await using namespace = await Namespace.create();
  await using _echo = await EchoServers.start(namespace, SERVERS);
  const folder = await mkdtemp(join(tmpdir(), "lvscare-orphans-"));
  const [file, other] = [join(folder, "care.yaml"), join(folder, "other.yaml")];
  const THIRD = "10.103.97.4:6443";
  const configuration = (...addresses: readonly string[]): string =>
    [
      "version: 1",
      "defaults: {interval: 1s, drain-timeout: 1h, check-way: false, probe: {type: tcp}}",
      "virtual-servers:",
      ...addresses.map((address) => `- {address: "${address}", real-servers: ["${A}"]}`),
    ].join("\n");
  const entries = (...addresses: readonly string[]): Record<string, Record<string, number>> =>
    Object.fromEntries(addresses.map((address) => [`TCP ${address} rr`, { [A]: 1 }]));
  const routed = async (): Promise<string[]> => {
    const text = await namespace.exec("ip", "route", "show", "table", "all", "proto", "76");
    return [...text.matchAll(/10\.103\.97\.\d+/g)].map(([address]) => address);
  };
  const remembered = async (): Promise<unknown> => {
    const text = await namespace.exec("sh", "-c", "cat /run/lvscare/config-*.cared.json 2>/dev/null || true");
    return text.includes(FIRST) && text.includes(SECOND);
  };
  try {
    await writeFile(file, configuration(FIRST, SECOND, THIRD));
    {
      await using first = startCare(namespace, ["--config", file]);
      await waitForTable(namespace, entries(FIRST, SECOND, THIRD));
      await waitFor(remembered, Boolean);
      process.kill(first.pid, "SIGKILL");
      await first.stop();
    }
    // The third has another owner by now.
    await writeFile(other, configuration(THIRD));
    await using _owner = startCare(namespace, ["--config", other]);
    await _owner.waitForLog(/took over/);
    await writeFile(file, configuration(FIRST));
    const dry = await namespace.run([lvscareBinary(), "care", "--config", file, "--dry-run"]);
    expect([dry.exitCode, dry.stdout.includes(SECOND), dry.stdout.includes(THIRD)]).toEqual([2, true, false]);
    const client = namespace.spawn(["bash", "-c", `exec 3<>/dev/tcp/${SECOND.replace(":", "/")}; exec sleep 1h`]);
    await waitFor(
      () => namespace.exec("cat", "/proc/net/ip_vs_conn"),
      (text) => text.includes("ESTABLISHED"),
    );
    {
      await using second = startCare(namespace, ["--config", file]);
      await second.waitForLog(/^WARN tcp 10\.103\.97\.3:6443 left the configuration while no daemon ran/);
      await waitForTable(namespace, { ...entries(FIRST, SECOND, THIRD), [`TCP ${SECOND} rr`]: { [A]: 0 } });
      await second.stop();
    }
    await using third = startCare(namespace, ["--config", file]);
    await third.waitForLog(/^WARN tcp 10\.103\.97\.3:6443 left the configuration while no daemon ran/);
    expect(tableOf(namespace)).toEqual({ ...entries(FIRST, SECOND, THIRD), [`TCP ${SECOND} rr`]: { [A]: 0 } });
    client.kill("SIGKILL");
    await third.waitForLog(/10\.103\.97\.3:6443: gone, as the configuration says/);
    await waitForTable(namespace, entries(FIRST, THIRD));
    await waitForEqual(routed, ["10.103.97.2", "10.103.97.4"]);
    expect(await third.stop()).toBe(0);
  } finally {
    await rm(folder, { recursive: true });
  }
});

// --- internal ---

/** In the place of programs: each start is written down, and then is what it would have been. */
class NotedPrograms implements AsyncDisposable {
  readonly folder: string;

  static async create(...names: readonly string[]): Promise<NotedPrograms> {
    const folder = await mkdtemp(join(tmpdir(), "lvscare-noted-"));
    for (const name of names) {
      const script = `#!/bin/busybox sh\necho ${name} "$@" >>${folder}/started\nexec ${Bun.which(name) ?? name} "$@"\n`;
      await writeFile(join(folder, name), script, { mode: 0o755 });
    }
    const programs = new NotedPrograms(folder);
    await programs.forget();
    return programs;
  }

  private constructor(folder: string) {
    this.folder = folder;
  }

  get environment(): Readonly<Record<string, string>> {
    return { PATH: `${this.folder}:${process.env["PATH"]}` };
  }

  async started(): Promise<readonly string[]> {
    return (await Bun.file(join(this.folder, "started")).text()).split("\n").filter(Boolean);
  }

  async forget(): Promise<void> {
    await Bun.write(join(this.folder, "started"), "");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.folder, { recursive: true });
  }
}

/** `NETLINK_GENERIC` is 16 in linux/netlink.h; of a port id, libnl has the lowest 22 bits be the process's id. */
function genericNetlinkSockets(pid: number): number {
  const rows = readFileSync(`/proc/${pid}/net/netlink`, "utf8").trim().split("\n").slice(1);
  return rows.filter((row) => {
    const [, protocol, port] = row.trim().split(/\s+/);
    return protocol === "16" && (Number(port) & 0x3fffff) === pid;
  }).length;
}
