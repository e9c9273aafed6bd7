import { describe, expect, test } from "bun:test";
import { acknowledgementOf, openTcpSocket, watchSilence } from "#native";
import type { Endpoint } from "../../../src/domain/endpoint.ts";
import { monotonicClock, type EventLoopClock } from "../../../src/probe/clock.ts";
import { tlsPolicy } from "../../../src/probe/connection/certificate.ts";
import type { NewConnection } from "../../../src/probe/connection/connection.ts";
import { Deadlines } from "../../../src/probe/deadlines.ts";
import { Dial, type DialOptions, type Dialed } from "../../../src/probe/connection/dial.ts";
import { SocketConnection, type SocketConnectionOptions } from "../../../src/probe/connection/socket-connection.ts";
import { blackHole } from "../http/support/black-hole.ts";
import { selfSigned } from "../http/support/certificates.ts";
import { eventually, openSockets } from "../http/support/descriptors.ts";
import { IdleClock } from "../http/support/idle-clock.ts";
import { answering, deserted } from "../http/support/raw-server.ts";
import { OPTIONS } from "../http/support/probe.ts";

describe("dialling", () => {
  test("finds a server gone when no dial is answered in time", async () => {
    using hole = await blackHole();
    const before = openSockets();
    expect(await dialing(hole.endpoint)).toEqual({ kind: "silent", reason: "no answer", isUnreachable: true });
    // Fewer is fine: sockets of earlier tests may only now be gone.
    expect(openSockets()).toBeLessThanOrEqual(before);
  });

  test("needs no more than a little silence where another connection is silent as well", async () => {
    using hole = await blackHole();
    const before = openSockets();
    const silence = { withinMs: 60_000, remainingMs: 60_000, beside: { isUnheard: () => true, lookMs: 20 } };
    expect(await dialing(hole.endpoint, silence)).toEqual({
      kind: "silent",
      reason: "answers nothing any more",
      isUnreachable: true,
    });
    // Fewer is fine: sockets of earlier tests may only now be gone.
    expect(openSockets()).toBeLessThanOrEqual(before);
  });

  test("finds it alive when the last of the dials gets through", async () => {
    using hole = await blackHole();
    using server = answering("");
    let dials = 0;
    const before = openSockets();
    const connection = await dialing(server.endpoint, {
      clock: new IdleClock(),
      openTcpSocket: () => openTcpSocket(++dials < 7 ? hole.endpoint : server.endpoint),
    });
    expect(connection).toBeInstanceOf(SocketConnection);
    expect(dials).toBe(7);
    if (!("kind" in connection)) connection.close();
    expect(await eventually(() => openSockets() <= before)).toBe(true);
  });

  test("hears what a server says before it is asked", async () => {
    using server = answering("", { onOpen: (socket) => void socket.write("SSH-2.0-OpenSSH_9.6\r\n") });
    const connection = await dialing(server.endpoint);
    const heard = Promise.withResolvers<string>();
    if ("kind" in connection) throw new Error(connection.kind);
    connection.listen({
      established: () => undefined,
      writable: () => undefined,
      received: (bytes) => heard.resolve(Buffer.from(bytes).toString()),
      ended: ({ kind }) => heard.reject(new Error(kind)),
    });
    expect(await heard.promise).toStartWith("SSH-2.0");
    connection.close();
  });

  test("takes a refusal for an answer", async () => {
    expect(await dialing(deserted())).toEqual({ kind: "failed", reason: "connect refused", isUnreachable: true });
  });

  test("gives TLS its time once the server is reached", async () => {
    const tls = tlsPolicy(OPTIONS.tls);
    using server = answering("", { tls: selfSigned(["127.0.0.1"]) });
    const connection = await dialing(server.endpoint, { tls, withinMs: 500 });
    expect(connection).toBeInstanceOf(SocketConnection);
    if (!("kind" in connection)) connection.close();
    // It accepts, and never shakes hands.
    using mute = answering("");
    expect(await dialing(mute.endpoint, { tls, withinMs: 20, remainingMs: 100 })).toEqual({
      kind: "silent",
      reason: "timed out",
      isUnreachable: false,
    });
  });

  test("ends at once when it is called off, and tells nothing", async () => {
    using hole = await blackHole();
    const before = openSockets();
    const dial = start(hole.endpoint, { withinMs: 60_000 }, () => {
      throw new Error("told of what was called off");
    });
    expect(openSockets()).toBe(before + 1);
    dial.cancel();
    expect(openSockets()).toBe(before);
  });
});

// --- internal ---

type Changes = Partial<DialOptions & SocketConnectionOptions & { readonly clock: EventLoopClock }>;

function dialing(target: Endpoint, changes: Changes = {}): Promise<Dialed> {
  return new Promise((resolve) => start(target, changes, resolve));
}

function start(target: Endpoint, changes: Changes, tell: (dialed: Dialed) => void): Dial {
  const limits = {
    withinMs: 60,
    noAnswer: "no answer",
    remainingMs: 3000,
    timedOut: "timed out",
  };
  const sockets = { tls: undefined, openTcpSocket, watchSilence, acknowledgementOf, clock: monotonicClock, ...changes };
  const { clock } = sockets;
  const newConnection: NewConnection = (endpoint, listener) => new SocketConnection(endpoint, sockets, listener);
  const dial = new Dial(
    { target, newConnection, deadlines: new Deadlines(clock), nowMs: clock.now(), ...limits, ...changes },
    tell,
  );
  dial.start();
  return dial;
}
