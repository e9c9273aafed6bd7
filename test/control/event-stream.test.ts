import { afterEach, describe, expect, jest, test } from "bun:test";
import { connect } from "node:net";
import { EventStream, MOST_LISTENERS } from "../../src/control/event-stream.ts";
import type { WithRealServers } from "../../src/control/status-change.ts";
import type { StreamWish } from "../../src/control/stream-listener.ts";
import { statusSources } from "../../src/control/web-view.ts";
import { withService } from "../../src/domain/in-service.ts";
import type { VirtualServerStatus } from "../../src/domain/status.ts";
import { waitFor } from "../kernel/support/wait-for.ts";
import { PretendedDaemon } from "./support/pretended-daemon.ts";
import { SseReader } from "./support/sse-reader.ts";

const FAST = { readMs: 1, togetherMs: 1, quietMs: 5 };
const NEVER_QUIET = { ...FAST, quietMs: Number.POSITIVE_INFINITY };

const streams: StatusStream[] = [];
afterEach(() => {
  for (const stream of streams.splice(0)) stream.close();
});

describe("a listener", () => {
  test("is told the time, the status and what happened, then only what is new", async () => {
    const daemon = new PretendedDaemon(2);
    daemon.move(0, "draining", "status 503");
    const reader = read(streamOf(daemon));
    expect(await reader.next()).toEqual({ kind: "time", data: expect.stringMatching(/^\d{4}-.*Z$/) });
    const transition = { kind: "event", id: `${daemon.startedAt}/1`, data: daemon.events[0] };
    const first = [await reader.next(), await reader.next()];
    expect(first).toContainEqual({ kind: "status", data: withService(daemon.status) });
    expect(first).toContainEqual(transition);
    // Many readings later, and none of them news.
    await waitFor(
      () => daemon.readings,
      (readings) => readings > 10,
    );
    daemon.change(0, { activeConnections: 77 });
    expect(await reader.next()).toEqual({ kind: "status", data: withService(daemon.status) });
    daemon.happen({ level: "debug", type: "plan.applied", message: "of no interest" });
    daemon.happen({ level: "info", type: "plan.applied", message: "two\nlines" });
    expect(await reader.next()).toEqual({ kind: "event", id: `${daemon.startedAt}/3`, data: daemon.events[2] });
  });

  test("that asks for changes is told the whole once, then what differs, and the whole again after a problem", async () => {
    const daemon = new PretendedDaemon(2);
    const reader = read(streamOf(daemon), null, "changes");
    expect(await reader.next("status")).toEqual({ kind: "status", data: withService(daemon.status) });
    const [first] = daemon.status.realServers;
    daemon.change(0, { activeConnections: 77 });
    expect(await reader.next("change")).toEqual({
      kind: "change",
      data: { status: {}, realServers: { [first?.address ?? ""]: { activeConnections: 77 } } },
    });
    daemon.problem = "the daemon is stopping";
    await reader.next("problem");
    daemon.problem = undefined;
    expect(await reader.next("status")).toEqual({ kind: "status", data: withService(daemon.status) });
    daemon.status = { ...daemon.status, realServers: daemon.status.realServers.slice(1) };
    expect(await reader.next("status")).toEqual({ kind: "status", data: withService(daemon.status) });
  });

  test("that wants it in brief is told all at once, then what differs of what is shown, and checks as they come", async () => {
    const daemon = new PretendedDaemon(2);
    const [one = "", other = ""] = daemon.status.realServers.map(({ address }) => address);
    daemon.checks.note(one, { passed: false, reason: "", latencyMs: 1 }, 0);
    daemon.move(0, "draining", "status 503");
    daemon.move(1, "draining", "status 503");
    const reader = read(streamOf(daemon), null, "brief");
    const kinds = [await reader.next(), await reader.next(), await reader.next(), await reader.next()];
    expect(kinds.map((message) => message?.kind)).toEqual(["time", "timeline", "checks", "status"]);
    const [, timeline, checks, status] = kinds;
    expect(timeline).toMatchObject({
      id: `${daemon.startedAt}/2`,
      data: { run: daemon.startedAt, entries: [{ id: 2, count: 2, to: "draining" }] },
    });
    expect(checks?.data).toEqual({ [one]: "!" });
    expect(status?.data).toMatchObject({ condition: "nobody", realServers: [{ address: one }, { address: other }] });
    expect(JSON.stringify(status?.data)).not.toMatch(/"at"|timings|inPackets/);
    // Neither a time nor a packet is worth a message; what is shown is.
    const { lastVerdict } = daemon.status.realServers[0] ?? {};
    if (lastVerdict === undefined) throw new Error("it was checked");
    daemon.change(0, { lastVerdict: { ...lastVerdict, latencyMs: 3001, at: new Date().toISOString() } });
    const readings = daemon.readings;
    await waitFor(
      () => daemon.readings,
      (now) => now > readings + 3,
    );
    daemon.change(1, { activeConnections: 77 });
    expect(await reader.next()).toEqual({
      kind: "change",
      data: { status: {}, realServers: { [other]: { activeConnections: 77 } } },
    });
    daemon.checks.note(other, { passed: false, reason: "", latencyMs: 1 }, 0);
    expect(await reader.next()).toEqual({ kind: "checks", data: { [other]: "!" } });
  });

  test("goes on after the last event that it knows, and begins anew with another run of the daemon", async () => {
    const daemon = new PretendedDaemon(1);
    for (let at = 0; at < 5; at++) daemon.happen({ level: "info", type: "plan.applied", message: `event ${at}` });
    const firstFor = async (known: string | null): Promise<unknown> =>
      (await read(streamOf(daemon), known).next("event"))?.id;
    expect(await firstFor(`${daemon.startedAt}/3`)).toBe(`${daemon.startedAt}/4`);
    expect(await firstFor("2020-01-01T00:00:00.000Z/3")).toBe(`${daemon.startedAt}/1`);
    expect(await firstFor("nonsense")).toBe(`${daemon.startedAt}/1`);
    expect(await firstFor(null)).toBe(`${daemon.startedAt}/1`);
  });

  test("that comes back before a new run has anything to tell misses nothing of it", async () => {
    const daemon = new PretendedDaemon(1);
    const reader = read(streamOf(daemon, FAST), "2020-01-01T00:00:00.000Z/57");
    await reader.next("status");
    // Quiet for a while: it has looked for events, and there were none.
    await reader.next("time");
    daemon.happen({ level: "info", type: "plan.applied", message: "the first" });
    expect((await reader.next("event"))?.id).toBe(`${daemon.startedAt}/1`);
  });

  test("that is new is told of the recent past only", async () => {
    const daemon = new PretendedDaemon(1);
    for (let at = 0; at < 1000; at++) daemon.happen({ level: "info", type: "plan.applied", message: `event ${at}` });
    expect((await read(streamOf(daemon)).next("event"))?.id).toBe(`${daemon.startedAt}/801`);
  });

  test("hears something even when nothing changes, and why there is no status", async () => {
    const daemon = new PretendedDaemon(1);
    const reader = read(streamOf(daemon, FAST));
    await reader.next("status");
    expect(await reader.next()).toMatchObject({ kind: "time" });
    daemon.problem = "the daemon is stopping";
    expect(await reader.next("problem")).toEqual({ kind: "problem", data: "the daemon is stopping" });
    daemon.problem = undefined;
    // Told although it is the one before: the problem came between.
    expect(await reader.next("status")).toEqual({ kind: "status", data: withService(daemon.status) });
  });

  test("that reads slowly misses states in between", async () => {
    const daemon = new PretendedDaemon(1);
    const reader = read(streamOf(daemon));
    await reader.next("status");
    const before = daemon.readings;
    daemon.whenRead = () => daemon.change(0, { activeConnections: daemon.readings });
    await waitFor(
      () => daemon.readings,
      (readings) => readings > before + 50,
    );
    const { data } = (await reader.next("status")) as { data: VirtualServerStatus };
    expect(data.realServers[0]?.activeConnections).toBeGreaterThan(before + 45);
  });

  test("that does not read at all costs no memory", async () => {
    const daemon = new PretendedDaemon(1);
    const stream = streamOf(daemon);
    const server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response(stream.open(null)) });
    const socket = connect(server.port ?? 0, "127.0.0.1").pause();
    socket.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    try {
      const reason = "x".repeat(1_000_000);
      daemon.whenRead = () =>
        daemon.change(0, {
          lastVerdict: { passed: false, reason, latencyMs: daemon.readings, at: daemon.startedAt },
        });
      // What the kernel's buffers take is sent by then.
      await waitFor(
        () => daemon.readings,
        (readings) => readings > 50,
      );
      Bun.gc(true);
      const before = process.memoryUsage().rss;
      await waitFor(
        () => daemon.readings,
        (readings) => readings > 350,
      );
      Bun.gc(true);
      expect((process.memoryUsage().rss - before) / 1e6).toBeLessThan(100);
    } finally {
      socket.destroy();
      await server.stop(true);
    }
  });
});

describe("all listeners", () => {
  test("share each reading, and nothing is read for nobody", async () => {
    jest.useFakeTimers();
    try {
      const daemon = new PretendedDaemon(1);
      const stream = streamOf(daemon, { readMs: 1000, togetherMs: 50, quietMs: 1e9 });
      jest.advanceTimersByTime(10_000);
      expect(daemon.readings).toBe(0);
      const readers = Array.from({ length: 10 }, () => read(stream));
      await Promise.all(readers.map((reader) => reader.next("status")));
      expect(daemon.readings).toBe(1);
      daemon.change(0, { activeConnections: 1 });
      jest.advanceTimersByTime(1000);
      await Promise.all(readers.map((reader) => reader.next("status")));
      expect(daemon.readings).toBe(2);
      await Promise.all(readers.map((reader) => reader.leave()));
      jest.advanceTimersByTime(10_000);
      expect(daemon.readings).toBe(2);
    } finally {
      jest.useRealTimers();
    }
  });

  test("are so many and no more, until one leaves", async () => {
    const daemon = new PretendedDaemon(1);
    const stream = streamOf(daemon);
    const readers = Array.from({ length: MOST_LISTENERS }, () => read(stream));
    expect(stream.open(null)).toBeUndefined();
    await readers[0]?.leave();
    await read(stream).next("status");
    expect(stream.open(null)).toBeUndefined();
  });

  test("reach their end when it is closed, and nobody comes after that", async () => {
    const stream = streamOf(new PretendedDaemon(1));
    const readers = [read(stream), read(stream)];
    await Promise.all(readers.map((reader) => reader.next("status")));
    stream.close();
    expect(await Promise.all(readers.map((reader) => reader.next("none")))).toEqual([undefined, undefined]);
    expect(stream.open(null)).toBeUndefined();
  });
});

// --- internal ---

type StatusStream = EventStream<VirtualServerStatus, WithRealServers>;

function streamOf(daemon: PretendedDaemon, pace = NEVER_QUIET): StatusStream {
  const stream = new EventStream(statusSources(daemon.source()), pace);
  daemon.onEvent = () => stream.happened();
  streams.push(stream);
  return stream;
}

function read(stream: StatusStream, lastEventId: string | null = null, wish: StreamWish = "whole"): SseReader {
  const opened = stream.open(lastEventId, wish);
  if (opened === undefined) throw new Error("there are too many listeners");
  return new SseReader(opened);
}
