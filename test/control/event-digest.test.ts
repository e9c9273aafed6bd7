import { expect, test } from "bun:test";
import { EventDigest } from "../../src/control/event-digest.ts";
import type { EventRecord } from "../../src/domain/event-record.ts";
import type { RealServerState } from "../../src/domain/health.ts";

const START = Date.parse("2026-12-01T10:00:00.000Z");

function change(
  id: number,
  server: string,
  from: RealServerState,
  to: RealServerState,
  atS: number,
  reason = "status 200",
): EventRecord {
  const message = `real server ${server} ${from} → ${to}: ${reason}`;
  return { ...record(id, atS, message), type: "realServer.healthChanged", server, from, to };
}

function record(id: number, atS: number, message: string): EventRecord {
  const at = new Date(START + atS * 1000).toISOString();
  return { id, at, sinceBootMs: atS * 1000, level: "info", message, type: "plan.applied" };
}

test("makes one entry of the same change of many, and says how long the longest was out", () => {
  const digest = new EventDigest();
  const servers = Array.from({ length: 200 }, (_, at) => `10.0.0.${at}:80`);
  const down = servers.map((server, at) => change(at + 1, server, "healthy", "draining", at / 100, "connect refused"));
  const [entry, ...others] = digest.digest(down);
  expect(others).toEqual([]);
  expect(entry).toEqual({
    id: 200,
    at: down[0]?.at ?? "",
    until: down[199]?.at ?? "",
    level: "info",
    type: "realServer.healthChanged",
    from: "healthy",
    to: "draining",
    servers: servers.slice(0, 5),
    count: 200,
    reason: "connect refused",
  });
  // It knows since when from what it was told before.
  const up = [
    change(201, servers[7] ?? "", "draining", "healthy", 30),
    change(202, servers[0] ?? "", "draining", "healthy", 60),
  ];
  expect(digest.digest(up).map(({ outForMs, count }) => [outForMs, count])).toEqual([
    [29_930, undefined],
    [60_000, undefined],
  ]);
});

test("keeps apart what differs, in its order, and leaves out what is for debugging", () => {
  const entries = new EventDigest().digest([
    change(1, "a", "healthy", "draining", 0, "status 503"),
    { ...record(2, 0, "of no interest"), level: "debug" },
    change(3, "b", "healthy", "draining", 1, "connect refused"),
    record(4, 2, "2 changes written"),
    change(5, "c", "healthy", "draining", 3, "connect refused"),
    change(6, "d", "healthy", "draining", 60, "connect refused"),
  ]);
  // Of two reasons it tells none.
  expect(entries.map(({ id, count, reason, message }) => [id, count, reason ?? message])).toEqual([
    [3, 2, undefined],
    [4, undefined, "2 changes written"],
    [5, undefined, "connect refused"],
    [6, undefined, "connect refused"],
  ]);
});

test("leaves a message of several lines whole", () => {
  const [entry] = new EventDigest().digest([record(1, 0, "two\nlines")]);
  expect(entry).toMatchObject({ message: "two\nlines", type: "plan.applied" });
});
