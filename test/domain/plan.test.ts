import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { parseEndpoint } from "../../src/domain/endpoint.ts";
import { describeOperation, plan } from "../../src/domain/plan.ts";
import { realServer, type RealServer } from "../../src/domain/virtual-server.ts";
import { byKey, execute, find, has, observe, server, servers, service, unlisted, want } from "../support/tables.ts";

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
    const desired = { ...want([]), leaving: [leaver], absent: [leaver.endpoint], unlisted: "keep" } as const;
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
      fc.property(servers, servers, unlisted, (wanted, standing, rule) => {
        const desired = want(wanted, rule);
        const once = execute(standing, plan(desired, observe(standing)));
        const twice = execute(once, plan(desired, observe(once)));
        expect(plan(desired, observe(twice))).toEqual([]);
        const left = rule === "keep" ? standing.filter((one) => !has(wanted, one)) : [];
        expect(byKey(twice)).toEqual(byKey([...wanted, ...left]));
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

function inService(table: readonly RealServer[]): number {
  return table.filter(({ weight }) => weight > 0).length;
}
