import { expect, test } from "bun:test";
import fc from "fast-check";
import { DueQueue } from "../../src/probe/due-queue.ts";

test("gives out the earliest first, whoever came and left in between", () => {
  const step = fc.record({ due: fc.nat(50), leaves: fc.option(fc.nat(30), { nil: undefined }) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const queue = new DueQueue<{ dueMs: number; position: number }>();
      const waiting: { dueMs: number; position: number }[] = [];
      for (const { due, leaves } of steps) {
        const item = { dueMs: due, position: -1 };
        queue.push(item);
        waiting.push(item);
        const [leaver] = leaves === undefined ? [] : waiting.splice(leaves % waiting.length, 1);
        if (leaver !== undefined) {
          queue.remove(leaver);
          queue.remove(leaver);
        }
      }
      const given: number[] = [];
      for (let next = queue.first(); next !== undefined; next = queue.first()) {
        given.push(next.dueMs);
        queue.remove(next);
      }
      expect(given).toEqual(waiting.map(({ dueMs }) => dueMs).toSorted((a, b) => a - b));
    }),
  );
});
