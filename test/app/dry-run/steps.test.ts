import { describe, expect, test } from "bun:test";
import { cleanSteps, dataPlaneSteps, goingSteps, reachSteps } from "../../../src/app/dry-run/steps.ts";
import type { KnownVirtualServer } from "../../../src/app/dry-run/members.ts";
import type { DryRunStep } from "../../../src/domain/dry-run.ts";
import { parseEndpoint } from "../../../src/domain/endpoint.ts";
import { LvscareError } from "../../../src/domain/errors.ts";
import { PLAIN_HEALTH_POLICY, type HealthPolicy } from "../../../src/domain/health-policy.ts";
import type { Hold } from "../../../src/domain/hold.ts";
import type { RealServerStatus, VirtualServerStatus } from "../../../src/domain/status.ts";
import {
  NO_TRAFFIC,
  realServer,
  virtualServer,
  type ObservedVirtualServer,
  type VirtualServer,
} from "../../../src/domain/virtual-server.ts";
import type { VirtualServerConfiguration } from "../../../src/domain/virtual-server-configuration.ts";

const service = virtualServer({ protocol: "tcp", endpoint: parseEndpoint("10.96.0.1:80") }, "rr");
const POLICY: HealthPolicy = { ...PLAIN_HEALTH_POLICY, drainTimeoutMs: 60_000 };
const [A, B, C] = ["10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"] as const;
const BY_ALICE: Hold = { since: "2026-11-25T10:00:00.000Z", drained: true, by: "alice" };
const GOOD = { passed: true, reason: "status 200", latencyMs: 1, at: "2026-11-25T10:00:00.000Z" } as const;
const BAD = { passed: false, reason: "status 404", latencyMs: 1, at: "2026-11-25T10:00:00.000Z" } as const;

describe("a start", () => {
  test.each<[string, Given, string[]]>([
    [
      "of a new virtual server: one good check each, whatever rise says",
      { configuration: configuration({ A: 1, B: 2 }, { policy: { ...POLICY, rise: 3, slowStartMs: 30_000 } }) },
      [
        "+ service | rr",
        `+ ${A} | weight 1 | enters with its first good check`,
        `+ ${B} | weight 2 | enters with its first good check`,
      ],
    ],
    [
      "with init-state up",
      { configuration: configuration({ A: 1 }, { initState: "up" }) },
      ["+ service | rr", `+ ${A} | weight 1 | enters at once, unchecked`],
    ],
    [
      "of one that stands: weights at once, newcomers after their checks",
      {
        configuration: configuration({ A: 3, B: 1 }, { policy: { ...POLICY, rise: 2, slowStartMs: 30_000 } }),
        observed: observed({ A: [1, 4] }),
      },
      [
        "= service | rr | stands",
        `~ ${A} | weight 1 → 3 | keeps connections`,
        `+ ${B} | weight 1 | enters after 2 good checks in a row, and climbs for 30s`,
      ],
    ],
    [
      "with another scheduler and persistence",
      {
        configuration: configuration(
          { A: 1 },
          {
            service: {
              ...service,
              scheduler: "wrr",
              flags: ["persistent"],
              persistenceTimeoutS: 300,
              persistencePrefix: 24,
            },
          },
        ),
        observed: observed({ A: [1, 0] }),
      },
      ["~ service | scheduler rr → wrr, not persistent → persistent 300s /24 | keeps connections"],
    ],
    [
      "with one drained in the table, which may have failed",
      { configuration: configuration({ A: 1, B: 1 }), observed: observed({ A: [0, 4], B: [1, 0] }) },
      ["= service | rr | stands", `~ ${A} | weight 0 → 1 | with its first good check`],
    ],
    [
      "with operators' and the file's drains",
      {
        configuration: configuration({ A: 1, B: 1, C: 1 }, { drained: new Set([B, C]) }),
        observed: observed({ A: [0, 4], B: [1, 1] }),
        holds: new Map([[A, BY_ALICE]]),
      },
      [
        "= service | rr | stands",
        `~ ${B} | weight 1 → 0 | drained by the configuration; 1 open connection goes on`,
        `+ ${C} | weight 0 | enters with its first good check, drained by the configuration`,
        `= ${A} | weight 0 | drained by alice`,
      ],
    ],
    [
      "with a drain of the whole cluster",
      {
        configuration: {
          ...configuration({ A: 1, B: 1 }, { drained: new Set([B]) }),
          clusterDrains: new Map([[B, { since: "2026-12-01T02:00:00.000Z", by: "alice" }]]),
        },
        observed: observed({ A: [1, 0], B: [1, 1] }),
      },
      ["= service | rr | stands", `~ ${B} | weight 1 → 0 | drained by the cluster: alice; 1 open connection goes on`],
    ],
    [
      "with an unlisted one: it is not given the time of drain-timeout",
      { configuration: configuration({ A: 1 }), observed: observed({ A: [1, 0], B: [2, 12], C: [0, 0] }) },
      [
        "= service | rr | stands",
        `~ ${B} | weight 2 → 0 | stands until a listed one is in service, then 12 open connections drain, 5s at most`,
        `- ${C} | weight 0 | not listed; goes when a listed one is in service`,
      ],
    ],
    [
      "with an unlisted one, and nobody who could take its clients",
      {
        configuration: configuration({ A: 1 }, { drained: new Set([A]) }),
        observed: observed({ A: [0, 0], B: [1, 12] }),
      },
      [
        "= service | rr | stands",
        `= ${A} | weight 0 | drained by the configuration`,
        `= ${B} | weight 1 | not listed; stands until a listed one is in service`,
      ],
    ],
    [
      "with one that others may keep",
      { configuration: configuration({ A: 1 }, { unlisted: "keep" }), observed: observed({ A: [1, 0], B: [2, 12] }) },
      ["= service | rr | stands"],
    ],
    [
      "beside another daemon, whose checks one fails: that is no change",
      {
        configuration: configuration({ A: 1, B: 1, C: 1 }),
        observed: observed({ A: [1, 0], B: [0, 2] }),
        running: told({
          A: good(),
          B: { state: "draining", lastVerdict: BAD },
          C: { state: "removed", lastVerdict: BAD },
        }),
      },
      [
        "= service | rr | stands",
        `= ${B} | weight 0 | its checks fail`,
        `= ${C} | not in the table | its checks fail; enters at weight 1 when they pass`,
      ],
    ],
  ])("%s", (_, known, expected) => {
    expect(lines(dataPlaneSteps({ ...START, ...known }))).toEqual(expected);
  });
});

test("setting up once: everybody at once, and who is not listed is drained and left there", () => {
  const known = { configuration: configuration({ A: 1, B: 1 }), observed: observed({ A: [0, 0], C: [1, 12] }) };
  expect(lines(dataPlaneSteps({ ...START, ...known, how: "once" }))).toEqual([
    "= service | rr | stands",
    `+ ${B} | weight 1 | enters at once, unchecked`,
    `~ ${A} | weight 0 → 1 | keeps connections`,
    `~ ${C} | weight 1 → 0 | not listed; 12 open connections go on; it stays like that`,
  ]);
});

describe("a reload", () => {
  test.each<[string, Given, string[]]>([
    [
      "of the same: nothing, whoever fails",
      {
        configuration: configuration({ A: 1, B: 1 }),
        observed: observed({ A: [1, 0] }),
        running: told({ A: good(), B: { state: "removed", lastVerdict: BAD } }),
      },
      ["= service | rr | stands", `= ${B} | not in the table | its checks fail; enters at weight 1 when they pass`],
    ],
    [
      "with another list: who was listed has until drain-timeout",
      {
        configuration: configuration({ A: 1, C: 1 }),
        observed: observed({ A: [1, 0], B: [1, 12] }),
        running: told({ A: good(), B: good() }),
      },
      [
        "= service | rr | stands",
        `~ ${B} | weight 1 → 0 | 12 open connections drain, 1m at most`,
        `+ ${C} | weight 1 | enters with its first good check`,
      ],
    ],
    [
      "with a wholly other list: those that serve stay until another one does",
      {
        configuration: configuration({ C: 1 }),
        observed: observed({ A: [1, 12] }),
        running: told({ A: good() }),
      },
      [
        "= service | rr | stands",
        `+ ${C} | weight 1 | enters with its first good check`,
        `~ ${A} | weight 1 → 0 | stands until a listed one is in service, then 12 open connections drain, 1m at most`,
      ],
    ],
    [
      "while one still leaves, and one climbs",
      {
        configuration: configuration({ A: 10 }),
        observed: observed({ A: [4, 0], B: [0, 3] }),
        running: told({ A: { state: "recovering", lastVerdict: GOOD, weight: 4 }, B: { state: "leaving" } }),
      },
      ["= service | rr | stands", `= ${B} | weight 0 | not listed; 3 open connections drain, 1m at most`],
    ],
    [
      "during a last resort keeps who is kept in service",
      {
        configuration: configuration({ A: 1, B: 1 }),
        observed: observed({ A: [1, 5] }),
        running: {
          ...told({ A: { state: "removed", lastVerdict: BAD, weight: 1 }, B: { state: "removed", lastVerdict: BAD } }),
          lastResort: { since: GOOD.at, total: 2, held: [A] },
        },
      },
      [
        "= service | rr | stands",
        `= ${A} | weight 1 | its checks fail; enters at weight 1 when they pass`,
        `= ${B} | not in the table | its checks fail; enters at weight 1 when they pass`,
      ],
    ],
    [
      "takes persistence away that the file no longer has",
      {
        configuration: configuration({ A: 1 }),
        observed: observed({ A: [1, 5] }, { ...service, flags: ["persistent"], persistenceTimeoutS: 300 }),
        running: told({ A: good() }),
      },
      ["~ service | persistent 300s → not persistent | keeps connections"],
    ],
    [
      "with agents that want no clients",
      {
        configuration: configuration({ A: 1, B: 1, C: 1 }),
        observed: observed({ A: [1, 0], B: [0, 3] }),
        running: told({
          A: good(),
          B: { state: "drained", lastVerdict: GOOD, asked: { hold: "drain" } },
          C: { state: "removed", lastVerdict: { ...BAD, decided: true } },
        }),
      },
      [
        "= service | rr | stands",
        `= ${B} | weight 0 | drained by its agent`,
        `= ${C} | not in the table | its agent takes it out`,
      ],
    ],
  ])("%s", (_, known, expected) => {
    expect(lines(dataPlaneSteps({ ...START, ...known, how: "reload" }))).toEqual(expected);
  });
});

test("a virtual server that goes: its servers drain, then it goes", () => {
  expect(lines(goingSteps(observed({ A: [1, 12], B: [0, 1], C: [1, 0] })))).toEqual([
    `~ ${A} | weight 1 → 0 | 12 open connections drain`,
    `- ${B} | weight 0 | 1 open connection drains`,
    `~ ${C} | weight 1 → 0 | no open connections`,
    "- service | rr | when its real servers are gone",
  ]);
  expect(goingSteps(undefined)).toEqual([]);
});

test("cleaning up takes all of it away, with what is behind it", () => {
  expect(lines(cleanSteps(observed({ A: [1, 12], B: [0, 1] })))).toEqual([
    "- service | rr | with 2 real servers and 13 open connections",
  ]);
  expect(cleanSteps(undefined)).toEqual([]);
});

test("objects of the host stand, are made, are changed, or stay as they are", () => {
  const obstacle = new LvscareError("IN_THE_WAY", "it was made by others", { remedy: "remove it" });
  expect(
    lines(
      reachSteps([
        { name: "sysctl a=1", deviation: undefined },
        { name: "sysctl b=1", deviation: "is 0" },
        { name: "route r", deviation: "missing" },
        { name: "route s", deviation: "missing", obstacle },
      ]),
    ),
  ).toEqual([
    "= sysctl a=1 | stands",
    "~ sysctl b=1 | is 0",
    "+ route r",
    "! route s | stays as it is: it was made by others (remove it)",
  ]);
});

// --- internal ---

type Given = Pick<KnownVirtualServer, "configuration"> & Partial<KnownVirtualServer>;
type Letter = "A" | "B" | "C";

const NAMES: Readonly<Record<Letter, string>> = { A, B, C };
const START: Omit<KnownVirtualServer, "configuration"> = { observed: undefined, holds: new Map(), how: "start" };

function named<T>(by: Partial<Record<Letter, T>>): [string, T][] {
  return (Object.entries(by) as [Letter, T][]).map(([letter, value]) => [NAMES[letter], value]);
}

function configuration(
  weights: Partial<Record<Letter, number>>,
  more: Partial<VirtualServerConfiguration> = {},
): VirtualServerConfiguration {
  const realServers = named(weights).map(([name, weight]) => realServer(parseEndpoint(name), weight));
  return { service, realServers, policy: POLICY, initState: "down", unlisted: "remove", drained: new Set(), ...more };
}

/** Weights and open connections. */
function observed(
  servers: Partial<Record<Letter, readonly [number, number]>>,
  standing: VirtualServer = service,
): ObservedVirtualServer {
  return {
    service: standing,
    stats: NO_TRAFFIC,
    realServers: named(servers).map(([name, [weight, activeConnections]]) => ({
      server: realServer(parseEndpoint(name), weight),
      activeConnections,
      inactiveConnections: 0,
    })),
  };
}

type Told = Pick<RealServerStatus, "state" | "lastVerdict" | "weight" | "asked">;

function good(): Told {
  return { state: "healthy", lastVerdict: GOOD, weight: 1 };
}

function told(servers: Partial<Record<Letter, Told>>): VirtualServerStatus {
  return {
    address: "10.96.0.1:80",
    protocol: "tcp",
    scheduler: "rr",
    dataPlane: { kind: "ipvs", via: "libnl" },
    stats: NO_TRAFFIC,
    realServers: named(servers).map(([address, one]) => ({
      address,
      ...one,
      ...(one.state !== "leaving" &&
        one.state !== "unlisted" &&
        one.state !== "drained" &&
        one.state !== "unknown" && { health: one.state }),
      activeConnections: 0,
      inactiveConnections: 0,
    })),
  };
}

function lines(steps: readonly DryRunStep[]): string[] {
  return steps.map(({ sign, subject, change, remark }) =>
    [`${sign} ${subject}`, change, remark].filter((part) => part !== undefined).join(" | "),
  );
}
