import { describe, expect, test } from "bun:test";
import { openTcpSocket } from "#native";
import type { Endpoint } from "../../../src/domain/endpoint.ts";
import { tlsPolicy } from "../../../src/probe/http/certificate.ts";
import { confirmDial, type ConfirmDialOptions } from "../../../src/probe/http/confirm-dial.ts";
import { Wire, type Ending } from "../../../src/probe/http/wire.ts";
import { blackHole } from "./support/black-hole.ts";
import { selfSigned } from "./support/certificates.ts";
import { eventually, openSockets } from "./support/descriptors.ts";
import { answering, deserted } from "./support/raw-server.ts";

describe("dialling a silent server again", () => {
  test("finds it gone when no dial is answered, long before connecting would time out", async () => {
    using hole = await blackHole();
    const before = openSockets();
    expect(await dial(hole.endpoint)).toEqual({ kind: "silent", reason: "answers nothing any more" });
    expect(openSockets()).toBe(before);
  });

  test("finds it alive when the last of the dials gets through", async () => {
    using hole = await blackHole();
    using server = answering("");
    let dials = 0;
    const before = openSockets();
    const wire = await dial(server.endpoint, {
      openTcpSocket: () => openTcpSocket(++dials < 5 ? hole.endpoint : server.endpoint),
    });
    expect(wire).toBeInstanceOf(Wire);
    expect(dials).toBe(5);
    if (wire instanceof Wire) wire.close();
    expect(await eventually(() => openSockets() === before)).toBe(true);
  });

  test("takes a refusal for an answer", async () => {
    expect(await dial(deserted())).toEqual({ kind: "failed", reason: "connect refused" });
  });

  test("gives TLS its time once the server is reached", async () => {
    const tls = tlsPolicy({ insecureSkipVerify: true, headers: [] });
    using server = answering("", { tls: selfSigned(["127.0.0.1"]) });
    const wire = await dial(server.endpoint, { tls, withinMs: 500 });
    expect(wire).toBeInstanceOf(Wire);
    if (wire instanceof Wire) wire.close();
    // It accepts, and never shakes hands.
    using mute = answering("");
    expect(await dial(mute.endpoint, { tls, withinMs: 20, connectTimeoutMs: 100 })).toMatchObject({ kind: "silent" });
  });

  test("ends at once when it is aborted", async () => {
    using hole = await blackHole();
    const before = openSockets();
    const abort = new AbortController();
    const outcome = dial(hole.endpoint, { withinMs: 60_000 }, abort.signal);
    abort.abort();
    expect(await outcome).toEqual({ kind: "failed", reason: "aborted" });
    expect(openSockets()).toBe(before);
  });
});

// --- internal ---

function dial(
  target: Endpoint,
  changes: Partial<ConfirmDialOptions> = {},
  signal: AbortSignal = new AbortController().signal,
): Promise<Wire | Ending> {
  const options = { target, tls: undefined, openTcpSocket, withinMs: 60, connectTimeoutMs: 3000, ...changes };
  return confirmDial(options, signal);
}
