import { describe, expect, test } from "bun:test";
import { once } from "node:events";
import { fstatSync, openSync } from "node:fs";
import type { HttpProbeOptions } from "../../../src/config/care-options.ts";
import type { ProbeOutcome } from "../../../src/domain/health.ts";
import { blackHole } from "./support/black-hole.ts";
import { eventually, openSockets } from "./support/descriptors.ts";
import { openProbe, probe } from "./support/probe.ts";
import { answering, deserted, rawServer, type RawServer } from "./support/raw-server.ts";

describe("an HTTP probe leaves nothing behind", () => {
  test("when it is closed while it connects", async () => {
    using hole = await blackHole();
    for (const scheme of ["http", "https"] as const) {
      const before = openSockets();
      const probe = openProbe(hole.endpoint, { scheme });
      probe.check(unexpected);
      expect(openSockets()).toBe(before + 1);
      probe.close();
      expect(openSockets()).toBe(before);
    }
  });

  test("when it is closed while it waits for the answer", async () => {
    const closed = Promise.withResolvers<void>();
    using server = rawServer((socket) => {
      socket.data.onClose = () => closed.resolve();
      probe.close();
    });
    const probe = openProbe(server.endpoint);
    probe.check(unexpected);
    await closed.promise;
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

  test("when they are closed", async () => {
    using server = answering("");
    await expectNoLeak(async (round) => {
      const probe = openProbe(server.endpoint);
      probe.check(unexpected);
      await once(AbortSignal.timeout(round % 4), "abort");
      probe.close();
    });
  });
});

function unexpected({ reason }: ProbeOutcome): void {
  throw new Error(`told of a closed probe: ${reason}`);
}

async function expectNoLeak(once: (round: number) => Promise<unknown>): Promise<void> {
  const before = openSockets();
  for (let round = 0; round < 5; round++) {
    await Promise.all(Array.from({ length: 50 }, () => once(round)));
  }
  // The servers live in this process too, and close their ends a turn later.
  expect(await eventually(() => openSockets() <= before)).toBe(true);
}
