import { describe, expect, test } from "bun:test";
import { getEventListeners } from "node:events";
import { fstatSync, openSync } from "node:fs";
import type { HttpProbeOptions } from "../../../src/config/care-options.ts";
import { blackHole } from "./support/black-hole.ts";
import { eventually, openSockets } from "./support/descriptors.ts";
import { failed, passed, probe } from "./support/probe.ts";
import { answering, deserted, rawServer, type RawServer } from "./support/raw-server.ts";

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
});

describe("250 probes leave no descriptor behind", () => {
  const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

  test.each<[string, Partial<HttpProbeOptions>, () => RawServer]>([
    ["answered", {}, () => answering(OK)],
    ["answered with garbage", {}, () => answering("what?\n")],
    ["reset", {}, () => rawServer((socket) => socket.terminate())],
    ["closed on", {}, () => answering("", { onOpen: (socket) => void socket.end() })],
    ["closed on in the handshake", { scheme: "https" }, () => answering("", { onOpen: (socket) => void socket.end() })],
    ["not answered", { timeoutMs: 5 }, () => answering("")],
    ["not answered in the handshake", { scheme: "https", timeoutMs: 5 }, () => answering("")],
  ])("when they are %s", async (_, options, serve) => {
    using server = serve();
    await expectNoLeak(() => probe(server.endpoint, options));
  });

  test("when they are refused", async () => {
    const nobody = deserted();
    await expectNoLeak(() => probe(nobody));
  });

  test("when they are aborted", async () => {
    using server = answering("");
    await expectNoLeak((round) => probe(server.endpoint, {}, {}, AbortSignal.timeout(round % 4)));
  });
});

async function expectNoLeak(once: (round: number) => Promise<unknown>): Promise<void> {
  const before = openSockets();
  for (let round = 0; round < 5; round++) {
    await Promise.all(Array.from({ length: 50 }, () => once(round)));
  }
  // The servers live in this process too, and close their ends a turn later.
  expect(await eventually(() => openSockets() <= before)).toBe(true);
}
