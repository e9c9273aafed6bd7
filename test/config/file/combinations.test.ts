import { describe, expect, test } from "bun:test";
import Ajv from "ajv/dist/2020.js";
import type { CombinationOptions, HealthCheckOptions } from "../../../src/config/combination.ts";
import { configSchema } from "../../../src/config/file/schema.ts";
import { describeChecksChange } from "../../../src/config/describe-checks-change.ts";
import { fileWith, linesOf, read } from "./problems-in.ts";

const WEB = "probes: {web: {type: http, scheme: http, fall: 3}}\n";
const SERVERS = "real-servers: [10.0.0.2:80]";

async function checksOf(keys: string, top = WEB): Promise<HealthCheckOptions> {
  const { reading, lines } = await read(fileWith(keys, top));
  expect(lines).toEqual([]);
  const probe = reading.config?.virtualServers[0]?.probe;
  if (probe === undefined) throw new Error("no probe");
  return probe;
}

async function combinationOf(keys: string, top = WEB): Promise<CombinationOptions> {
  const checks = await checksOf(keys, top);
  if (checks.type !== "combination") throw new Error(`it is of type ${checks.type}`);
  return checks;
}

describe("what a file says of several probes", () => {
  test("all of them, or any, or as many as it says", async () => {
    const members = "[web, {type: tcp}, {type: tcp, port: 81, name: other}, {type: tcp, port: 82}]";
    const all = await combinationOf(`probes: {all: ${members}}, ${SERVERS}`);
    expect(all.atLeast).toBe(4);
    expect(all.members.map(({ name, probe }) => [name, probe.type])).toEqual([
      ["web", "http"],
      ["tcp", "tcp"],
      ["other", "tcp"],
      ["tcp-2", "tcp"],
    ]);
    expect((await combinationOf(`probes: {any: ${members}}, ${SERVERS}`)).atLeast).toBe(1);
    expect((await combinationOf(`probes: {at-least: 2, of: ${members}}, ${SERVERS}`)).atLeast).toBe(2);
  });

  test("each at its own pace, else at that of the virtual server", async () => {
    const { members } = await combinationOf(
      `fall: 2, rise: 4, interval: 3s, interval-down: 9s, probes: {all: [web, {type: tcp, interval: 1s, rise: 1, timeout: 500ms}]}, ${SERVERS}`,
    );
    expect(members.map(({ pace }) => pace)).toEqual([
      { fall: 3, rise: 4, intervalMs: 3000, fastIntervalMs: 3000, downIntervalMs: 9000 },
      { fall: 2, rise: 1, intervalMs: 1000, fastIntervalMs: 1000, downIntervalMs: 9000 },
    ]);
    // A time for connecting is never longer than the interval, here that of the probe itself.
    expect(members[1]?.probe).toMatchObject({ timeoutMs: 500, connectTimeoutMs: 500 });
  });

  test("a single probe counts and comes as it says itself", async () => {
    const { reading, lines } = await read(
      fileWith(`fall: 2, probe: {type: tcp, fall: 5, interval: 2s, timeout: 1s}, ${SERVERS}`),
    );
    expect(lines).toEqual([]);
    expect(reading.config?.virtualServers[0]?.policy).toMatchObject({ fall: 5, intervalMs: 2000 });
  });

  test("those of the defaults, until a virtual server says otherwise", async () => {
    const defaults = `${WEB}defaults: {probes: {any: [web, {type: tcp}]}}\n`;
    expect((await combinationOf(SERVERS, defaults)).members).toHaveLength(2);
    expect((await checksOf(`probe: web, ${SERVERS}`, defaults)).type).toBe("http");
    expect((await checksOf(`probe: {type: tcp}, ${SERVERS}`, defaults)).type).toBe("tcp");
    const single = `${WEB}defaults: {probe: web}\n`;
    expect((await combinationOf(`probes: {all: [{type: tcp}]}, ${SERVERS}`, single)).atLeast).toBe(1);
    expect(await linesOf(fileWith(`probes: null, ${SERVERS}`, defaults))).toEqual([
      expect.stringContaining("needs a probe"),
    ]);
  });

  test("a real server may be checked otherwise than the others", async () => {
    const servers = `real-servers: [10.0.0.2:80, {address: 10.0.0.3:80, probe: web}, {address: 10.0.0.4:80, probe: {type: tcp}}, {address: 10.0.0.5:80, probes: {any: [web, {type: tls}]}}]`;
    const { reading, lines } = await read(fileWith(`probe: {type: http}, ${servers}`, WEB));
    expect(lines).toEqual([]);
    const own = reading.config?.virtualServers[0]?.realServerProbes ?? new Map<string, HealthCheckOptions>();
    expect([...own.keys()]).toEqual(["10.0.0.3:80", "10.0.0.4:80", "10.0.0.5:80"]);
    // It counts otherwise than the virtual server, and so for itself.
    expect(own.get("10.0.0.3:80")).toMatchObject({
      type: "combination",
      members: [{ name: "web", pace: { fall: 3 } }],
    });
    expect(own.get("10.0.0.4:80")).toMatchObject({ type: "tcp" });
    expect(own.get("10.0.0.5:80")).toMatchObject({ type: "combination", atLeast: 1 });
  });
});

const wrong: readonly (readonly [keys: string, told: string])[] = [
  ["probes: ^[web]", "probes: expected keys with values, got a list"],
  ["^probes: {}", "probes: needs all, any or at-least; such as {all: [...]}"],
  ["probes: {^al: [web]}", "probes.al: unknown key al; did you mean all?"],
  ["probes: {all: ^web}", 'probes.all: expected a list of probes, got "web"'],
  ["probes: {all: ^[]}", "probes.all: needs at least one probe"],
  ["probes: {all: [^7]}", "probes.all[0]: expected a probe or the name of one, got 7"],
  ["probes: {all: [^wob]}", "probes.all[0]: no probe has the name wob; there are web"],
  ["probes: {all: [web], ^any: [web]}", "probes.any: only one of all, any and at-least says how many have to pass"],
  ["probes: {^at-least: 1}", "probes.at-least: needs of, the list of probes"],
  ["probes: {^of: [web]}", "probes.of: needs at-least, the number of those that have to pass"],
  ["probes: {at-least: ^3, of: [web, {type: tcp}]}", "probes.at-least: 3 is more than the 2 probes"],
  ["probes: {at-least: ^0, of: [web]}", "probes.at-least: 0 is less than 1"],
  ["probes: {at-least: ^half, of: [web]}", 'probes.at-least: expected a whole number, got "half"'],
  [
    "probes: {all: [web, ^web]}",
    "probes.all[1]: web is already the name of one of these probes; give them names of their own",
  ],
  ["probes: {all: [{type: tcp, ^fal: 3}]}", "probes.all[0].fal: unknown key fal; did you mean fall?"],
  ["probes: {all: [{type: tcp, fall: ^0}]}", "probes.all[0].fall: 0 is less than 1"],
  [
    "interval-fast: 2s, probes: {all: [{type: tcp, interval: ^1s}]}",
    "probes.all[0].interval: it is longer than interval, which is for calmer times",
  ],
  ["probe: web, ^probes: {all: [web]}", "probes: goes not beside probe; put that one among the probes"],
  ["probes: {all: [{^fall: 3}]}", "probes.all[0]: needs a type; write type: http"],
];

test("an agent comes every two seconds, unless it says otherwise itself", async () => {
  const { members } = await combinationOf(
    `interval: 9s, interval-fast: 5s, interval-down: 60s, probes: {all: [web, {type: agent, port: 9777}, {type: agent, port: 9778, interval: 6s, stale-after: 1m}]}, ${SERVERS}`,
  );
  const intervals = members.map(({ pace }) => [pace.intervalMs, pace.fastIntervalMs, pace.downIntervalMs]);
  expect(intervals).toEqual([
    [9000, 5000, 60_000],
    [2000, 2000, 2000],
    [6000, 5000, 60_000],
  ]);
  expect(members.slice(1).map(({ probe }) => probe)).toMatchObject([
    { type: "agent", askedPort: 9777, staleAfterMs: 20_000, connectTimeoutMs: 2000 },
    { type: "agent", askedPort: 9778, staleAfterMs: 60_000, connectTimeoutMs: 3000 },
  ]);
});

describe("what is wrong with several probes is told with its place", () => {
  test.each(wrong)("%s", async (keys, told) => {
    const lines = await linesOf(fileWith(`${keys.replace("^", "")}, ${SERVERS}`, WEB));
    expect(lines.map((line) => line.replace(/^f\.yaml:\d+:\d+: error: virtual-servers\[0\]\./, ""))).toEqual([told]);
    const column = [..."- {address: 10.0.0.1:80, "].length + keys.indexOf("^") + 1;
    // Of what is missing, the place is where it should be.
    if (!told.includes("needs a type")) expect(lines[0]).toStartWith(`f.yaml:4:${column}: `);
  });

  test("more than sixteen", async () => {
    const many = Array.from({ length: 17 }, (_, port) => `{type: tcp, port: ${port + 1}}`).join(", ");
    expect(await linesOf(fileWith(`probes: {any: [${many}]}, ${SERVERS}`, WEB))).toEqual([
      expect.stringContaining("17 probes are more than 16"),
    ]);
  });
});

test("the schema allows what is read, and nothing else", () => {
  const isValid = new Ajv({ allowUnionTypes: true }).compile(configSchema());
  const file = (more: object, servers: readonly unknown[] = ["10.0.0.2:80"]): object => ({
    version: 1,
    "virtual-servers": [{ address: "10.0.0.1:80", "real-servers": servers, ...more }],
  });
  const tcp = { type: "tcp", name: "plain", fall: 3, interval: "1s", port: 81 };
  const agent = { type: "agent", port: 9777, send: "web\n", "stale-after": 30 };
  for (const probes of [{ all: ["web", tcp] }, { any: [agent] }, { "at-least": 1, of: [tcp, agent] }, null])
    expect(isValid(file({ probes }))).toBe(true);
  expect(isValid(file({ probe: "web" }, [{ address: "10.0.0.2:80", probes: { all: [tcp] } }]))).toBe(true);
  expect(isValid(file({ probe: "web" }, [{ address: "10.0.0.2:80", probe: agent }]))).toBe(true);
  for (const probes of [
    [],
    {},
    { all: [] },
    { all: "web" },
    { all: [{ fall: 1 }] },
    { of: [tcp] },
    { all: [tcp], any: [tcp] },
  ])
    expect(isValid(file({ probes }))).toBe(false);
  expect(isValid(file({ probes: { all: [{ ...agent, path: "/" }] } }))).toBe(false);
});

test("what changes is told by the keys of a file", async () => {
  const before = { probe: await combinationOf(`probes: {all: [web, {type: tcp}]}, ${SERVERS}`) };
  const changes = async (probes: string, top = WEB): Promise<readonly string[]> =>
    describeChecksChange(before, { probe: await checksOf(`${probes}, ${SERVERS}`, top) }, ["10.0.0.2:80"]);
  expect(await changes("probes: {all: [web, {type: tcp}]}")).toEqual([]);
  expect(await changes("probes: {any: [web, {type: tcp}]}")).toEqual(["probes: any of web, tcp"]);
  expect(await changes("probes: {all: [web, {type: tcp, port: 81, rise: 2}]}")).toEqual([
    "tcp.port: 81",
    "tcp.rise: 2",
  ]);
  expect(await changes("probe: web")).toEqual(["type: http"]);
  const own = new Map<string, HealthCheckOptions>([["10.0.0.2:80", await checksOf(`probe: {type: tls}, ${SERVERS}`)]]);
  const after = { ...before, realServerProbes: own };
  expect(describeChecksChange(before, after, ["10.0.0.2:80", "10.0.0.3:80"])).toEqual(["10.0.0.2:80 type: tls"]);
  // One that was not there before is no change.
  expect(describeChecksChange(before, after, ["10.0.0.3:80"])).toEqual([]);
});
