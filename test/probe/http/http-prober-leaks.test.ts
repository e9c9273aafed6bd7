import { describe, expect, test } from "bun:test";
import { getEventListeners } from "node:events";
import { fstatSync, openSync } from "node:fs";
import { blackHole } from "./support/black-hole.ts";
import { eventually, openSockets } from "./support/descriptors.ts";
import { failed, passed, probe } from "./support/probe.ts";
import { answering, deserted, rawServer } from "./support/raw-server.ts";

describe("an HTTP probe leaves nothing behind", () => {
  test("when it is aborted before it starts", async () => {
    using server = answering("");
    const openTcpSocket = (): number => {
      throw new Error("must not be called");
    };
    expect(await probe(server.endpoint, {}, { openTcpSocket }, AbortSignal.abort())).toEqual(failed("aborted"));
  });

  test("when it is aborted while it connects", async () => {
    using hole = await blackHole();
    for (const scheme of ["http", "https"] as const) {
      const before = openSockets();
      const abort = new AbortController();
      const verdict = probe(hole.endpoint, { scheme }, {}, abort.signal);
      expect(openSockets()).toBe(before + 1);
      abort.abort();
      expect(openSockets()).toBe(before);
      expect(await verdict).toEqual(failed("aborted"));
    }
  });

  test("when it is aborted while it waits for the answer", async () => {
    const abort = new AbortController();
    const closed = Promise.withResolvers<void>();
    using server = rawServer((socket) => {
      socket.data.onClose = () => closed.resolve();
      abort.abort();
    });
    expect(await probe(server.endpoint, {}, {}, abort.signal)).toEqual(failed("aborted"));
    await closed.promise;
  });

  test("on a signal that outlives it", async () => {
    using server = answering("HTTP/1.1 204 No Content\r\n\r\n");
    const { signal } = new AbortController();
    expect(await probe(server.endpoint, {}, {}, signal)).toEqual(passed("status 204"));
    expect(getEventListeners(signal, "abort")).toEqual([]);
  });

  test("when the runtime does not take the descriptor", async () => {
    let fd = -1;
    // A regular file cannot be polled.
    const openTcpSocket = (): number => (fd = openSync("/proc/self/status", "r"));
    expect(await probe(deserted(), {}, { openTcpSocket })).toMatchObject({ passed: false });
    expect(() => fstatSync(fd)).toThrow("EBADF");
  });

  test("after 2000 probes of every kind", async () => {
    using healthy = answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    using silent = answering("");
    using garbage = answering("what?\n");
    using resetting = rawServer((socket) => socket.terminate());
    using closing = answering("", { onOpen: (socket) => void socket.end() });
    const nobody = deserted();
    const before = openSockets();

    const kinds: readonly (() => Promise<unknown>)[] = [
      () => probe(healthy.endpoint),
      () => probe(garbage.endpoint),
      () => probe(resetting.endpoint),
      () => probe(nobody),
      () => probe(silent.endpoint, { timeoutMs: 5 }),
      () => probe(silent.endpoint, { scheme: "https", timeoutMs: 5 }),
      () => probe(closing.endpoint, { scheme: "https" }),
      () => probe(silent.endpoint, {}, {}, AbortSignal.timeout(3)),
    ];
    for (let round = 0; round < 25; round++) {
      await Promise.all(Array.from({ length: 80 }, (_, i) => kinds[i % kinds.length]?.()));
    }
    expect(await eventually(() => openSockets() <= before)).toBe(true);
  });
});
