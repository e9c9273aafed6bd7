import { afterEach, expect, setDefaultTimeout, test } from "bun:test";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { runtimeDirectory } from "../../src/control/runtime-directory.ts";
import { formatEndpoint, parseEndpoint } from "../../src/domain/endpoint.ts";
import {
  createLvscare,
  UsageError,
  type Lvscare,
  type LvscareConfig,
  type LvscareEvent,
  type RealServerConfig,
  type VirtualServerConfig,
} from "../../src/index.ts";
import { ALIVE } from "../cli/care-program.ts";
import { connectTo, type Peer } from "../dataplane/userspace/tcp-peers.ts";
import { waitForEqual } from "../kernel/support/wait-for.ts";
import { answering, deserted, type RawServer } from "../probe/http/support/raw-server.ts";

setDefaultTimeout(120_000);

const [WEB, API] = ["127.77.21.1:18110", "127.77.21.2:18110"] as const;

const running: Lvscare[] = [];
const servers: RawServer[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((lvscare) => lvscare.stop()));
  for (const server of servers.splice(0)) server[Symbol.dispose]();
});

test("tells everything that is wrong with a configuration at once, with its path", () => {
  const wrong = {
    logger: "DEBG",
    defaults: { probe: { type: "http", connectTimout: "1s" } },
    virtualServers: [
      { address: WEB, realServers: ["10.0.0.2:80"], scheduler: "leastconn", "interval-fast": 1 },
      { address: WEB, realServers: [{ address: "10.0.0.2:80", weight: 70_000 }, "10.0.0.2:80"], strictArp: 1 },
      { address: API, realServers: [], persistence: { prefixIpv6: 64 }, healthPath: "/" },
    ],
  };
  // @ts-expect-error and the compiler tells, too
  expect(problemsOf(() => createLvscare(wrong))).toEqual([
    "logger: unknown key logger; a logger is given beside the configuration",
    'virtualServers[0].intervalFast: unknown key "interval-fast"; did you mean intervalFast?',
    "defaults.probe.connectTimout: unknown key connectTimout; did you mean connectTimeout?",
    "virtualServers[0].scheduler: leastconn is none of rr, wrr, lc, wlc, lblc, lblcr, dh, sh, sed, nq, fo, ovf, mh, twos",
    "virtualServers[1].strictArp: expected true or false, got 1",
    `virtualServers[1].address: tcp ${WEB} is already a virtual server at virtualServers[0].address`,
    "virtualServers[1].realServers[0].weight: 70000 is more than 65535",
    "virtualServers[1].realServers[1]: 10.0.0.2:80 is listed twice, first at virtualServers[1].realServers[0].address",
    "virtualServers[2].healthPath: unknown key healthPath; did you mean probe.path?",
    "virtualServers[2].realServers: needs at least one real server",
    "virtualServers[2].persistence: needs a timeout",
  ]);
});

test("takes names as they are, and nothing that is no configuration", () => {
  const probes = { "real-servers": { type: "http", headers: { "X-Real-Servers": "a" } } } as const;
  const config = { probes, virtualServers: [{ address: WEB, probe: "real-servers", realServers: [API] }] };
  expect(problemsOf(() => createLvscare(config))).toEqual([]);
  expect(problemsOf(() => createLvscare({ ...config, probes: { "keep-foreign": { type: "http" } } }))).toEqual([
    "virtualServers[0].probe: no probe has the name real-servers; there are keep-foreign",
  ]);
  const round: Record<string, unknown> = {};
  round["virtualServers"] = [round];
  for (const [value, problem] of [
    [undefined, "expected a configuration, got undefined"],
    [null, "expected a configuration, got null"],
    ["a", 'expected keys with values, got "a"'],
    [[], "expected keys with values, got an empty list"],
    [{}, "needs virtualServers"],
    [round, expect.stringMatching(/^virtualServers\[0\]\.virtualServers.*: it is nested more than 16 deep$/)],
  ] as const)
    expect(problemsOf(() => createLvscare(value as unknown as LvscareConfig))[0]).toEqual(problem);
});

test("cares for two virtual servers, and goes on with another configuration without a word to the one that is the same", async () => {
  const [one, two, three] = [reals(), reals(), reals()];
  const web = virtualServer("web", WEB, [one]);
  const lvscare = await started([web, virtualServer("api", API, [one, two], { scheduler: "wrr" })]);
  await weightsBecome(lvscare, { web: { [one]: 1 }, api: { [one]: 1, [two]: 1 } });
  const client = await asking(WEB);
  const before = await roundsOf(lvscare, "web");

  // Removed ones are drained, and go; added ones prove themselves.
  const report = await lvscare.update({
    virtualServers: [web, virtualServer("api", API, [{ address: one, weight: 5 }, three], { scheduler: "wrr" })],
  });
  expect(report).toMatchObject({
    outcome: "applied",
    changes: [`~ tcp ${API} (api): ${three} added, ${two} removed, weight of ${one} 1 → 5`],
    problems: [],
  });
  await weightsBecome(lvscare, { web: { [one]: 1 }, api: { [one]: 5, [three]: 1 } });
  await again(client);
  expect(await roundsOf(lvscare, "web")).toBe(before);

  // The same again is nothing.
  expect(
    await lvscare.update({
      virtualServers: [web, virtualServer("api", API, [three, { address: one, weight: 5 }], { scheduler: "wrr" })],
    }),
  ).toMatchObject({ outcome: "unchanged", changes: [] });

  // One goes and another comes.
  const third = "127.77.21.3:18110";
  const replaced = await lvscare.update({ virtualServers: [web, virtualServer("third", third, [two])] });
  expect(replaced.changes).toEqual([
    `+ tcp ${third} (third): 1 real server`,
    `- tcp ${API} (api): its real servers drain, then it goes`,
  ]);
  await weightsBecome(lvscare, { web: { [one]: 1 }, third: { [two]: 1 } });
  expect(await fetch(`http://${API}/`).catch(() => "refused")).toBe("refused");
  await again(client);
  expect(await roundsOf(lvscare, "web")).toBe(before);
});

test("changes nothing by a configuration that it refuses, for what is wrong in it or on this host", async () => {
  const [one, two] = [reals(), reals()];
  const [web, api] = [virtualServer("web", WEB, [one]), virtualServer("api", API, [one])];
  const lvscare = await started([web, api]);
  await weightsBecome(lvscare, { web: { [one]: 1 }, api: { [one]: 1 } });
  using taken = Bun.listen({ hostname: "127.77.21.5", port: 0, socket: { data: () => undefined } });
  const other = await started([virtualServer("other", "127.77.21.4:18110", [one])]);
  const client = await asking(WEB);
  const better = virtualServer("web", WEB, [one, two]);

  const refused: readonly (readonly [readonly VirtualServerConfig[], object])[] = [
    [[better, { ...api, fall: 0 }], { code: "USAGE", message: "virtualServers[1].fall: 0 is less than 1" }],
    [
      [better, { ...api, probe: { type: "http", tls: { caFile: "/no/such/ca-file.pem" } } }],
      { code: "USAGE", message: "virtualServers[1].probe.tls.caFile: /no/such/ca-file.pem: no such file" },
    ],
    [[better, { ...api, address: "127.77.21.4:18110" }], { code: "ALREADY_RUNNING" }],
    [[better, { ...api, dataPlane: "ipvs" }], { code: "NOT_SUPPORTED" }],
  ];
  for (const [virtualServers, error] of refused)
    await expect(lvscare.update({ virtualServers })).rejects.toMatchObject(error);
  const httpListen = `127.77.21.5:${taken.port}`;
  await expect(lvscare.update({ httpListen, virtualServers: [better] })).rejects.toMatchObject({
    code: "ADDRESS_IN_USE",
  });
  expect(await lvscare.update({ virtualServers: [web, api] })).toMatchObject({ outcome: "unchanged" });
  expect(await weightsOf(lvscare)).toEqual({ web: { [one]: 1 }, api: { [one]: 1 } });
  await again(client);

  // What it could not have then it can have now.
  await other.stop();
  const { changes } = await lvscare.update({ virtualServers: [better, { ...api, address: "127.77.21.4:18110" }] });
  expect(changes).toHaveLength(3);
});

test("carries out one update at a time, and the latest of those that wait", async () => {
  const servers = [reals(), reals(), reals(), reals()] as const;
  const lvscare = await started([virtualServer("web", WEB, [servers[0]])]);
  const ask = (...to: readonly string[]) => lvscare.update({ virtualServers: [virtualServer("web", WEB, to)] });
  const wrong = lvscare.update({ virtualServers: [] }).catch(({ message }: Error) => message);
  const [first, second, third] = await Promise.all([
    ask(servers[0], servers[1]),
    ask(servers[0], servers[2]),
    ask(servers[0], servers[3]),
  ]);
  expect(await wrong).toBe("virtualServers: needs at least one virtual server");
  expect(first.changes).toEqual([`~ tcp ${WEB} (web): ${servers[1]} added`]);
  expect(third.changes).toEqual([`~ tcp ${WEB} (web): ${servers[3]} added, ${servers[1]} removed`]);
  expect(second).toBe(third);
});

test("holds and checks real servers by address or name, and tells which there are", async () => {
  const [one, two, three] = [reals(), reals(), formatEndpoint(deserted())];
  const named: readonly RealServerConfig[] = [
    { address: one, name: "node-1" },
    { address: three, name: "node-3" },
  ];
  const lvscare = await started([
    virtualServer("web", WEB, [...named, two], { scheduler: "wrr" }),
    virtualServer("api", API, [{ address: one, name: "node-1" }]),
  ]);
  await weightsBecome(lvscare, { web: { [one]: 1, [two]: 1 }, api: { [one]: 1 } });

  expect(await lvscare.drain("node-1", { virtualServer: "web", by: "alice" })).toMatchObject({
    virtualServer: WEB,
    virtualServerName: "web",
    realServer: { address: one, name: "node-1", weight: 0, hold: { drained: true, by: "alice" } },
  });
  expect(await weightsOf(lvscare)).toEqual({ web: { [one]: 0, [two]: 1 }, api: { [one]: 1 } });
  // An update leaves it held.
  await lvscare.update({
    virtualServers: [
      virtualServer("web", WEB, [{ address: one, name: "node-1" }, two], { scheduler: "wrr" }),
      virtualServer("api", API, [{ address: one, name: "node-1" }]),
    ],
  });
  expect(await weightsOf(lvscare)).toEqual({ web: { [one]: 0, [two]: 1 }, api: { [one]: 1 } });
  await lvscare.undrain("node-1", { virtualServer: WEB });
  await lvscare.weight(two, 7);
  await weightsBecome(lvscare, { web: { [one]: 1, [two]: 7 }, api: { [one]: 1 } });
  await lvscare.weight(two, undefined);
  await weightsBecome(lvscare, { web: { [one]: 1, [two]: 1 }, api: { [one]: 1 } });

  expect(await lvscare.check(two)).toMatchObject({ virtualServer: WEB, realServer: two, verdict: { passed: true } });
  expect((await lvscare.status("web")).map(({ address }) => address)).toEqual([WEB]);

  const refusals: readonly (readonly [() => Promise<unknown>, object])[] = [
    [
      () => lvscare.drain("node-1"),
      {
        code: "USAGE",
        message: `node-1 stands behind web (${WEB}) and api (${API})`,
        remedy: "name the virtual server, too",
      },
    ],
    [
      () => lvscare.check("node-9", { virtualServer: "api" }),
      {
        code: "NOT_LISTED",
        message: "no real server node-9 is cared for",
        remedy: `there are node-1 (${one}) (of api (${API}))`,
      },
    ],
    [
      () => lvscare.status("nobody"),
      {
        code: "NOT_LISTED",
        message: "no virtual server nobody is cared for",
        remedy: `there are web (${WEB}), api (${API})`,
      },
    ],
    [() => lvscare.weight(two, 0), { code: "USAGE" }],
    [() => lvscare.drain(two, { by: "a\nb" }), { code: "USAGE" }],
  ];
  for (const [ask, error] of refusals) await expect(ask()).rejects.toMatchObject(error);
  expect(() => lvscare.events({ virtualServer: "nobody" })).toThrow("no virtual server nobody is cared for");
});

test("tells what is remembered and what happens, until the consumer leaves or it is stopped", async () => {
  const [one, two] = [reals(), reals()];
  const lvscare = await started([virtualServer("web", WEB, [one]), virtualServer(undefined, API, [two])]);
  await weightsBecome(lvscare, { web: { [one]: 1 }, [API]: { [two]: 1 } });

  const past: LvscareEvent[] = [];
  for await (const event of lvscare.events()) {
    past.push(event);
    if (past.filter(({ to }) => to === "healthy").length === 2) break;
  }
  const told = past.filter(({ type }) => type === "virtualServer.adopted");
  expect(told).toEqual([
    expect.objectContaining({ virtualServer: WEB, virtualServerName: "web" }),
    expect.objectContaining({ virtualServer: API }),
  ]);
  expect(told[1]).not.toHaveProperty("virtualServerName");
  expect(past.map(({ id }) => id)).toEqual(past.map((_, index) => index + 1));

  // From there on, of one of them alone, as it happens; also while it leaves.
  const after = past.at(-1)?.id ?? 0;
  const rest = Array.fromAsync(lvscare.events({ after, virtualServer: API }));
  const all = lvscare.events({ after })[Symbol.asyncIterator]();
  const next = all.next();
  const heard: (string | undefined)[] = [];
  const twice = Promise.withResolvers<void>();
  const silence = lvscare.onEvent(({ type }, which) => {
    if (type === "realServer.held" && heard.push(which?.name) === 2) twice.resolve();
  });
  await lvscare.drain(one);
  await lvscare.undrain(one);
  await twice.promise;
  silence();
  await lvscare.weight(one, 2);
  await lvscare.weight(one, undefined);
  const until = async (type: string): Promise<LvscareEvent> => {
    for (let result = await next; ; result = await all.next())
      if (result.done === true || result.value.type === type) return result.value as LvscareEvent;
  };
  expect(await until("realServer.held")).toMatchObject({ server: one, virtualServer: WEB, virtualServerName: "web" });
  expect(heard).toEqual(["web", "web"]);
  await lvscare.update({ virtualServers: [virtualServer("web", WEB, [one])] });
  await weightsBecome(lvscare, { web: { [one]: 1 } });
  const pending = (async () => {
    for (;;) if ((await all.next()).done === true) return "over";
  })();
  await lvscare.stop();
  expect(await pending).toBe("over");
  const ofApi = await rest;
  expect(new Set(ofApi.map((event) => event.virtualServer))).toEqual(new Set([API]));
  expect(ofApi.map(({ type }) => type)).toContain("virtualServer.withdrawn");
  expect(ofApi.at(-1)).toMatchObject({
    type: "plan.applied",
    plan: [expect.stringContaining("delete virtual server")],
  });
  expect(() => lvscare.events()).toThrow(expect.objectContaining({ code: "NOT_RUNNING" }));
});

test("ends with its scope, and then another one may care for the same", async () => {
  const one = reals();
  const config = { virtualServers: [virtualServer("web", WEB, [one])] };
  const signals = ["SIGTERM", "SIGINT", "SIGHUP"].map((signal) => process.listenerCount(signal));
  let inside: Lvscare;
  {
    await using lvscare = createLvscare(config);
    inside = lvscare;
    await expect(lvscare.status()).rejects.toMatchObject({ code: "NOT_RUNNING" });
    await lvscare.start();
    await weightsBecome(lvscare, { web: { [one]: 1 } });
    expect((await fetch(`http://${WEB}/`)).status).toBe(200);
    await expect(createLvscare(config).start()).rejects.toMatchObject({ code: "ALREADY_RUNNING" });
    await expect(lvscare.start()).rejects.toMatchObject({ code: "ALREADY_RUNNING" });
    expect(["SIGTERM", "SIGINT", "SIGHUP"].map((signal) => process.listenerCount(signal))).toEqual(signals);
    const names = await readdir(runtimeDirectory(process.env, process.getuid?.() ?? 0));
    expect(names.filter((name) => name.includes(WEB) && name.endsWith(".sock"))).toEqual([]);
  }
  await inside.ended;
  expect(await fetch(`http://${WEB}/`).catch(() => "refused")).toBe("refused");
  await expect(inside.update(config)).rejects.toMatchObject({ code: "NOT_RUNNING" });
  await expect(inside.drain(one)).rejects.toMatchObject({ code: "NOT_RUNNING" });
  await using another = createLvscare(config);
  await another.start();
});

test("leaves nothing behind when it is stopped in the middle of an update, or before it has begun", async () => {
  const one = reals();
  const lvscare = await started([virtualServer("web", WEB, [one])]);
  const update = lvscare
    .update({ httpListen: "127.77.21.6:18111", virtualServers: [virtualServer("api", API, [one])] })
    .catch(({ code }: { code: string }) => code);
  await lvscare.stop();
  expect(await update).toBe("NOT_RUNNING");
  expect(await fetch("http://127.77.21.6:18111/").catch(() => "refused")).toBe("refused");
  // Nothing of it is claimed.
  const next = await started([virtualServer("api", API, [one]), virtualServer("web", WEB, [one])]);
  await next.stop();

  const early = createLvscare({ virtualServers: [virtualServer("web", WEB, [one])] });
  const start = early.start().catch(({ code }: { code: string }) => code);
  await early.stop();
  expect(await start).toBe("NOT_RUNNING");
});

test("runs its example", async () => {
  const example = join(import.meta.dir, "../../examples/embed.ts");
  const child = Bun.spawn([process.execPath, example, "127.77.21.7:18110"], { stdout: "pipe", stderr: "pipe" });
  const [stdout, stderr] = [await child.stdout.text(), await child.stderr.text()];
  expect([await child.exited, stderr]).toEqual([0, ""]);
  expect(stdout.replaceAll(/127\.0\.0\.1:\d+/g, "…").split("\n")).toEqual([
    "real server … recovering → healthy: status 200",
    "answered by one",
    "~ tcp 127.77.21.7:18110 (web): … added",
    "real server … recovering → healthy: status 200",
    "answered by two",
    "status 200",
    "",
  ]);
  // What it drained is else held in another run, too, where a server is given the same port.
  const runtime = runtimeDirectory(process.env, process.getuid?.() ?? 0);
  const names = await readdir(runtime);
  const held = names.filter((name) => name.includes("127.77.21.7:18110") && name.endsWith(".holds.json"));
  for (const name of held) await rm(join(runtime, name));
});

// --- internal ---

function reals(): string {
  const server = answering(ALIVE);
  servers.push(server);
  return formatEndpoint(server.endpoint);
}

function virtualServer(
  name: string | undefined,
  address: string,
  realServers: NonNullable<VirtualServerConfig["realServers"]>,
  more: Partial<VirtualServerConfig> = {},
): VirtualServerConfig {
  return {
    ...(name !== undefined && { name }),
    address,
    realServers,
    dataPlane: "userspace",
    probe: { type: "http", scheme: "http" },
    interval: "100ms",
    drain: "connections",
    checkWay: false,
    ...more,
  };
}

async function started(virtualServers: readonly VirtualServerConfig[]): Promise<Lvscare> {
  const lvscare = createLvscare({ virtualServers });
  running.push(lvscare);
  await lvscare.start();
  return lvscare;
}

function problemsOf(create: () => unknown): readonly string[] {
  try {
    create();
    return [];
  } catch (error) {
    if (error instanceof UsageError && error.code === "USAGE") return error.problems;
    throw error;
  }
}

type Weights = Record<string, Record<string, number>>;

/** Of those in the data plane, by the names of their virtual servers. */
async function weightsOf(lvscare: Lvscare): Promise<Weights> {
  const all = await lvscare.status();
  return Object.fromEntries(
    all.map(({ name, address, realServers }) => [
      name ?? address,
      Object.fromEntries(realServers.flatMap((one) => (one.weight === undefined ? [] : [[one.address, one.weight]]))),
    ]),
  );
}

async function weightsBecome(lvscare: Lvscare, expected: Weights): Promise<void> {
  await waitForEqual(() => weightsOf(lvscare), expected);
}

async function roundsOf(lvscare: Lvscare, name: string): Promise<number | undefined> {
  const [status] = await lvscare.status(name);
  return status?.daemon?.applies;
}

/** A client that has got an answer. */
async function asking(virtualServerAddress: string): Promise<Peer> {
  return again(await connectTo(parseEndpoint(virtualServerAddress)));
}

/** It gets another one over the same connection. */
async function again(client: Peer): Promise<Peer> {
  const { received } = client;
  return client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").until((peer) => peer.received >= received + ALIVE.length);
}
