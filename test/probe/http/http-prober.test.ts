import { describe, expect, test } from "bun:test";
import { formatEndpoint } from "../../../src/domain/endpoint.ts";
import { clockShowing, failed, numbers, passed, probe } from "./support/probe.ts";
import { answering, answeringAndClosing, rawServer } from "./support/raw-server.ts";

const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

describe("an HTTP probe judges by the final status", () => {
  test.each<[string, number]>([
    ["HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK", 200],
    ["HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK", 200],
    ["HTTP/1.1 101 Switching Protocols", 101],
    ["HTTP/1.1 200 OK", 200],
    ["HTTP/1.0 200 OK", 200],
    ["HTTP/1.1 204 No Content", 204],
    ["HTTP/1.1 300 Multiple Choices\r\nLocation: /a", 300],
    ["HTTP/1.1 301 Moved Permanently", 301],
    ["HTTP/1.1 302 Found\r\nLocation: http://192.0.2.1/", 302],
    ["HTTP/1.1 304 Not Modified", 304],
    ["HTTP/1.1 399 Odd", 399],
  ])("%j passes", async (head, status) => {
    using server = answering(`${head}\r\nContent-Length: 0\r\n\r\n`);
    expect(await probe(server.endpoint)).toEqual(passed(`status ${status}`));
  });

  test.each([400, 401, 404, 429, 499, 500, 503, 599, 600, 999])("%d fails unless it is accepted", async (status) => {
    using server = answering(`HTTP/1.1 ${status} No\r\nContent-Length: 0\r\n\r\n`);
    expect(await probe(server.endpoint)).toEqual(failed(`status ${status}`));
    expect(await probe(server.endpoint, { acceptStatus: [418] })).toEqual(failed(`status ${status}`));
    expect(await probe(server.endpoint, { acceptStatus: [418, status] })).toEqual(passed(`status ${status}`));
  });

  test.each([200, 204, 301, 404])("%d passes if only it, or a range with it, may", async (status) => {
    using server = answering(`HTTP/1.1 ${status} So\r\nContent-Length: 0\r\n\r\n`);
    expect(await probe(server.endpoint, { onlyStatus: [[status, status]] })).toEqual(passed(`status ${status}`));
    expect(await probe(server.endpoint, { onlyStatus: [[100, status]] })).toEqual(passed(`status ${status}`));
    const others = {
      onlyStatus: [
        [100, status - 1],
        [status + 1, 999],
      ] as const,
      acceptStatus: [status],
    };
    expect(await probe(server.endpoint, others)).toEqual(failed(`status ${status}`));
  });

  test.each<[string, string]>([
    ["a length", OK],
    ["chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"],
  ])("reads a body with %s to its end and waits for no close", async (_, response) => {
    using server = answering(response);
    expect(await probe(server.endpoint)).toEqual(passed("status 200"));
  });

  test("reads a body up to the close when nothing else ends it", async () => {
    using server = answeringAndClosing("HTTP/1.1 200 OK\r\n\r\nok");
    expect(await probe(server.endpoint)).toEqual(passed("status 200"));
  });

  test("measures the latency on the given clock", async () => {
    let nowMs = 100;
    using server = rawServer((socket) => {
      nowMs += 40;
      socket.write(OK);
    });
    expect(await probe(server.endpoint, {}, { clock: clockShowing(() => nowMs) })).toEqual({
      passed: true,
      reason: "status 200",
      latencyMs: 40,
      timings: { connectMs: 0, firstByteMs: 40 },
    });
  });

  test("reaches a server on IPv6", async () => {
    using server = answering(OK, { hostname: "::1" });
    expect(await probe(server.endpoint)).toEqual(passed("status 200"));
    expect(server.requests[0]).toContain(`\r\nHost: [::1]:${server.endpoint.port}\r\n`);
  });
});

describe("an HTTP probe asks as it was told", () => {
  test("sends method, path, headers and body anew with each probe", async () => {
    using server = answering(OK);
    const options = { method: "POST", path: "/check", body: "ping", headers: [["X-Probe", "1"]] } as const;
    await probe(server.endpoint, options);
    await probe(server.endpoint, options);
    const request =
      `POST /check HTTP/1.1\r\nHost: ${formatEndpoint(server.endpoint)}\r\nUser-Agent: lvscare\r\n` +
      "Accept-Encoding: identity\r\nConnection: close\r\nX-Probe: 1\r\nContent-Length: 4\r\n\r\nping";
    expect(server.requests).toEqual([request, request]);
  });

  test("expects no body after HEAD", async () => {
    using server = answering("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n");
    expect(await probe(server.endpoint, { method: "HEAD" })).toEqual(passed("status 200"));
  });

  test("takes no method for GET", async () => {
    using server = answering(OK);
    await probe(server.endpoint, { method: "" });
    expect(server.requests[0]).toStartWith("GET /healthz HTTP/1.1\r\n");
  });

  test("sends a body larger than the socket takes at once", async () => {
    using server = answering(OK);
    const body = numbers(8 * 1024 * 1024);
    expect(await probe(server.endpoint, { method: "POST", body })).toEqual(passed("status 200"));
    expect(server.requests.map((request) => request.endsWith(`\r\n\r\n${body}`))).toEqual([true]);
  });

  test("fails without asking when the request cannot be sent", async () => {
    using server = answering(OK);
    const headers = [["X", "1\r\nY: 2"]] as const;
    expect(await probe(server.endpoint, { headers })).toEqual(failed('the request header "X" cannot be sent'));
    expect(server.requests).toEqual([]);
  });
});

describe("an HTTP probe follows redirects within the real server", () => {
  test("and judges what it finds there", async () => {
    using server = rawServer((socket, request) => {
      const found = request.startsWith("GET /busy ");
      const head = found
        ? "HTTP/1.1 503 Busy"
        : `HTTP/1.1 302 Found\r\nLocation: http://${formatEndpoint(server.endpoint)}/busy`;
      socket.write(`${head}\r\nContent-Length: 0\r\n\r\n`);
    });
    expect(await probe(server.endpoint)).toEqual(failed("status 503"));
  });

  test("ten times at most", async () => {
    using server = answering("HTTP/1.1 301 Moved Permanently\r\nLocation: /healthz\r\nContent-Length: 0\r\n\r\n");
    expect(await probe(server.endpoint)).toEqual(failed("too many redirects"));
    expect(server.requests).toHaveLength(11);
  });

  test.each([
    [302, "GET /b", ""],
    [307, "POST /b", "ping"],
  ])("after %d as %s", async (status, start, body) => {
    using server = rawServer((socket, request) => {
      socket.write(request.includes(" /b ") ? OK : `HTTP/1.1 ${status} Go\r\nLocation: b\r\nContent-Length: 0\r\n\r\n`);
    });
    expect(await probe(server.endpoint, { method: "POST", body: "ping" })).toEqual(passed("status 200"));
    expect(server.requests).toHaveLength(2);
    expect(server.requests[1]).toStartWith(`${start} HTTP/1.1\r\n`);
    expect(server.requests[1]).toEndWith(`\r\n\r\n${body}`);
  });

  test("but never leaves for a living neighbour", async () => {
    using neighbour = answering(OK, { hostname: "127.0.0.2" });
    using server = answering(
      `HTTP/1.1 302 Found\r\nLocation: http://${formatEndpoint(neighbour.endpoint)}/\r\nContent-Length: 0\r\n\r\n`,
    );
    expect(await probe(server.endpoint)).toEqual(passed("status 302"));
    expect(neighbour.requests).toEqual([]);
  });
});
