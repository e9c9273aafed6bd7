import { describe, expect, test } from "bun:test";
import { readHead } from "../../../src/control/http/request-head.ts";

describe("the head of a request", () => {
  test("is read", () => {
    expect(readHead("GET /metrics?a=1 HTTP/1.1\r\nHost: 10.0.0.1:9105\r\nX-Some: \t thing or two \r\nEmpty:")).toEqual({
      method: "GET",
      target: "/metrics?a=1",
      fields: [
        ["host", "10.0.0.1:9105"],
        ["x-some", "thing or two"],
        ["empty", ""],
      ],
      isOld: false,
      keepsAlive: true,
      hasBody: false,
    });
  });

  test.each([
    ["HTTP/1.1\r\nHost: x", true],
    ["HTTP/1.1\r\nHost: x\r\nConnection: Close", false],
    ["HTTP/1.1\r\nHost: x\r\nConnection: upgrade , close", false],
    ["HTTP/1.0", false],
    ["HTTP/1.0\r\nConnection: Keep-Alive", true],
  ])("says whether the connection stays: %j", (rest, keepsAlive) => {
    expect(readHead(`GET / ${rest}`)).toMatchObject({ keepsAlive });
  });

  test.each([
    ["Content-Length: 3", true],
    ["Content-Length: 0", false],
    ["Content-Length: 00", true],
    ["Transfer-Encoding: chunked", true],
  ])("says whether a body follows: %s", (field, hasBody) => {
    expect(readHead(`POST / HTTP/1.1\r\nHost: x\r\n${field}`)).toMatchObject({ hasBody });
  });

  test("names the host that a whole URL names, and not the one beside it", () => {
    expect(readHead("GET http://evil.example/readyz HTTP/1.1\r\nHost: 127.0.0.1")).toMatchObject({
      target: "/readyz",
      fields: [["host", "evil.example"]],
    });
    expect(readHead("GET http://10.0.0.1:9105 HTTP/1.1\r\nHost: x")).toMatchObject({
      target: "/",
      fields: [["host", "10.0.0.1:9105"]],
    });
  });

  test.each([
    ["", 400],
    ["GET /", 400],
    ["GET / HTTP/2.0\r\nHost: x", 505],
    ["GET / HTTP/1.1", 400],
    ["GET / HTTP/1.1\r\nHost: x\r\nHost: y", 400],
    ["GET / HTTP/1.1\r\nHost: x\r\n folded", 400],
    ["GET / HTTP/1.1\r\nHost: x\r\nName : y", 400],
    ["GET / HTTP/1.1\r\nHost: x\r\nName: a\nb: c", 400],
    ["GET / HTTP/1.1\r\nHost: x\r\nName: a\0b", 400],
    ["GET  / HTTP/1.1\r\nHost: x", 400],
    ["GET a HTTP/1.1\r\nHost: x", 400],
    ["GET /a b HTTP/1.1\r\nHost: x", 400],
    ["G\0T / HTTP/1.1\r\nHost: x", 400],
  ])("is refused: %j", (text, status) => {
    expect(readHead(text)).toBe(status as 400);
  });
});
