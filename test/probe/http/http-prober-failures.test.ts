import { describe, expect, test } from "bun:test";
import { LvscareError } from "../../../src/domain/errors.ts";
import { blackHole } from "./support/black-hole.ts";
import { failed, passed, probe, unreachable } from "./support/probe.ts";
import {
  answering,
  answeringAndClosing,
  deserted,
  flood,
  rawServer,
  trickle,
  type RawSocket,
} from "./support/raw-server.ts";

describe("an HTTP probe that gets no answer says why", () => {
  test("refused", async () => {
    expect(await probe(deserted())).toEqual(unreachable("connect refused"));
  });

  test("reset", async () => {
    using server = rawServer((socket) => socket.terminate());
    expect(await probe(server.endpoint)).toEqual(failed("connection reset"));
  });

  test.each(["http", "https"] as const)("refused, when it goes away while it is asked (%s)", async (scheme) => {
    const leave = (socket: RawSocket): void => {
      server.refuse();
      socket.terminate();
    };
    // Of TLS it hears no request: there it goes away during the handshake.
    const server = rawServer(leave, scheme === "https" ? { onOpen: leave } : {});
    using _ = server;
    expect(await probe(server.endpoint, { scheme })).toEqual(unreachable("connect refused"));
  });

  test("reset in the middle of the body", async () => {
    using server = rawServer((socket) => {
      socket.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nab");
      socket.terminate();
    });
    expect(await probe(server.endpoint)).toEqual(failed("connection reset"));
  });

  test("closed before the request", async () => {
    using server = answering("", { onOpen: (socket) => void socket.end() });
    expect(await probe(server.endpoint)).toEqual(failed("closed without an answer"));
  });

  test("closed after the request", async () => {
    using server = answeringAndClosing("");
    expect(await probe(server.endpoint)).toEqual(failed("closed without an answer"));
  });

  test("closed too early", async () => {
    using server = answeringAndClosing("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nab");
    expect(await probe(server.endpoint)).toEqual(failed("closed before the answer was complete"));
  });

  test.each<[string, string, string]>([
    ["garbage", "\x16\x03\x01 what?", "malformed response"],
    ["another protocol", "220 mail.test ESMTP\r\n", "malformed response"],
    [
      "broken framing",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nz\r\n",
      "malformed response: bad chunk size",
    ],
  ])("%s", async (_, response, reason) => {
    using server = answering(response);
    expect(await probe(server.endpoint)).toEqual(failed(reason));
  });

  test("headers without end", async () => {
    using server = rawServer((socket) => {
      socket.write("HTTP/1.1 200 OK\r\n");
      flood(socket, "X-Flood: yes\r\n".repeat(100));
    });
    expect(await probe(server.endpoint)).toEqual(failed("response headers too large"));
  });

  test.each<[string, unknown, string]>([
    ["no route", kernelSays("EHOSTUNREACH"), "no route to host"],
    ["no network", kernelSays("ENETUNREACH"), "network unreachable"],
    ["an unknown errno", kernelSays("EXFULL"), "connect: refused with EXFULL"],
    ["a fault of ours", new TypeError("oops"), "oops"],
  ])("%s", async (_, error, reason) => {
    const openTcpSocket = (): number => {
      throw error;
    };
    expect(await probe(deserted(), {}, { openTcpSocket })).toEqual(unreachable(reason));
  });

  test.each([
    ["EMFILE", "too many open files"],
    ["ENFILE", "too many open files"],
    ["ENOBUFS", "out of kernel memory"],
    ["ENOMEM", "out of kernel memory"],
    ["EADDRNOTAVAIL", "no local port or address left"],
  ])("%s is a want of our own and no verdict", async (errno, reason) => {
    const openTcpSocket = (): number => {
      throw kernelSays(errno);
    };
    expect(await probe(deserted(), {}, { openTcpSocket })).toEqual({
      passed: undefined,
      reason,
      latencyMs: expect.any(Number),
    });
  });
});

describe("an HTTP probe gives up", () => {
  test("connecting to a black hole", async () => {
    using hole = await blackHole();
    const options = { timeoutMs: 5000, connectTimeoutMs: 50 };
    expect(await probe(hole.endpoint, options)).toEqual(unreachable("connect timed out after 50ms"));
    expect(await probe(hole.endpoint, { ...options, scheme: "https" })).toEqual(
      unreachable("connect timed out after 50ms"),
    );
  });

  test("as a whole when that is shorter", async () => {
    using hole = await blackHole();
    expect(await probe(hole.endpoint, { timeoutMs: 50 })).toEqual(unreachable("timed out after 50ms"));
  });

  test("on a server that never answers, however short connecting may take", async () => {
    using server = answering("");
    const options = { timeoutMs: 80, connectTimeoutMs: 20 };
    expect(await probe(server.endpoint, options)).toEqual(failed("timed out after 80ms"));
    expect(await probe(server.endpoint, { ...options, scheme: "https" })).toEqual(failed("timed out after 80ms"));
  });

  test.each([
    "HTTP/1.1 200 OK\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    "HTTP/1.1 200 OK\r\n",
  ])("on a trickle after %j", async (head) => {
    const drop = head.includes("chunked") ? "1\r\nx\r\n" : head.endsWith("\r\n\r\n") ? "x" : "X: y\r\n";
    using server = rawServer((socket) => {
      socket.write(head);
      trickle(socket, drop);
    });
    expect(await probe(server.endpoint, { timeoutMs: 100 })).toMatchObject({
      passed: false,
      reason: "timed out after 100ms",
    });
  });

  test("on slow redirects together", async () => {
    using server = rawServer((socket) => {
      setTimeout(() => socket.write("HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n"), 40);
    });
    expect(await probe(server.endpoint, { timeoutMs: 100 })).toMatchObject({
      passed: false,
      reason: "timed out after 100ms",
    });
  });

  test("at once with no time at all", async () => {
    using server = answering("");
    expect(await probe(server.endpoint, { timeoutMs: 0 })).toEqual(failed("timed out after 0ms"));
  });

  test("on a body without end, whose status it has", async () => {
    using server = rawServer((socket) => {
      socket.write("HTTP/1.1 200 OK\r\n\r\n");
      flood(socket, "x".repeat(1000));
    });
    expect(await probe(server.endpoint)).toEqual(passed("status 200"));
  });

  test("only after it has looked at what came while this process was held up", async () => {
    const asked = Promise.withResolvers<RawSocket>();
    using server = rawServer((socket) => asked.resolve(socket));
    const verdict = probe(server.endpoint, { timeoutMs: 300 });
    const socket = await asked.promise;
    // After the hold-up both the answer and the deadline are due, one right after the other in one round of timers.
    setTimeout(() => socket.write("HTTP/1.1 204 No Content\r\n\r\n"), 0);
    holdUp(350);
    expect(await verdict).toEqual(passed("status 204"));
  });
});

function kernelSays(errno: string): LvscareError {
  return new LvscareError("SOCKET_FAILED", `refused with ${errno}`, { operation: "connect", errno });
}

function holdUp(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until);
}
