import { afterAll, afterEach, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { randomInt } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdtemp, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { requestReload } from "../../src/control/client.ts";
import { configSocketPath } from "../../src/control/runtime-directory.ts";
import type { StatusReport } from "../../src/domain/status.ts";
import { hasNftables } from "../../src/reach/link/nft-rules.ts";
import { requireTestKernel } from "./harness/require-test-kernel.ts";
import { tableOf, tableText, type IpvsTable } from "./support/ipvs-table.ts";
import { runLvscare, startCare, type CareProcess } from "./support/lvscare.ts";
import { Namespace, type Ended } from "./support/namespace.ts";
import {
  configurationOf,
  RandomConfiguration,
  type Listed,
  type ListedVirtualServer,
} from "./support/random-configuration.ts";
import { SteadyClients } from "./support/steady-clients.ts";
import { SteadyServers } from "./support/steady-servers.ts";
import { waitFor, waitForEqual } from "./support/wait-for.ts";

requireTestKernel();
setDefaultTimeout(1_800_000);

const NODE = "10.0.0.5";
const SERVERS = Array.from({ length: 5 }, (_, index) => `${NODE}:${8081 + index}`);
const [A = "", B = "", C = ""] = SERVERS;

/** A drain that outlasts this test. */
const LONG = "1h";

/** None of them ever changes, and clients make requests through all of them. */
const UNCHANGED: readonly ListedVirtualServer[] = [
  { ...plain("10.97.0.1:80", "none"), persistence: 60 },
  plain("10.97.0.2:80", "route"),
  plain("10.97.0.3:80", "link"),
  { ...plain("10.97.0.4:80", "none"), scheduler: "wlc" },
];
/** Any of them may change, come and go. */
const CHANGING = Array.from({ length: 22 }, (_, index) => `10.96.0.${index + 1}:80`);

/** How many reloads there are, and which: the same ones for the same seed. */
const RELOADS = Number(process.env["LVSCARE_RELOADS"] ?? 5);
const SEED = Number(process.env["LVSCARE_RELOADS_SEED"] ?? randomInt(2 ** 31));

/** A guest on a busy machine takes its time over twenty virtual servers. */
const PATIENCE = { timeoutMs: 300_000 };

let host: Namespace;
let servers: SteadyServers;
let folder: string;
beforeAll(async () => {
  host = await Namespace.create();
  await host.exec("ip", "link", "add", "card", "type", "dummy");
  await host.addAddress(`${NODE}/24`, "card");
  await host.exec("ip", "link", "set", "card", "up");
  // Clients of these are there before any daemon, and when the mode is another one.
  const local = [...CHANGING, ...UNCHANGED.filter(({ mode }) => mode === "none").map(({ address }) => address)];
  await host.exec(
    "sh",
    "-c",
    local.map((address) => `ip address add ${address.replace(":80", "/32")} dev lo`).join(" && "),
  );
  servers = await SteadyServers.start(host, SERVERS);
  folder = await mkdtemp(join(tmpdir(), "lvscare-reloads-"));
});
// Also what leads to virtual servers of daemons that were killed.
afterEach(() =>
  host.run([
    "sh",
    "-c",
    "ipvsadm -C; ip route flush table main proto 76; ip link del lvscare; nft delete table inet lvscare || iptables-legacy -w 60 -t nat -F",
  ]),
);
afterAll(async () => {
  await servers[Symbol.asyncDispose]();
  await host[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

test("twenty virtual servers from one file go through random reloads, and clients notice nothing but what was taken away", async () => {
  console.log(`${RELOADS} reloads; again: LVSCARE_RELOADS_SEED=${SEED}`);
  const file = new ConfigurationFile(join(folder, "random.yaml"));
  const random = new RandomConfiguration(SEED, { addresses: CHANGING, realServers: SERVERS, many: 16 });
  let changing = random.first();
  await file.write(changing);
  await using care = startCare(host, ["--config", file.path]);
  await using clients = await SteadyClients.start(host);
  const scene = new Scene(clients);
  await scene.expectTable(changing);
  await scene.expectReach(changing);
  for (const one of all(changing).values()) await scene.hold(one.address);
  await clients.begin(UNCHANGED.map(({ address }) => address));
  const appliesBefore = await applies(care);
  const totals = new Map(await connectionTotals());

  for (let reload = 0; reload < RELOADS; reload++) {
    const next = random.after(changing);
    await scene.letGo(changing, next, () => random.chance(0.5));
    await file.write(next, random.chance(0.5) ? "in place" : "exchanged");
    await askFor(random.pick(["request", "request", "request", "SIGHUP", "nothing"]), file, care);
    changing = next;
    await scene.expectTable(changing);
    expect(await scene.ended()).toEqual([]);
    for (const address of totals.keys()) if (!scene.stands(address, changing)) totals.delete(address);
    if (reload % 5 === 4) {
      // One that was deleted and made again would begin to count anew.
      const now = await connectionTotals();
      expect([...totals].filter(([address, total]) => (now.get(address) ?? 0) < total)).toEqual([]);
      for (const [address, total] of now) totals.set(address, total);
    }
    for (const one of changing.values()) if (random.chance(0.2)) await scene.hold(one.address);
  }

  await scene.expectReach(changing);
  // The last change may be told to who asks first.
  await requestReload(file.socket);
  expect(await requestReload(file.socket)).toMatchObject({ outcome: "unchanged", problems: [] });
  const answers = await clients.finish();
  for (const { address, servers: listed } of UNCHANGED) {
    const expected = new Set(listed.map((server) => server.address));
    const counts = answers[address] ?? {};
    expect(Object.keys(counts).filter((answer) => !expected.has(answer))).toEqual([]);
    expect(Object.values(counts).reduce((sum, count) => sum + count, 0)).toBeGreaterThan(RELOADS);
  }
  expect(await applies(care)).toEqual(appliesBefore);
  // One that is written in place may be read when half of it is there: that changes nothing, and then it is read again.
  expect(care.logged(/^ERROR/).filter((line) => !isHalfWritten(line))).toEqual([]);
  // Nobody else is there.
  expect(care.logged(/repaired what someone else/)).toEqual([]);
  for (const { name } of UNCHANGED) {
    const lines = care.logged(new RegExp(` ${name}: `));
    expect(lines.filter((line) => /^WARN|repaired|cannot/.test(line))).toEqual([]);
    expect(lines.filter((line) => /took over|new virtual server/.test(line))).toHaveLength(1);
  }
  expect(await care.stop()).toBe(0);
  await scene.expectTable(changing);
  expect(await scene.ended()).toEqual([]);
});

test("a virtual server moves from a daemon with flags to one with a file, which is refused whole as long as the other has it; no connection ends", async () => {
  const [moved, own] = [plain("10.97.0.1:80", "none"), { ...plain("10.97.0.4:80", "none"), name: "own" }];
  const path = join(folder, "moved.yaml");
  const write = (...all: readonly ListedVirtualServer[]): Promise<number> =>
    Bun.write(path, configurationOf(new Map(all.map((one) => [one.address, one]))));
  const expected = (...all: readonly ListedVirtualServer[]): IpvsTable => weightsOf(all);
  const flags = ["--vs", moved.address, "--rs", [A, B, C].join(","), "--interval", "1", "--mode", "none"];
  await using before = startCare(host, [...flags, "--health-schem", "http", "--health-path", "/", "--check-way=false"]);
  await waitForEqual(() => tableOf(host), expected(moved), PATIENCE);
  await using clients = await SteadyClients.start(host);
  const servers: Record<string, string> = {};
  for (const id of ["1", "2", "3"]) servers[id] = await clients.hold(id, moved.address);
  await clients.begin([moved.address]);
  const claimed = `pid ${before.pid} already cares for tcp ${moved.address}`;

  await write(own, moved);
  const refused = await runLvscare(host, ["care", "--config", path]);
  expect([refused.exitCode, refused.stdout, refused.stderr]).toEqual([1, "", expect.stringContaining(claimed)]);
  expect(tableOf(host)).toEqual(expected(moved));
  await write(own);
  await using after = startCare(host, ["--config", path]);
  await waitForEqual(() => tableOf(host), expected(moved, own), PATIENCE);
  await write({ ...own, scheduler: "wrr" }, moved);
  const reload = (): Promise<Ended> => runLvscare(host, ["reload", "--config", path]);
  const again = await reload();
  expect([again.exitCode, again.stdout, again.stderr]).toEqual([1, "", expect.stringContaining(claimed)]);
  expect(tableOf(host)).toEqual(expected(moved, own));

  const totals = await connectionTotals();
  expect(await before.stop()).toBe(0);
  const taken = await reload();
  expect([taken.exitCode, taken.stderr]).toEqual([0, ""]);
  expect(taken.stdout.trimEnd().split("\n").toSorted()).toEqual([
    `+ tcp ${moved.address} (${moved.name}): 3 real servers`,
    "~ tcp 10.97.0.4:80 (own): scheduler rr → wrr",
  ]);
  await after.waitForLog(new RegExp(`^INFO ${moved.name}: took over the table: 3 healthy`));
  await waitForEqual(() => tableOf(host), expected(moved, { ...own, scheduler: "wrr" }), PATIENCE);
  expect(await clients.askAll()).toEqual(servers);
  expect(Object.keys((await clients.finish())[moved.address] ?? {}).toSorted()).toEqual([A, B, C]);
  // The virtual server is the same one.
  const soFar = totals.get(moved.address) ?? 0;
  // The kernel adds up its counters every two seconds.
  await waitFor(connectionTotals, (now) => (now.get(moved.address) ?? 0) > soFar);
});

test("what leads to a virtual server changes with the file, and nobody else is blamed for it", async () => {
  const [address, beside] = ["10.96.0.1:80", "10.97.0.3:80"];
  const path = join(folder, "way.yaml");
  const write = (options: string): Promise<number> =>
    Bun.write(
      path,
      [
        "version: 1",
        "defaults: {interval: 2s, check-way: false, probe: {type: http, scheme: http, path: /}}",
        "virtual-servers:",
        `- {address: ${beside}, mode: link, real-servers: ["${A}"]}`,
        ...(options === "" ? [] : [`- {address: ${address}, ${options}, real-servers: ["${A}"]}`]),
      ].join("\n"),
    );
  const socket = configSocketPath(`/proc/${host.pid}/root/run/lvscare`, path);
  const taken = async (options: string): Promise<void> => {
    await write(options);
    await askToReload(socket);
  };
  await write("mode: route");
  await using care = startCare(host, ["--config", path]);
  await waitFor(() => existsSync(socket), Boolean);
  const standing = async (): Promise<readonly string[]> => {
    const links = await host.exec("ip", "-brief", "address");
    const all = [
      ...((await reach()) as { route: string[] }).route.map((one) => `route ${one}`),
      ...[...links.matchAll(/^(lvscare|other) .*$/gm)].flatMap(([line, link]) =>
        [...line.matchAll(/10\.9[67]\.\d+\.\d+/g)].map(([one]) => `${link} ${one}`),
      ),
      ...(await masqueraded()),
    ];
    return all.toSorted();
  };
  const always = ["lvscare 10.97.0.3", "mark 10.97.0.3:80 0"];
  const becomes = (...own: readonly string[]): Promise<unknown> =>
    waitForEqual(standing, [...always, ...own].toSorted(), { timeoutMs: 60_000 });
  const route = "route 10.96.0.1";
  await becomes(route);
  for (const [options, ...own] of [
    ["mode: link, iface: other", "other 10.96.0.1", `mark ${address} 0`],
    ["mode: link", "lvscare 10.96.0.1", `mark ${address} 0`],
    ["mode: link, masqueradebit: 5", "lvscare 10.96.0.1", `mark ${address} 5`],
    ["mode: route", route],
    ["mode: none"],
    ["mode: route", route],
    [""],
    ["mode: route", route],
  ] as const) {
    await taken(options);
    await becomes(...own);
  }
  // Each before there was time for what the one before it asks for.
  for (let time = 0; time < 4; time++) {
    for (const options of ["mode: none", "mode: route"]) await taken(options);
    await becomes(route);
  }
  for (const options of ["mode: link", "mode: route", "mode: link"]) await taken(options);
  await becomes("lvscare 10.96.0.1", `mark ${address} 0`);
  expect(care.logged(/someone else|^ERROR/)).toEqual([]);
  expect(await care.stop()).toBe(0);
});

// --- internal ---

function isHalfWritten(line: string): boolean {
  return (
    line.includes("nothing was changed") &&
    /random\.yaml:\d+:\d+: error: (this is no YAML|the file is empty)/.test(line)
  );
}

type Trigger = "request" | "SIGHUP" | "nothing";

function plain(address: string, mode: ListedVirtualServer["mode"]): ListedVirtualServer {
  const servers = [A, B, C].map((server) => ({ address: server, weight: 1, drained: false }));
  return {
    name: `unchanged-${mode}-${address.split(".")[3]?.replace(":80", "")}`,
    address,
    mode,
    scheduler: "rr",
    persistence: undefined,
    initState: "down",
    interval: "2s",
    path: "/",
    timeout: "20s",
    drainTimeout: LONG,
    servers,
  };
}

function all(changing: Listed): Listed {
  return new Map([...UNCHANGED.map((one) => [one.address, one] as const), ...changing]);
}

class ConfigurationFile {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  /** Of the daemon that has it. */
  get socket(): string {
    return configSocketPath(`/proc/${host.pid}/root/run/lvscare`, this.path);
  }

  async write(changing: Listed, how: "in place" | "exchanged" = "exchanged"): Promise<void> {
    const path = how === "in place" ? this.path : `${this.path}.new`;
    await Bun.write(path, configurationOf(all(changing)));
    if (path !== this.path) await rename(path, this.path);
  }
}

/** Whoever is not asked notices a change of the file himself. */
async function askFor(trigger: Trigger, file: ConfigurationFile, care: CareProcess): Promise<void> {
  if (trigger === "SIGHUP") process.kill(care.pid, "SIGHUP");
  if (trigger === "request") await askToReload(file.socket);
}

/** The change of the file may have been noticed before this is asked for. */
async function askToReload(socket: string): Promise<void> {
  const { outcome, problems } = await requestReload(socket);
  expect({ outcome, problems }).toEqual({ outcome: expect.stringMatching(/^(applied|unchanged)$/), problems: [] });
}

/** The connections that are held, and what they keep in the table. */
class Scene {
  readonly #clients: SteadyClients;
  /** By the name of a connection: where it goes. */
  readonly #held = new Map<string, { readonly virtualServer: string; readonly server: string }>();
  /** Virtual servers that left the file with connections, as they were last in it. */
  readonly #leaving = new Map<string, ListedVirtualServer>();
  /** Connections that are about to be ended. */
  readonly #cut = new Set<string>();
  #opened = 0;
  #tables = 0;

  constructor(clients: SteadyClients) {
    this.#clients = clients;
  }

  async hold(virtualServer: string): Promise<void> {
    const id = `${++this.#opened}`;
    const server = await this.#clients.hold(id, virtualServer);
    if (!SERVERS.includes(server)) throw new Error(`no connection through ${virtualServer}: ${server}`);
    this.#held.set(id, { virtualServer, server });
  }

  /** Of the connections to what the next file has no more, closes those for which it is so decided. */
  async letGo(before: Listed, next: Listed, isClosed: () => boolean): Promise<void> {
    const closed = new Set<string>();
    for (const [id, { virtualServer, server }] of this.#held) {
      const listed = all(next).get(virtualServer);
      if (listed?.servers.some(({ address }) => address === server) !== true && isClosed()) closed.add(id);
    }
    await this.#release(closed);
    for (const [address, one] of before) if (!next.has(address)) this.#leaving.set(address, one);
    for (const address of next.keys()) this.#leaving.delete(address);
    // Those are not waited for: when they are gone, so are the connections.
    const cut = [...this.#held].filter(([, { virtualServer, server }]) => {
      const listed = all(next).get(virtualServer) ?? this.#leaving.get(virtualServer);
      const stays =
        all(next)
          .get(virtualServer)
          ?.servers.some(({ address }) => address === server) === true;
      return !stays && listed?.drainTimeout !== "1h";
    });
    for (const [id] of cut) this.#cut.add(id);
  }

  /** The table has what the file says, and at weight 0 what left it with open connections; of these the time ends. */
  async expectTable(changing: Listed): Promise<void> {
    const expected = this.#expected(changing).flatMap(linesOf).toSorted();
    await waitForEqual(() => linesIn(tableText(host)), expected, PATIENCE);
    // Starting a program takes a slow guest more than the reload itself.
    if (this.#tables++ % 5 === 0) expect(savedLines(await host.exec("ipvsadm", "-Sn"))).toEqual(expected);
    await this.#release(this.#cut);
    this.#cut.clear();
  }

  /** What leads to those in the table stands, and nothing else. */
  async expectReach(changing: Listed): Promise<void> {
    await waitForEqual(() => reach(), reachOf(this.#expected(changing)), PATIENCE);
  }

  /** Connections that no longer are where they were, with what became of them. */
  async ended(): Promise<readonly string[]> {
    const answers = await this.#clients.askAll();
    return [...this.#held].flatMap(([id, { virtualServer, server }]) =>
      answers[id] === server ? [] : [`${server} through ${virtualServer}: ${answers[id]}`],
    );
  }

  /** It is in the file, or has left it and keeps connections. */
  stands(virtualServer: string, changing: Listed): boolean {
    return this.#expected(changing).some(({ address }) => address === virtualServer);
  }

  // --- internal ---

  async #release(ids: ReadonlySet<string>): Promise<void> {
    const known = [...ids].filter((id) => this.#held.delete(id));
    await this.#clients.release(known);
  }

  #expected(changing: Listed): readonly ListedVirtualServer[] {
    const listed = all(changing);
    const waiting = new Map<string, Set<string>>();
    for (const [id, { virtualServer, server }] of this.#held) {
      if (this.#cut.has(id)) continue;
      if (listed.get(virtualServer)?.servers.some(({ address }) => address === server) === true) continue;
      waiting.set(virtualServer, (waiting.get(virtualServer) ?? new Set()).add(server));
    }
    const standing = [...listed.values(), ...[...this.#leaving.values()].map((one) => ({ ...one, servers: [] }))];
    return standing.flatMap((one) => {
      const drained = [...(waiting.get(one.address) ?? [])].map((address) => ({ address, weight: 0, drained: true }));
      if (!listed.has(one.address) && drained.length === 0) return [];
      return [{ ...one, servers: [...one.servers, ...drained] }];
    });
  }
}

function weightsOf(expected: readonly ListedVirtualServer[]): IpvsTable {
  return Object.fromEntries(
    expected.map(({ address, scheduler, servers }) => [
      `TCP ${address} ${scheduler}`,
      Object.fromEntries(servers.map((one) => [one.address, one.drained ? 0 : one.weight])),
    ]),
  );
}

/** As `ipvsadm -Sn` says it. */
function linesOf({ address, scheduler, persistence, servers }: ListedVirtualServer): readonly string[] {
  const sticky = persistence === undefined ? "" : ` -p ${persistence}`;
  return [
    `-A -t ${address} -s ${scheduler}${sticky}`,
    ...servers.map((one) => `-a -t ${address} -r ${one.address} -m -w ${one.drained ? 0 : one.weight}`),
  ];
}

/** The same, of the kernel's own text: `TCP  0A600001:0050 rr persistent 60 FFFFFFFF`, and `  -> 0A000005:1F91  Masq    1  0  0`. */
function linesIn(text: string): readonly string[] {
  let virtualServer = "";
  // In ticks, of which each kernel has its own number in a second: 10.97.0.1 has a minute.
  const minute = Number(/0A610001:0050 rr\s+persistent (\d+)/.exec(text)?.[1]);
  const lines = text.trimEnd().split("\n").slice(3);
  return lines
    .map((line) => {
      const [first, address = "", third, weight] = line.trim().split(/\s+/);
      if (first === "->") return `-a -t ${virtualServer} -r ${plainAddress(address)} -m -w ${weight}`;
      virtualServer = plainAddress(address);
      const [, timeout] = /persistent (\d+)/.exec(line) ?? [];
      return `-A -t ${virtualServer} -s ${third}${timeout === undefined ? "" : ` -p ${(Number(timeout) * 60) / minute}`}`;
    })
    .toSorted();
}

/** Of `0A600001:0050`. */
function plainAddress(text: string): string {
  const [address = "", port = ""] = text.split(":");
  return `${[...Uint8Array.fromHex(address)].join(".")}:${Number.parseInt(port, 16)}`;
}

function savedLines(text: string): readonly string[] {
  return text
    .trim()
    .split("\n")
    .map((line) => line.trim())
    .toSorted();
}

/** How many connections each virtual server has had since it was made. */
async function connectionTotals(): Promise<ReadonlyMap<string, number>> {
  const text = await host.exec("ipvsadm", "-Ln", "--stats", "--exact");
  return new Map(
    [...text.matchAll(/^TCP +(\S+) +(\d+) /gm)].map(([, address = "", total]) => [address, Number(total)]),
  );
}

/** Of those that never change: how often their tables were written. */
async function applies(care: CareProcess): Promise<Readonly<Record<string, number | undefined>>> {
  // A daemon that is too busy to answer in time is asked again.
  const { virtualServers } = await waitFor(
    async () => JSON.parse(await care.status("-o", "json")) as StatusReport,
    ({ source, notes }) => source === "daemons" && notes.length === 0,
    PATIENCE,
  );
  const names = new Set(UNCHANGED.map(({ name }) => name));
  return Object.fromEntries(
    virtualServers.flatMap(({ name = "", daemon }) => (names.has(name) ? [[name, daemon?.applies]] : [])),
  );
}

/** What is marked to be masqueraded, and by which bit; nothing where no packet gets to the rules. */
async function masqueraded(): Promise<readonly string[]> {
  const isNftables = hasNftables();
  const program = isNftables ? "nft list table inet lvscare" : "iptables-legacy -t nat -S";
  const { stdout: rules } = await host.run(program.split(" "));
  const [marking, hooks] = isNftables
    ? [
        /mark set .*comment "tcp (10\.\S+) bit (\d+)"/g,
        ["prerouting", "output", "postrouting"].map((one) => `hook ${one}`),
      ]
    : [
        /tcp (10\.\S+) bit (\d+)" -j MARK/g,
        ["PREROUTING", "OUTPUT", "POSTROUTING"].map((one) => `-A ${one} -j LVSCARE-`),
      ];
  if (!hooks.every((hook) => rules.includes(hook))) return [];
  return [...new Set([...rules.matchAll(marking)].map(([, address, bit]) => `mark ${address} ${bit}`))];
}

/** The virtual addresses that have a route of ours, and those that the dummy link of ours has. */
async function reach(): Promise<unknown> {
  const routes = await host.exec("ip", "route", "show", "table", "all", "proto", "76");
  const { stdout: link } = await host.run(["ip", "address", "show", "lvscare"]);
  return {
    route: [...routes.matchAll(/10\.9[67]\.\d+\.\d+/g)].map(([address]) => address).toSorted(),
    link: [...link.matchAll(/10\.9[67]\.\d+\.\d+(?=\/)/g)].map(([address]) => address).toSorted(),
  };
}

function reachOf(standing: readonly ListedVirtualServer[]): unknown {
  const inMode = (mode: ListedVirtualServer["mode"]): string[] =>
    standing.flatMap((one) => (one.mode === mode ? [one.address.replace(":80", "")] : [])).toSorted();
  return { route: inMode("route"), link: inMode("link") };
}
