import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { formatEndpoint, parseEndpoint } from "../../src/domain/endpoint.ts";
import {
  afterOperations,
  asKnown,
  compare,
  describeOperation,
  plan,
  recognized,
  sameEntries,
  type DesiredVirtualServer,
  type Operation,
} from "../../src/domain/plan.ts";
import {
  NO_TRAFFIC,
  realServer,
  virtualServer,
  type ObservedVirtualServer,
  type RealServer,
} from "../../src/domain/virtual-server.ts";

const service = virtualServer({ protocol: "tcp", endpoint: parseEndpoint("10.96.0.1:443") }, "rr");
const address = fc.integer({ min: 1, max: 8 }).map((n) => `10.0.0.${n}:443`);
const servers = fc
  .dictionary(address, fc.integer({ min: 0, max: 3 }))
  .map((weights) => Object.entries(weights).map(([key, weight]) => realServer(parseEndpoint(key), weight)));
const foreign = fc.constantFrom("remove" as const, "keep" as const);

describe("plan", () => {
  test("creates the service before its servers, and deletes it as a whole", () => {
    const desired = want([realServer(parseEndpoint("10.0.0.1:443"))]);
    expect(plan(desired, undefined).map(describeOperation)).toEqual([
      "create virtual server tcp 10.96.0.1:443 rr",
      "add real server 10.0.0.1:443 weight 1",
    ]);
    expect(plan(undefined, observe(desired.realServers)).map(describeOperation)).toEqual([
      "delete virtual server tcp 10.96.0.1:443",
    ]);
    expect(plan(undefined, undefined)).toEqual([]);
  });

  test("adds and raises before it lowers and removes", () => {
    const standing = [server("10.0.0.1:443", 1), server("10.0.0.2:443", 0), server("10.0.0.3:443", 0)];
    const desired = want([server("10.0.0.1:443", 0), server("10.0.0.2:443", 1), server("10.0.0.4:443", 1)]);
    expect(plan(desired, observe(standing)).map(describeOperation)).toEqual([
      "add real server 10.0.0.4:443 weight 1",
      "set real server 10.0.0.2:443 weight 0 → 1",
      "set real server 10.0.0.1:443 weight 1 → 0",
      "remove real server 10.0.0.3:443",
    ]);
  });

  test("holds those that leave at their weight while they stand, and never makes them", () => {
    const desired = { ...want([]), leaving: [server("10.0.0.1:443", 0), server("10.0.0.2:443", 3)] };
    expect(plan(desired, observe([server("10.0.0.1:443", 1)])).map(describeOperation)).toEqual([
      "set real server 10.0.0.1:443 weight 1 → 0",
    ]);
    expect(
      plan(desired, observe([server("10.0.0.2:443", 0), server("10.0.0.1:443", 0)])).map(describeOperation),
    ).toEqual(["set real server 10.0.0.2:443 weight 0 → 3"]);
  });

  test("holds our own that leave at weight 0 while they stand, though strangers are kept", () => {
    const leaver = server("10.0.0.1:443", 0);
    const desired = { ...want([]), leaving: [leaver], absent: [leaver.endpoint], foreign: "keep" } as const;
    const standing = (weight: number): string[] =>
      plan(desired, observe([server("10.0.0.1:443", weight), server("10.0.0.9:443", 2)])).map(describeOperation);
    expect(standing(1)).toEqual(["set real server 10.0.0.1:443 weight 1 → 0"]);
    expect(standing(0)).toEqual([]);
    expect(plan(desired, observe([]))).toEqual([]);
  });

  test("changes a scheduler in place", () => {
    const desired = { ...want([]), service: { ...service, scheduler: "wlc" } };
    expect(plan(desired, observe([])).map(describeOperation)).toEqual([
      "change virtual server tcp 10.96.0.1:443 scheduler rr → wlc",
    ]);
  });

  test("puts right a tunnel and a persistence engine, and says so in words", () => {
    const plain = { ...server("10.0.0.1:443", 1), forwarding: "tunnel" as const };
    const gue = {
      ...plain,
      tunnelType: "gue" as const,
      tunnelPort: 6080,
      tunnelFlags: ["checksum", "remote-checksum"] as const,
    };
    const sip = { ...service, flags: ["persistent"] as const, persistenceEngine: "sip" };
    const [there, back] = [
      plan({ ...want([gue]), service: sip }, observe([plain])),
      plan(want([plain]), { ...observe([gue]), service: sip }),
    ];
    expect([...there, ...back].map(describeOperation)).toEqual([
      "change virtual server tcp 10.96.0.1:443 flags none → persistent, persistenceEngine none → sip",
      "set real server 10.0.0.1:443 tunnelType none → gue, tunnelPort none → 6080, tunnelFlags none → checksum,remote-checksum",
      "change virtual server tcp 10.96.0.1:443 flags persistent → none, persistenceEngine sip → none",
      "set real server 10.0.0.1:443 tunnelType gue → none, tunnelPort 6080 → none, tunnelFlags checksum,remote-checksum → none",
    ]);
  });

  test("takes what is absent and what is undefined for the same", () => {
    const one = server("10.0.0.1:443", 1);
    // As a caller that does not compile with exactOptionalPropertyTypes might say it.
    const undefinedTunnel = { ...one, tunnelType: undefined } as unknown as RealServer;
    expect(plan(want([one]), observe([undefinedTunnel]))).toEqual([]);
    expect(plan(want([undefinedTunnel]), observe([one]))).toEqual([]);
  });

  test("reaches the desired state in at most two rounds, and then has nothing to do", () => {
    fc.assert(
      fc.property(servers, servers, foreign, (wanted, standing, foreignRule) => {
        const desired = want(wanted, foreignRule);
        const once = execute(standing, plan(desired, observe(standing)));
        const twice = execute(once, plan(desired, observe(once)));
        expect(plan(desired, observe(twice))).toEqual([]);
        const left = foreignRule === "keep" ? standing.filter((one) => !has(wanted, one)) : [];
        expect(byKey(twice)).toEqual(byKey([...wanted, ...left]));
      }),
    );
  });

  test("finds by what it knows of a table what it would find by reading it", () => {
    fc.assert(
      fc.property(servers, servers, servers, foreign, (standing, first, second, foreignRule) => {
        const seen = observe(standing);
        const { operations, ofOurs, alike } = compare(want(first, foreignRule), seen);
        // Whoever is wanted as before is the same object; the others of before leave, drained, or must be gone.
        const gone = first.filter((one) => !has(second, one));
        const next: DesiredVirtualServer = {
          ...want(
            second.map((one) => first.find((other) => Bun.deepEquals(one, other)) ?? one),
            foreignRule,
          ),
          leaving: gone.filter(({ weight }) => weight === 0),
          absent: gone.map(({ endpoint }) => endpoint),
        };
        for (const done of [operations, ofOurs]) {
          const known = afterOperations(recognized(seen, alike), done);
          const table = execute(standing, done);
          expect(byKey((known?.realServers ?? []).map((one) => one.server))).toEqual(byKey(table));
          const byReading = plan(structuredClone(next), observe(structuredClone(table)));
          expect(inOrder(plan(next, known))).toEqual(inOrder(byReading));
        }
      }),
    );
  });

  test("knows again what it reads, whatever that has carried since, and nothing else", () => {
    fc.assert(
      fc.property(servers, servers, fc.boolean(), (before, other, isUnchanged) => {
        const now = isUnchanged ? before : other;
        const known = observe(before);
        const read = structuredClone(observe(now));
        const busy = { ...read, realServers: read.realServers.map((one) => ({ ...one, activeConnections: 7 })) };
        const found = asKnown(busy, known);
        expect(found).toEqual(busy);
        expect(sameEntries(found, known)).toBe(Bun.deepEquals(before, now));
      }),
    );
  });

  test("never removes a server that has a weight, and at no prefix leaves fewer in service than needed", () => {
    fc.assert(
      fc.property(servers, servers, (wanted, standing) => {
        const operations = plan(want(wanted), observe(standing));
        const needed = Math.min(inService(wanted), inService(standing));
        let table = standing;
        for (const operation of operations) {
          if (operation.kind === "server.remove") expect(find(table, operation)?.weight).toBe(0);
          table = execute(table, [operation]);
          expect(inService(table)).toBeGreaterThanOrEqual(needed);
        }
      }),
    );
  });
});

// --- internal ---

function server(key: string, weight: number): RealServer {
  return realServer(parseEndpoint(key), weight);
}

function want(
  realServers: readonly RealServer[],
  foreignRule: DesiredVirtualServer["foreign"] = "remove",
): DesiredVirtualServer {
  return { service, realServers, leaving: [], absent: [], foreign: foreignRule };
}

function observe(realServers: readonly RealServer[]): ObservedVirtualServer {
  const none = { activeConnections: 0, inactiveConnections: 0, stats: NO_TRAFFIC };
  return { service, stats: NO_TRAFFIC, realServers: realServers.map((one) => ({ server: one, ...none })) };
}

function execute(table: readonly RealServer[], operations: readonly Operation[]): RealServer[] {
  const after = new Map(byKey(table));
  for (const operation of operations) {
    if (operation.kind === "server.remove") after.delete(formatEndpoint(operation.endpoint));
    if ("server" in operation) after.set(formatEndpoint(operation.server.endpoint), operation.server);
  }
  return [...after.values()];
}

function byKey(table: readonly RealServer[]): [string, RealServer][] {
  return table
    .map((one): [string, RealServer] => [formatEndpoint(one.endpoint), one])
    .toSorted(([a], [b]) => a.localeCompare(b));
}

/** Of operations of one kind any may come first. */
function inOrder(operations: readonly Operation[]): string[] {
  return operations.map(describeOperation).toSorted();
}

function has(table: readonly RealServer[], one: RealServer): boolean {
  return find(table, one) !== undefined;
}

function find(table: readonly RealServer[], { endpoint }: Pick<RealServer, "endpoint">): RealServer | undefined {
  return table.find((other) => formatEndpoint(other.endpoint) === formatEndpoint(endpoint));
}

function inService(table: readonly RealServer[]): number {
  return table.filter(({ weight }) => weight > 0).length;
}
