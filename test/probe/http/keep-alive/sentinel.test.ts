import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { afterEach, describe, expect, test } from "bun:test";
import type { HttpProbeOptions } from "../../../../src/config/care-options.ts";
import { openTcpSocket } from "#native";
import type { Endpoint } from "../../../../src/domain/endpoint.ts";
import { LvscareError } from "../../../../src/domain/errors.ts";
import { OwnPorts } from "../../../../src/probe/own-ports.ts";
import type { OpenTcpSocket } from "../../../../src/probe/connection/socket-connection.ts";
import type { Probe } from "../../../../src/probe/prober.ts";
import { blackHole } from "../support/black-hole.ts";
import { selfSigned } from "../support/certificates.ts";
import { counting } from "../support/counting-server.ts";
import { eventually, openSockets } from "../support/descriptors.ts";
import { IdleClock } from "../support/idle-clock.ts";
import { check, clockShowing, failed, openProbe, passed, unreachable } from "../support/probe.ts";
import { answering, answeringAndClosing, rawServer, type RawSocket } from "../support/raw-server.ts";
import { turnstile } from "../support/turnstile.ts";

const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const UP = passed("status 200");

const opened: Probe[] = [];
afterEach(() => {
  for (const probe of opened.splice(0)) probe.close();
});

describe("a kept connection", () => {
  test.each(["http", "https"] as const)("carries %s checks, and every tenth makes a new one", async (scheme) => {
    const { server, connections } = counting(OK, scheme === "https" ? { tls: selfSigned(["127.0.0.1"]) } : {});
    using _ = server;
    const { check } = watch(server.endpoint, { scheme }, { clock: clockShowing(() => 7999) });
    const made: number[] = [];
    for (let n = 1; n <= 31; n++) {
      expect(await check()).toEqual(UP);
      if (connections() > made.length) made.push(n);
    }
    expect(server.requests).toHaveLength(31);
    // The second shows that the server serves others while one is kept.
    expect(made).toEqual([1, 2, 12, 22]);
  });

  test.each([400, 200])(
    "on which nothing comes any more is no sign of life where a new one does not come to be",
    async (connectTimeoutMs) => {
      let answer = OK;
      const { server } = counting(() => answer);
      using _ = server;
      using hole = await blackHole();
      let target = server.endpoint;
      const open = (): number => openTcpSocket(target);
      const { check } = watch(
        server.endpoint,
        { timeoutMs: 400, connectTimeoutMs },
        { ...idle(700), openTcpSocket: open },
      );
      for (let n = 1; n <= 3; n++) expect(await check()).toEqual(UP);
      answer = "";
      target = hole.endpoint;
      expect(await check()).toMatchObject({ passed: false, unreachable: true });
    },
  );

  test("has a local port of its own, where there are any for its server", async () => {
    using server = answering(OK);
    const ports = noting();
    const first = watch(server.endpoint, {}, ports);
    expect([await first.check(), await first.check()]).toEqual([UP, UP]);
    expect(ports.made).toEqual([true, true]);
    expect(await watch(server.endpoint, {}, ports).check()).toEqual(UP);
    expect(ports.made.splice(0)).toEqual([true, true, false]);
    for (let closed = 0; closed < 2; closed++) first.probe.close();
    expect(await watch(server.endpoint, {}, ports).check()).toEqual(UP);
    expect(await watch(server.endpoint, {}, ports).check()).toEqual(UP);
    expect(ports.made).toEqual([true, false]);
  });

  test("has one even where checks go over others, which leave none behind", async () => {
    using server = answeringAndClosing("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok");
    const ports = noting();
    const { check } = watch(server.endpoint, {}, ports);
    expect([await check(), await check(), await check()]).toEqual([UP, UP, UP]);
    // The second of them is the one that is kept.
    expect(ports.made).toEqual([true, true, false, false]);
    const fresh = noting();
    const { check: anew } = watch(server.endpoint, { freshConnection: true }, fresh);
    expect([await anew(), await anew()]).toEqual([UP, UP]);
    expect(fresh.made).toEqual([false, true, false]);
  });

  test("hides for some checks only that a server takes no new connections any more", async () => {
    const { server } = counting(OK);
    using _ = server;
    const { check } = watch(server.endpoint, {}, { clock: clockShowing(() => 7999) });
    for (let n = 1; n <= 2; n++) expect(await check()).toEqual(UP);
    server.refuse();
    for (let n = 3; n <= 11; n++) expect(await check()).toEqual(UP);
    expect(await check()).toEqual(unreachable("connect refused"));
  });

  test("hides nothing from a check of a server that somebody else got no answer from", async () => {
    const { server } = counting(OK);
    using _ = server;
    const { check, probe } = watch(server.endpoint, {}, { clock: clockShowing(() => 7999) });
    for (let n = 1; n <= 3; n++) expect(await check()).toEqual(UP);
    server.refuse();
    expect(await check()).toEqual(UP);
    probe.distrust?.();
    expect(await check()).toEqual(unreachable("connect refused"));
  });

  test.each([
    [900, [1, 2, 2, 2, 2, 3, 3, 3, 3, 4]],
    [50, [1, 2, 2, 3, 3, 3, 3, 4, 4, 4]],
  ])("is spared by the first check that is 20 s after the last new one (from %i ms on)", async (beginMs, expected) => {
    const { server, connections } = counting(OK);
    using _ = server;
    let nowMs = beginMs;
    const { check } = watch(server.endpoint, {}, { clock: clockShowing(() => nowMs) });
    const made: number[] = [];
    for (; made.length < expected.length; nowMs += 5000) {
      await check();
      made.push(connections());
    }
    expect(made).toEqual(expected);
  });

  test("carries what a server redirects to, which takes no turn away from the checks", async () => {
    const paths = ["/a", "/b"];
    const { server, connections } = counting(() => {
      const path = paths[0] ?? "";
      paths.reverse();
      return path === "/a" ? "HTTP/1.1 302 Found\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n" : OK;
    });
    using _ = server;
    const { check } = watch(server.endpoint, {}, { clock: clockShowing(() => 7999) });
    for (let n = 1; n <= 11; n++) expect(await check()).toEqual(UP);
    expect([server.requests.length, connections()]).toEqual([22, 2]);
    expect(await check()).toEqual(UP);
    expect([server.requests.length, connections()]).toEqual([24, 3]);
  });

  test("is spared for the first time by the moment of the check, so that not all are in the same second", async () => {
    const first = await Promise.all(
      [7000, 7050, 7250, 7999].map(async (nowMs) => {
        const { server, connections } = counting(OK);
        using _ = server;
        const { check } = watch(server.endpoint, {}, { clock: clockShowing(() => nowMs) });
        let checks = 0;
        for (; connections() < 3; checks++) await check();
        return checks;
      }),
    );
    expect(first).toEqual([4, 4, 6, 12]);
  });

  test("costs the next check neither time to connect nor for TLS", async () => {
    const { server } = counting(OK, { tls: selfSigned(["127.0.0.1"]) });
    using _ = server;
    const [connectMs, tlsMs]: [number[], number[]] = [[], []];
    for (let n = 0; n < 10; n++) {
      const { check } = watch(server.endpoint, { scheme: "https" });
      const timesOf = async () => {
        const outcome = await check();
        return outcome.passed === true ? outcome.timings : undefined;
      };
      const first = await timesOf();
      expect(Object.keys(first ?? {})).toEqual(["connectMs", "tlsMs", "firstByteMs"]);
      connectMs.push(first?.connectMs ?? Number.POSITIVE_INFINITY);
      tlsMs.push(first?.tlsMs ?? 0);
      await check();
      expect(await timesOf()).toEqual({ firstByteMs: expect.any(Number) });
    }
    // A handshake takes the time of its cryptography, and on loopback the connection nothing to speak of, if this process keeps its turn.
    expect(Math.min(...tlsMs)).toBeGreaterThan(Math.min(...connectMs));
  });

  test("is closed in good order when a new one takes its place", async () => {
    const ends: string[] = [];
    const { promise: closed, resolve } = Promise.withResolvers<void>();
    const server = createServer((socket) => {
      socket.on("data", () => socket.write(OK));
      socket.on("error", ({ message }) => ends.push(message));
      socket.on("end", () => ends.push("end"));
      socket.on("close", () => resolve());
    });
    await once(server.listen(0, "127.0.0.1"), "listening");
    const { port } = server.address() as AddressInfo;
    const { check } = watch({ family: "ipv4", address: "127.0.0.1", port });
    for (let n = 0; n < 2; n++) expect(await check()).toEqual(UP);
    await closed;
    expect(ends).toEqual(["end"]);
    server.close();
  });

  test.each([
    ["says goodbye instead of an answer", "HTTP/1.1 408 Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"],
    ["says that it cannot", "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"],
    ["says nothing", ""],
  ])(
    "on which the server %s the second time is no reason to fail, and carries no checks any more",
    async (_, second) => {
      const asked = new Set<RawSocket>();
      const { server, connections, sockets } = counting("", {
        onRequest: (socket) => {
          socket.write(asked.has(socket) ? second : OK);
          asked.add(socket);
        },
      });
      using _server = server;
      // So long before the next second that no new connection is due in between.
      const { check, suspects } = watch(server.endpoint, { timeoutMs: 400 }, idle(300));
      for (let n = 0; n < 4; n++) expect(await check()).toEqual(UP);
      expect([server.requests.length, connections()]).toEqual([6, 4]);
      for (let n = 0; n < 3; n++) expect(await check()).toEqual(UP);
      // The one that is kept carried nothing.
      expect(await eventually(() => [...sockets].some((socket) => !asked.has(socket)))).toBe(true);
      expect(server.requests).toHaveLength(9);
      expect(suspects()).toBe(0);
    },
  );

  test("on which the server says that it cannot, while a new one is told nothing, is believed soon", async () => {
    const asked: RawSocket[] = [];
    using server = rawServer((socket) => {
      if (asked.length < 2) socket.write(OK);
      else if (asked.includes(socket)) socket.write("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n");
      asked.push(socket);
    });
    const { check } = watch(server.endpoint, {}, idle(700));
    for (let n = 0; n < 2; n++) expect(await check()).toEqual(UP);
    const outcome = await check();
    expect(outcome).toEqual(failed("status 503"));
    // Not only when the time of the check is over.
    expect(outcome.latencyMs).toBeLessThan(4500);
  });

  test("over which a bad answer comes late counts less than a good one over the new one that was asked meanwhile", async () => {
    let kept: RawSocket | undefined;
    const ports = idle(700);
    using server = rawServer((socket) => {
      if (server.requests.length === 2) kept = socket;
      if (server.requests.length <= 2) return void socket.write(OK);
      const [answer, afterMs] = socket === kept ? ["HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", 2100] : [OK, 1300];
      ports.clock.setTimeout(() => socket.write(answer), afterMs);
    });
    const { check } = watch(server.endpoint, { timeoutMs: 4000 }, ports);
    for (let n = 0; n < 3; n++) expect(await check()).toEqual(UP);
  });

  test.each([
    ["answers badly", "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", "status 503"],
    ["does not answer", "", "timed out after 400ms"],
    ["does not finish its answer", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok", "timed out after 400ms"],
  ])("over which a server %s has failed, where this host lacks the means to ask it anew", async (_, second, reason) => {
    let dials = 0;
    const dialTwice = (target: Endpoint): number => (++dials <= 2 ? openTcpSocket(target) : failForWantOfMeans());
    using server = rawServer((socket) => void socket.write(server.requests.length <= 2 ? OK : second));
    const { check } = watch(server.endpoint, { timeoutMs: 400 }, { ...idle(700), openTcpSocket: dialTwice });
    for (let n = 0; n < 2; n++) expect(await check()).toEqual(UP);
    expect(await check()).toEqual(failed(reason));
  });

  test("may take as long as any to carry an answer", async () => {
    const ports = idle(700);
    using server = rawServer((socket) => {
      ports.clock.setTimeout(() => socket.write(OK), server.requests.length > 2 ? 300 : 0);
    });
    const { check } = watch(server.endpoint, { timeoutMs: 400 }, ports);
    for (let n = 0; n < 2; n++) expect(await check()).toEqual(UP);
    const outcome = await check();
    expect(outcome).toEqual(UP);
    expect("timings" in outcome && Object.keys(outcome.timings ?? {})).toEqual(["firstByteMs"]);
    expect(server.requests).toHaveLength(4);
  });

  test.each([
    ["HTTP/1.1", () => answering(OK), "http"],
    ["HTTP/1.0", () => answeringAndClosing("HTTP/1.0 200 OK\r\n\r\n"), "http"],
    ["HTTPS", () => answering(OK, { tls: selfSigned(["127.0.0.1"]) }), "https"],
  ] as const)("is let go where it keeps a server from serving anybody else (%s)", async (_, serve, scheme) => {
    using server = serve();
    using way = await turnstile(server.endpoint);
    // Half of that is waited for.
    const { check } = watch(way.endpoint, { scheme, timeoutMs: 2000 }, idle(700));
    const waits: boolean[] = [];
    for (let n = 0; n < 5; n++) {
      const outcome = await check();
      expect(outcome).toEqual(UP);
      waits.push(outcome.latencyMs >= 990);
    }
    expect(waits).toEqual([false, true, true, false, false]);
    expect(await eventually(() => way.connections() === 0)).toBe(true);
  });

  test("is kept though a server is slow at times", async () => {
    const ports = idle(7500);
    const { server, connections } = counting("", {
      onRequest: (socket) => {
        const n = server.requests.length;
        if (n === 2 || n === 3) ports.clock.setTimeout(() => socket.write(OK), 450);
        else socket.write(OK);
      },
    });
    using _ = server;
    const { check } = watch(server.endpoint, { timeoutMs: 600 }, ports);
    for (let n = 0; n < 5; n++) expect(await check()).toEqual(UP);
    const before = connections();
    for (let n = 0; n < 3; n++) expect(await check()).toEqual(UP);
    expect(connections()).toBe(before);
  });

  test("is not used for checks when each shall make its own, and stands all the same", async () => {
    const { server, connections, sockets } = counting(OK);
    using _ = server;
    const { check, suspicion } = watch(server.endpoint, { freshConnection: true });
    for (let n = 0; n < 3; n++) expect(await check()).toEqual(UP);
    expect(server.requests).toHaveLength(3);
    expect(await eventually(() => connections() === 4)).toBe(true);
    const suspected = suspicion();
    for (const socket of sockets) socket.end();
    await suspected;
  });

  test("is not there when nobody wants one", async () => {
    const before = openSockets();
    using server = answering(OK);
    const { check } = watch(server.endpoint, { sentinel: false });
    expect(await check()).toEqual(UP);
    server[Symbol.dispose]();
    expect(await eventually(() => openSockets() === before)).toBe(true);
  });

  test("that the server closed just as it was used again costs no verdict", async () => {
    let asked: RawSocket | undefined;
    using server = rawServer((socket) => {
      if (asked === socket) socket.terminate();
      else socket.write(OK);
      asked = socket;
    });
    const { check } = watch(server.endpoint);
    for (let n = 0; n < 3; n++) expect(await check()).toEqual(UP);
    expect(server.requests).toHaveLength(4);
  });

  test("stays when this host lacks the means for a check", async () => {
    let isShort = false;
    const dial = (target: Endpoint): number => (isShort ? failForWantOfMeans() : openTcpSocket(target));
    const { server, connections, sockets } = counting(OK);
    using _ = server;
    const { check, suspicion } = watch(server.endpoint, { freshConnection: true }, { openTcpSocket: dial });
    expect(await check()).toEqual(UP);
    expect(await eventually(() => connections() === 2 && sockets.size === 1)).toBe(true);
    isShort = true;
    expect(await check()).toMatchObject({ passed: undefined });
    const suspected = suspicion();
    for (const socket of sockets) socket.end();
    await suspected;
  });

  test("goes when a check fails", async () => {
    let status = "200 OK";
    const { server, sockets } = counting(() => `HTTP/1.1 ${status}\r\nContent-Length: 0\r\n\r\n`);
    using _ = server;
    const { check, suspects } = watch(server.endpoint);
    expect(await check()).toEqual(UP);
    status = "500 Oops";
    expect(await check()).toEqual(failed("status 500"));
    expect(await eventually(() => sockets.size === 0)).toBe(true);
    expect(suspects()).toBe(0);
  });
});

test("a path that breaks makes the server suspect: it is asked again over a new connection, in short", async () => {
  let broke: () => void = () => undefined;
  let uses = 0;
  const watchPath = (_: Endpoint, lost: () => void) => {
    broke = lost;
    return { used: () => void uses++, close: () => void (uses = -1) };
  };
  const { server, connections } = counting(OK);
  using _ = server;
  const { check, probe, suspicion } = watch(server.endpoint, {}, { watchPath });
  for (let n = 0; n < 3; n++) expect(await check()).toEqual(UP);
  expect([connections(), uses]).toEqual([2, 2]);
  const suspected = suspicion();
  broke();
  await suspected;
  expect(await check()).toEqual(UP);
  expect([connections(), uses]).toEqual([3, 3]);

  server[Symbol.dispose]();
  using hole = await blackHole();
  const silent = watch(hole.endpoint, { sentinelTimeoutMs: 1 }, { watchPath });
  broke();
  expect(await silent.check()).toEqual(unreachable("answers nothing any more"));
  probe.close();
  expect(uses).toBe(-1);
});

describe("a request that is not even acknowledged", () => {
  // Their clocks begin so that three checks in a row go over the kept connection, for most of a second.
  const LOST = { isOutstanding: true, isProbeUnanswered: false, roundTripMs: 0.1 };

  test("finds the server gone when several dials beside it are lost as well, long before the check's time is over", async () => {
    let answer = OK;
    const { server } = counting(() => answer);
    using _ = server;
    using hole = await blackHole();
    let target = server.endpoint;
    const ports = {
      ...idle(300),
      openTcpSocket: () => openTcpSocket(target),
      acknowledgementOf: () => LOST,
    };
    const { check } = watch(server.endpoint, { timeoutMs: 60_000, connectTimeoutMs: 60_000 }, ports);
    for (let n = 1; n <= 3; n++) expect(await check()).toEqual(UP);
    answer = "";
    target = hole.endpoint;
    expect(await check()).toEqual(unreachable("answers nothing any more"));
  });

  test("was only lost where a dial is answered, and the connections that are kept bear no blame", async () => {
    let answer = OK;
    const { server, connections } = counting(() => {
      const given = answer;
      answer = OK;
      return given;
    });
    using _ = server;
    const ports = { ...idle(300), acknowledgementOf: () => LOST };
    const { check } = watch(server.endpoint, { timeoutMs: 60_000 }, ports);
    for (let n = 1; n <= 3; n++) expect(await check()).toEqual(UP);
    for (let lost = 1; lost <= 3; lost++) {
      const before = connections();
      answer = "";
      expect(await check()).toEqual(UP);
      expect(connections()).toBe(before + 1);
      expect(await check()).toEqual(UP);
      expect(connections()).toBe(before + 1);
    }
  });

  test("may have the time of the check once it is acknowledged after all", async () => {
    let answer = OK;
    const { server, sockets } = counting(() => answer);
    using _ = server;
    using hole = await blackHole();
    let target = server.endpoint;
    const seen = [LOST, HEARD];
    const { clock } = idle(300);
    const ports = {
      clock,
      openTcpSocket: () => openTcpSocket(target),
      acknowledgementOf: () => {
        const next = seen.shift() ?? HEARD;
        // The dials beside it are over: the answer comes late, over the kept connection.
        if (next === HEARD) clock.setTimeout(() => [...sockets][0]?.write(OK), 1);
        return next;
      },
    };
    const { check } = watch(server.endpoint, { timeoutMs: 60_000 }, ports);
    for (let n = 1; n <= 3; n++) expect(await check()).toEqual(UP);
    answer = "";
    target = hole.endpoint;
    expect(await check()).toEqual(UP);
  });
});

describe("the end of a kept connection", () => {
  test("makes the server suspect, and refused after that it is down", async () => {
    const { server, sockets } = counting(OK);
    const { check, suspicion } = watch(server.endpoint);
    expect(await check()).toEqual(UP);
    const suspected = suspicion();
    server[Symbol.dispose]();
    for (const socket of sockets) socket.terminate();
    await suspected;
    expect(await check()).toEqual(unreachable("connect refused"));
  });

  test("says nothing when the server answers again", async () => {
    const { server, sockets, connections } = counting(OK);
    using _ = server;
    const { check, suspicion } = watch(server.endpoint);
    expect(await check()).toEqual(UP);
    const suspected = suspicion();
    for (const socket of sockets) socket.end();
    await suspected;
    expect(await check()).toEqual(UP);
    expect(connections()).toBe(2);
  });

  test("a server that closes after each answer has an idle one beside", async () => {
    const { server, sockets } = counting("", {
      onRequest: (socket) => void socket.end("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"),
    });
    using _ = server;
    const { check, suspicion } = watch(server.endpoint);
    expect(await check()).toEqual(UP);
    expect(await eventually(() => sockets.size === 1)).toBe(true);
    expect(await check()).toEqual(UP);
    expect(server.requests).toHaveLength(2);
    const suspected = suspicion();
    for (const socket of sockets) socket.terminate();
    await suspected;
  });

  test("a server that closes idle connections at once is left in peace", async () => {
    let opens = 0;
    const ports = idle(700);
    using server = answeringAndClosing("HTTP/1.0 200 OK\r\n\r\n", {
      onOpen: (socket) => {
        // Checks ask at once; what is silent for a moment is the sentinel.
        opens++;
        ports.clock.setTimeout(() => socket.end(), 30);
      },
    });
    const { check, suspicion } = watch(server.endpoint, {}, ports);
    for (let alarm = 0; alarm < 3; alarm++) {
      const suspected = suspicion();
      expect(await check()).toEqual(UP);
      await suspected;
    }
    const before = opens;
    expect(await check()).toEqual(UP);
    expect(await check()).toEqual(UP);
    expect(opens).toBe(before + 2);
  });

  test("a server that closes them by their age has one all the same", async () => {
    const { server, check, probe, connections, wait, closeAfter } = idling();
    using _ = server;
    for (let end = 0; end < 5; end++) {
      expect(await check()).toEqual(UP);
      // The last check over each is a moment before its end.
      wait(4000);
      expect(await check()).toEqual(UP);
      await closeAfter(400);
    }
    const before = connections();
    expect(await check()).toEqual(UP);
    expect(connections()).toBe(before + 1);
    expect(await check()).toEqual(UP);
    expect(connections()).toBe(before + 1);
    expect(probe.renewWithinMs).toBeUndefined();
  });

  test("what looked like a limit is forgotten when a connection ends that was used before it", async () => {
    const { server, check, probe, closeAfter } = idling();
    using _ = server;
    for (const idleMs of [3000, 3000, 2000, 3000, 3000]) {
      expect(await check()).toEqual(UP);
      await closeAfter(idleMs);
    }
    expect(await check()).toEqual(UP);
    expect(probe.renewWithinMs).toBeUndefined();
  });

  test("a server is not asked many times an interval to have one", async () => {
    const { server, check, probe, sockets, closeAfter } = idling({ sentinelWorthMs: 12_000 });
    using _ = server;
    for (let end = 0; end < 3; end++) {
      expect(await check()).toEqual(UP);
      await closeAfter(5000);
    }
    expect(await check()).toEqual(UP);
    expect(await eventually(() => sockets.size === 0)).toBe(true);
    expect(probe.renewWithinMs).toBeUndefined();
  });

  test("its limit is learned, so that the next one is used before it", async () => {
    const { server, check, probe, closeAfter } = idling();
    using _ = server;
    for (let round = 0; round < 2; round++) {
      expect(await check()).toEqual(UP);
      expect(probe.renewWithinMs).toBeUndefined();
      await closeAfter(4000);
    }
    expect(await check()).toEqual(UP);
    expect(probe.renewWithinMs).toBe(3200);
  });
});

// --- internal ---

test("a sentinel that is refused at once makes the server suspect as soon as the check is over", async () => {
  // Such a connection cannot be kept: the sentinel is a new one.
  using server = answeringAndClosing("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok");
  let dials = 0;
  const dialOnce = (target: Endpoint): number => {
    if (dials++ === 0) return openTcpSocket(target);
    throw new LvscareError("SOCKET_FAILED", "the kernel refused with ECONNREFUSED", { errno: "ECONNREFUSED" });
  };
  const told: unknown[] = [];
  const probe = openProbe(server.endpoint, { sentinel: true }, { openTcpSocket: dialOnce }, () => told.push("suspect"));
  opened.push(probe);
  const again = Promise.withResolvers<void>();
  probe.check((outcome) => {
    told.push(outcome);
    queueMicrotask(again.resolve);
  });
  await again.promise;
  expect(told).toEqual([UP, "suspect"]);
  expect(await check(probe)).toEqual(unreachable("connect refused"));
});

const HEARD = { isOutstanding: false, isProbeUnanswered: false, roundTripMs: 0.1 };

/** A clock that begins there, and goes on when nothing else is left to do. The kernel, which acknowledges in its own time, knows none of that. */
function idle(fromMs: number) {
  return { clock: new IdleClock(fromMs), acknowledgementOf: () => HEARD };
}

/** A clock that begins there. */
function steady(fromMs: number): () => number {
  const startedMs = performance.now();
  return () => fromMs + performance.now() - startedMs;
}

function watch(
  endpoint: Endpoint,
  options: Partial<HttpProbeOptions> = {},
  ports: Parameters<typeof openProbe>[2] = {},
) {
  let told: () => void = () => undefined;
  let count = 0;
  // So that a few checks go over the kept connection, whenever the test runs.
  const clock = clockShowing(steady(700));
  const probe = openProbe(endpoint, { sentinel: true, ...options }, { clock, ...ports }, () => {
    count++;
    told();
  });
  opened.push(probe);
  return {
    probe,
    check: () => check(probe),
    suspects: () => count,
    /** The next time that the server becomes suspect. */
    suspicion: () => new Promise<void>((resolve) => (told = resolve)),
  };
}

/** Ports for the connections of one real server, and whether each that was made has one of its own. */
function noting() {
  const made: boolean[] = [];
  const open: OpenTcpSocket = (target, origin) => {
    made.push(origin?.hasOwnPort === true);
    return openTcpSocket(target, origin);
  };
  return { made, openTcpSocket: open, ownPorts: new OwnPorts(1) };
}

/** A good server that closes its connections when it is told to, on a clock of its own. */
function idling(options: Partial<HttpProbeOptions> = {}) {
  let nowMs = 0;
  const scene = counting(OK);
  const watched = watch(scene.server.endpoint, options, { clock: clockShowing(() => nowMs) });
  return {
    ...scene,
    ...watched,
    wait: (ms: number) => void (nowMs += ms),
    /** So long after what happened last; the server is suspect then. */
    closeAfter: async (ms: number) => {
      const suspected = watched.suspicion();
      nowMs += ms;
      for (const socket of scene.sockets) socket.end();
      await suspected;
    },
  };
}

function failForWantOfMeans(): never {
  throw new LvscareError("SOCKET_FAILED", "the kernel refused with EMFILE", { errno: "EMFILE" });
}
