import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { StreamReader, type StreamState } from "../../../../src/probe/http/response/stream-reader.ts";

/** What is heard of a response that comes in these pieces. */
function read(pieces: readonly Uint8Array[], isEnded = false): { status?: number; body: string; state: StreamState } {
  const heard: { status?: number } = {};
  const body: Buffer[] = [];
  const reader = new StreamReader({
    head: ({ status }) => (heard.status = status),
    piece: (piece) => body.push(piece),
  });
  let state: StreamState = "more";
  for (const piece of pieces) state = reader.feed(piece);
  return { ...heard, body: Buffer.concat(body).toString("utf8"), state: isEnded ? reader.end() : state };
}

const CHUNKED = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n\nwörld".replace("6", "7");

describe("a response that goes on", () => {
  test("is handed on as it comes", () => {
    expect(read([Buffer.from(CHUNKED)])).toEqual({ status: 200, body: "hello\nwörld", state: "more" });
    expect(read([Buffer.from(`${CHUNKED}\r\n0\r\n\r\n`)])).toEqual({
      status: 200,
      body: "hello\nwörld",
      state: "done",
    });
  });

  test("is the same however its bytes are cut", () => {
    const whole = Buffer.from(`HTTP/1.1 100 Continue\r\n\r\n${CHUNKED}\r\n0\r\n\r\n`);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: whole.length }), { maxLength: 8 }), (cuts) => {
        const at = [0, ...cuts.toSorted((a, b) => a - b), whole.length];
        const pieces = at.slice(1).map((end, index) => whole.subarray(at[index], end));
        expect(read(pieces)).toEqual({ status: 200, body: "hello\nwörld", state: "done" });
      }),
    );
  });

  test("may end with its length, or with the connection", () => {
    expect(read([Buffer.from("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno")])).toEqual({
      status: 403,
      body: "no",
      state: "done",
    });
    expect(read([Buffer.from("HTTP/1.0 200 OK\r\n\r\nall")], true)).toEqual({
      status: 200,
      body: "all",
      state: "done",
    });
  });

  test.each([
    ["", "closed without an answer"],
    ["HTTP/1.1 200", "closed before the answer was complete"],
    [CHUNKED, "closed before the answer was complete"],
    ["SSH-2.0-OpenSSH", "malformed response"],
    ["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n", "malformed response: bad chunk size"],
    ["HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", "malformed response: bad content length"],
    [`HTTP/1.1 200 OK\r\nA: ${"a".repeat(70_000)}`, "malformed response"],
  ])("that is none, or is cut, is broken: %#", (text, broken) => {
    expect(read([Buffer.from(text)], true).state).toEqual({ broken });
  });
});
