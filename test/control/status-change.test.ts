import { expect, test } from "bun:test";
import { resolve } from "node:path";
import { changeOf, withoutTimings, type StatusChange } from "../../src/control/status-change.ts";
import { withService } from "../../src/domain/in-service.ts";
import type { VirtualServerStatus } from "../../src/domain/status.ts";
import { PretendedDaemon } from "./support/pretended-daemon.ts";

// Where it is known by its name, a file of the page is its text.
const { changed }: { changed: (status: VirtualServerStatus, change: StatusChange) => VirtualServerStatus } =
  await import(resolve(import.meta.dir, "../../src/control/page/merge.js"));

test("what the page makes of a change is what the daemon has", () => {
  const daemon = new PretendedDaemon(3);
  const before = daemon.status;
  daemon.move(1, "draining", "status 503");
  daemon.change(2, { hold: { since: "x", drained: true }, weight: 0 });
  const later = { ...daemon.status, failOpen: { since: "x", healthy: 1, total: 3 } };
  expect(afterChange(before, later)).toEqual(inJson(later));
  // And back: what is gone is gone.
  expect(afterChange(later, before)).toEqual(inJson(before));
});

test("a change says nothing of what stays", () => {
  const daemon = new PretendedDaemon(3);
  const before = withService(daemon.status);
  daemon.change(1, {
    lastVerdict: { passed: true, reason: "status 200", latencyMs: 0.9, at: "2026-11-24T10:00:00.000Z" },
  });
  const [, second] = before.realServers;
  expect(changeOf(before, withService(daemon.status))).toEqual({
    status: {},
    realServers: { [second?.address ?? ""]: { lastVerdict: { latencyMs: 0.9, at: "2026-11-24T10:00:00.000Z" } } },
  });
});

test("how long the parts of a check took is left out", () => {
  const daemon = new PretendedDaemon(2);
  const plain = daemon.status;
  const at = "2026-11-24T10:00:00.000Z";
  daemon.change(0, { lastVerdict: { passed: true, reason: "status 200", latencyMs: 1, at } });
  const without = daemon.status;
  daemon.change(0, {
    lastVerdict: { passed: true, reason: "status 200", latencyMs: 1, at, timings: { connectMs: 0.4 } },
  });
  expect(withoutTimings(daemon.status)).toEqual(without);
  expect(withoutTimings(plain)).toEqual(plain);
});

test("who comes and goes is told by the whole", () => {
  const { status } = new PretendedDaemon(3);
  expect(changeOf(status, { ...status, realServers: status.realServers.slice(1) })).toBeUndefined();
  expect(changeOf(status, { ...status, realServers: status.realServers.toReversed() })).toBeUndefined();
});

test("200 real servers at rest, each checked every five seconds, are under 5 kB a second", () => {
  const daemon = new PretendedDaemon(200);
  const before = withService(daemon.status);
  for (let index = 0; index < 200; index += 5) {
    const at = new Date(Date.now() + index).toISOString();
    daemon.change(index, { lastVerdict: { passed: true, reason: "status 200", latencyMs: 0.8123 + index / 1000, at } });
  }
  const text = JSON.stringify(changeOf(before, withService(daemon.status)));
  expect(text.length).toBeLessThan(5000);
  expect(text.length).toBeGreaterThan(1000);
});

// --- internal ---

function afterChange(before: VirtualServerStatus, after: VirtualServerStatus): unknown {
  const change = changeOf(before, after);
  if (change === undefined) throw new Error("only the whole tells");
  return inJson(changed(before, JSON.parse(JSON.stringify(change)) as StatusChange));
}

function inJson(value: object): unknown {
  return JSON.parse(JSON.stringify(value));
}
