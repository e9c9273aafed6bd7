import { expect, test } from "bun:test";
import { acknowledgementOf, openTcpSocket, watchSilence } from "#native";
import type { ProbeOptions } from "../../src/config/care-options.ts";
import type { ExecProbeOptions } from "../../src/config/probe-kinds/exec.ts";
import type { Endpoint } from "../../src/domain/endpoint.ts";
import { LvscareError } from "../../src/domain/errors.ts";
import type { ProbeOutcome } from "../../src/domain/health.ts";
import type { SocketPorts } from "../../src/probe/http/http-prober.ts";
import { createProber } from "../../src/probe/probers.ts";
import type { Probe } from "../../src/probe/prober.ts";
import { blackHole } from "./http/support/black-hole.ts";
import { eventually, openSockets } from "./http/support/descriptors.ts";
import { check } from "./http/support/probe.ts";
import { answering, deserted, flood, rawServer, trickle, type RawServer } from "./http/support/raw-server.ts";

/** A kind of check, as the contract of all kinds needs it. */
export interface KindUnderTest {
  readonly name: string;
  /** That wait for an answer as long as `timeoutMs` says. */
  readonly options: Exclude<ProbeOptions, ExecProbeOptions>;
  /** A server of which it is satisfied. */
  serve(): RawServer;
  /** It says nothing about what a server does after the connection. */
  readonly onlyConnects?: boolean;
  /** What it finds where a server sends what it knows nothing of. */
  readonly otherwise?: Partial<ProbeOutcome>;
  /** What is checked by it, where that is more than one check with these options. */
  readonly open?: typeof openKind;
}

export function openKind(options: ProbeOptions, target: Endpoint, ports: Partial<SocketPorts> = {}): Probe {
  return createProber(options, { openTcpSocket, watchSilence, acknowledgementOf, ...ports }).open(
    target,
    () => undefined,
  );
}

/** One check over a probe of its own, without what it says of a certificate. */
export async function checkOnce(
  options: ProbeOptions,
  target: Endpoint,
  ports: Partial<SocketPorts> = {},
  open: typeof openKind = openKind,
): Promise<ProbeOutcome> {
  const probe = open(options, target, ports);
  try {
    return await check(probe);
  } finally {
    probe.close();
  }
}

/** What every kind of check that connects has to keep, whatever it meets. */
export function testContract({
  name,
  options,
  serve,
  onlyConnects = false,
  open: opened = openKind,
  otherwise = { passed: false },
}: KindUnderTest): void {
  test(`${name}: passes, again and again, and leaves no socket`, async () => {
    using server = serve();
    const before = openSockets();
    const probe = opened(options, server.endpoint);
    for (let round = 0; round < 20; round++) {
      const outcome = await new Promise<ProbeOutcome>((resolve) => probe.check(resolve));
      expect(outcome).toMatchObject({ passed: true, timings: { connectMs: expect.any(Number) } });
    }
    probe.close();
    expect(await eventually(() => openSockets() <= before)).toBe(true);
  });

  test(`${name}: nobody there is unreachable`, async () => {
    expect(await checkOnce(options, deserted(), {}, opened)).toMatchObject({
      passed: false,
      unreachable: true,
      reason: expect.stringContaining("connect refused"),
    });
  });

  test(`${name}: is over in its time, where nothing answers`, async () => {
    using hole = await blackHole();
    const outcome = await checkOnce({ ...options, connectTimeoutMs: 30 }, hole.endpoint, {}, opened);
    const reason = expect.stringContaining("connect timed out after 30ms");
    expect(outcome).toMatchObject({ passed: false, unreachable: true, reason });
  });

  test(`${name}: this host's own shortage is no verdict`, async () => {
    const lacking = (): never => {
      throw new LvscareError("SOCKET_FAILED", "no", { errno: "EMFILE" });
    };
    expect(await checkOnce(options, deserted(), { openTcpSocket: lacking }, opened)).toMatchObject({
      passed: undefined,
      reason: expect.stringContaining("too many open files"),
      latencyMs: expect.any(Number),
    });
  });

  test(`${name}: can be closed at any moment, and says nothing then`, async () => {
    using hole = await blackHole();
    using server = answering("");
    const before = openSockets();
    for (const target of [hole.endpoint, server.endpoint]) {
      for (let turns = 0; turns < 12; turns++) {
        const told: ProbeOutcome[] = [];
        const probe = opened(options, target);
        probe.check((outcome) => told.push(outcome));
        for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => void setImmediate(resolve));
        const toldBefore = told.length;
        probe.close();
        probe.close();
        await new Promise((resolve) => void setImmediate(resolve));
        expect(told.length).toBe(toldBefore);
      }
    }
    expect(await eventually(() => openSockets() <= before)).toBe(true);
  });

  if (onlyConnects) return;

  test(`${name}: is bounded, whatever a server sends, and tells once`, async () => {
    const servers: readonly (() => RawServer)[] = [
      () => answering(""),
      () => answering("", { onOpen: (socket) => flood(socket, "x".repeat(65_536)) }),
      () => answering("", { onOpen: (socket) => trickle(socket, "y") }),
      () => answering("", { onOpen: (socket) => void socket.end() }),
      () => rawServer(() => undefined, { onOpen: (socket) => void socket.terminate() }),
    ];
    const before = openSockets();
    for (const open of servers) {
      using server = open();
      const told: ProbeOutcome[] = [];
      const probe = opened({ ...options, timeoutMs: 100 }, server.endpoint);
      await new Promise<void>((resolve) =>
        probe.check((outcome) => {
          told.push(outcome);
          resolve();
        }),
      );
      await new Promise((resolve) => void setImmediate(resolve));
      expect(told).toEqual([expect.objectContaining(otherwise)]);
      probe.close();
    }
    expect(await eventually(() => openSockets() <= before)).toBe(true);
  });
}
