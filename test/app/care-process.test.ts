import { expect, test } from "bun:test";
import { CareProcess } from "../../src/app/care-process.ts";
import type { CheckBudget } from "../../src/config/care-options.ts";

const SILENT = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

test("a budget of all nodes is shared by as many as the cluster has, however often it is configured anew", () => {
  using process = new CareProcess(SILENT, {});
  const budget = (perServer: CheckBudget["perServer"]): CheckBudget => ({ mostAtOnce: 256, perServer });
  process.nodes.hear(5000);
  expect([process.nodes.isWanted(), process.serverBudget]).toEqual([false, undefined]);
  process.keepTo(budget({ perSecond: 50, nodes: 1, isCounted: true }));
  expect(process.nodes.isWanted()).toBe(true);
  expect(process.serverBudget).toEqual({ perSecond: 50, nodes: 5000, isCounted: true, gapMs: 100_000 });
  process.nodes.hear(1000);
  expect(process.serverBudget?.gapMs).toBe(20_000);
  process.keepTo(budget({ perSecond: 100, nodes: 1, isCounted: true }));
  expect(process.serverBudget?.gapMs).toBe(10_000);
  // Who says how many there are knows better.
  process.keepTo(budget({ perSecond: 100, nodes: 10 }));
  expect([process.nodes.isWanted(), process.serverBudget?.gapMs]).toEqual([false, 100]);
});
