import { expect, test } from "bun:test";
import fc from "fast-check";
import { asKnown, recognized, sameEntries } from "../../src/dataplane/known-table.ts";
import { afterOperations, plan, type DesiredVirtualServer } from "../../src/domain/plan.ts";
import { byKey, execute, has, inOrder, observe, servers, unlisted, want } from "../support/tables.ts";

test("finds by what it knows of a table what it would find by reading it", () => {
  fc.assert(
    fc.property(servers, servers, servers, unlisted, (standing, first, second, rule) => {
      const seen = observe(standing);
      const desired = want(first, rule);
      const table = recognized(seen, desired);
      const operations = plan(desired, table);
      const ofOurs = operations.filter((one) => "server" in one && first.includes(one.server));
      // Who is wanted as before is the same object; the others of before leave, drained, or must be gone.
      const gone = first.filter((one) => !has(second, one));
      const next: DesiredVirtualServer = {
        ...want(
          second.map((one) => first.find((other) => Bun.deepEquals(one, other)) ?? one),
          rule,
        ),
        leaving: gone.filter(({ weight }) => weight === 0),
        absent: gone.map(({ endpoint }) => endpoint),
      };
      for (const done of [operations, ofOurs]) {
        const known = afterOperations(table, done);
        const now = execute(standing, done);
        expect(byKey((known?.realServers ?? []).map((one) => one.server))).toEqual(byKey(now));
        const byReading = plan(structuredClone(next), observe(structuredClone(now)));
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
