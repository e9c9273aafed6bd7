import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  STATUS_ALONE,
  ResponseReader,
  type ProbeResponse,
  type Reading,
} from "../../../../src/probe/http/response/response-reader.ts";

const OK = "HTTP/1.1 200 OK\r\n";

describe("ResponseReader", () => {
  test.each<[string, string, number]>([
    ["a length", `${OK}Content-Length: 2\r\n\r\nhi`, 200],
    ["a repeated length", `${OK}Content-Length: 2, 2\r\ncontent-length: 2\r\n\r\nhi`, 200],
    ["an empty body", `${OK}Content-Length: 0\r\n\r\n`, 200],
    ["chunks", `${OK}Transfer-Encoding: chunked\r\n\r\n2;x="y"\r\nhi\r\n0\r\nTrailer: 1\r\n\r\n`, 200],
    [
      "chunks that override a length",
      `${OK}Content-Length: 99\r\nTransfer-Encoding: gzip, Chunked\r\n\r\n0\r\n\r\n`,
      200,
    ],
    ["no body by status 204", "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", 204],
    ["no body by status 304", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", 304],
    ["another protocol", "HTTP/1.1 101 Switching Protocols\r\n\r\n", 101],
    [
      "interim heads first",
      `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n${OK}Content-Length: 0\r\n\r\n`,
      200,
    ],
    ["thousands of fields", `${OK}${"X: y\r\n".repeat(10_000)}Content-Length: 0\r\n\r\n`, 200],
    ["bare line feeds", "HTTP/1.0 200\nContent-Length: 1\n\nx", 200],
    ["a status of the wild", "HTTP/1.1 999 Request Denied\r\nContent-Length: 0\r\n\r\n", 999],
    ["a reason like a field", "HTTP/1.1 200 \rContent-Length: 9\r\nContent-Length: 2\r\n\r\nhi", 200],
    ["more bytes than belong to it", `${OK}Content-Length: 2\r\n\r\nhi${OK}`, 200],
  ])("reads an answer with %s", (_, response, status) => {
    expect(read(response)).toMatchObject({ state: "complete", answer: answered(status) });
  });

  test("expects no body after HEAD", () => {
    expect(new ResponseReader("HEAD").feed(bytes(`${OK}Content-Length: 5\r\n\r\n`)).state).toBe("complete");
  });

  test("takes the first location, folded or not", () => {
    const response = "HTTP/1.1 302 Found\r\nLOCATION:\r\n  /a \r\nLocation: /b\r\nContent-Length: 0\r\n\r\n";
    expect(read(response)).toMatchObject({ state: "complete", answer: { status: 302, location: "/a" } });
  });

  test.each<[string, string, boolean]>([
    ["a length", `${OK}Content-Length: 2\r\n\r\nhi`, true],
    ["chunks", `${OK}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, true],
    ["no body by its status", "HTTP/1.1 204 No Content\r\n\r\n", true],
    ["the will to keep it", `${OK}Connection: keep-alive\r\nContent-Length: 0\r\n\r\n`, true],
    ["the will to close it", `${OK}Connection: Keep-Alive, Close\r\nContent-Length: 0\r\n\r\n`, false],
    ["an upgrade", `${OK}Connection: upgrade\r\nContent-Length: 0\r\n\r\n`, false],
    ["another protocol", "HTTP/1.1 101 Switching Protocols\r\n\r\n", false],
    ["the old version", "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", false],
    ["more bytes than belong to it", `${OK}Content-Length: 2\r\n\r\nhi!`, false],
    ["more bytes after the last chunk", `${OK}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n!`, false],
  ])("knows whether the connection goes on after an answer with %s", (_, response, reusable) => {
    expect(read(response)).toMatchObject({ state: "complete", reusable });
  });

  test.each<[string, string, Reading]>([
    ["before anything", "", { state: "broken", reason: "closed without an answer" }],
    ["inside the head", OK, { state: "broken", reason: "closed before the answer was complete" }],
    [
      "after an interim head",
      "HTTP/1.1 100 Continue\r\n\r\n",
      { state: "broken", reason: "closed before the answer was complete" },
    ],
    [
      "inside a counted body",
      `${OK}Content-Length: 3\r\n\r\nhi`,
      { state: "broken", reason: "closed before the answer was complete" },
    ],
    [
      "inside a chunk",
      `${OK}Transfer-Encoding: chunked\r\n\r\n5\r\nhi`,
      { state: "broken", reason: "closed before the answer was complete" },
    ],
    ["at the end of an uncounted body", `${OK}\r\nhi`, { state: "complete", answer: answered(200), reusable: false }],
    [
      "after a coding that is not chunked",
      `${OK}Transfer-Encoding: gzip\r\n\r\nhi`,
      { state: "complete", answer: answered(200), reusable: false },
    ],
  ])("judges a peer that closes %s", (_, response, reading) => {
    const reader = new ResponseReader("GET");
    expect(reader.feed(bytes(response))).toEqual({ state: "reading" });
    expect(reader.end()).toEqual(reading);
    expect(reader.feed(bytes("more"))).toEqual(reading);
  });

  test.each<[string, string, string]>([
    ["another protocol", "SSH-2.0-OpenSSH_9.6\r\n", "malformed response"],
    ["a binary greeting with no line in it", "J\0\0\0\n8.0.36", "malformed response"],
    ["HTTP/2", "HTTP/2 200\r\n\r\n", "malformed response"],
    ["settings of HTTP/2", "\0\0\x06\x04\0\0\0\0\0\0\x03\0\0\0\x64", "the server speaks only HTTP/2"],
    ["settings with line ends in them", "\0\0\x06\x04\0\0\0\0\0\0\x03\0\0\n\n", "the server speaks only HTTP/2"],
    ["a goodbye of HTTP/2", "\0\0\x08\x07\0\0\0\0\0\0\0\0\0\0\0\0\x01", "the server speaks only HTTP/2"],
    ["zeros that are no frame", "\0\0\0\0\0\0\0\0\0\0", "malformed response"],
    ["a status of two digits", "HTTP/1.1 20 OK\r\n\r\n", "malformed response"],
    ["a status below 100", "HTTP/1.1 099 Low\r\n\r\n", "malformed response"],
    ["a line that is no field", `${OK}nonsense\r\n\r\n`, "malformed response"],
    ["a blank before the colon", `${OK}Name : x\r\n\r\n`, "malformed response"],
    ["a fold with nothing to continue", `${OK} x\r\n\r\n`, "malformed response"],
    ["NUL in a value", `${OK}Name: a\0b\r\n\r\n`, "malformed response"],
    ["CR in a value", `${OK}Name: a\rb\r\n\r\n`, "malformed response"],
    ["two lengths", `${OK}Content-Length: 1\r\nContent-Length: 2\r\n\r\n`, "malformed response: bad content length"],
    ["a negative length", `${OK}Content-Length: -1\r\n\r\n`, "malformed response: bad content length"],
    [
      "a chunk size that is none",
      `${OK}Transfer-Encoding: chunked\r\n\r\nxyz\r\n`,
      "malformed response: bad chunk size",
    ],
    [
      "a chunk size beyond 64 bits",
      `${OK}Transfer-Encoding: chunked\r\n\r\n10000000000000000\r\n`,
      "malformed response: bad chunk size",
    ],
    [
      "a chunk longer than its size",
      `${OK}Transfer-Encoding: chunked\r\n\r\n1\r\nhello\r\n`,
      "malformed response: bad chunk end",
    ],
    ["a head without end", `${OK}${"X: y\r\n".repeat(20_000)}`, "response headers too large"],
    ["one endless line", `${OK}X: ${"y".repeat(70_000)}`, "response headers too large"],
    ["interim heads without end", "HTTP/1.1 100 Continue\r\n\r\n".repeat(5000), "response headers too large"],
  ])("refuses %s", (_, response, reason) => {
    expect(read(response)).toEqual({ state: "broken", reason });
  });

  test.each<[string, string]>([
    ["counted", `${OK}Content-Length: 99999999999999999999\r\n\r\n`],
    ["chunked", `${OK}Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n`],
    ["uncounted", `${OK}\r\n`],
  ])("lets the status stand when a %s body goes past 64 KiB", (_, head) => {
    const reader = new ResponseReader("GET");
    expect(reader.feed(bytes(head + "x".repeat(65_000))).state).toBe("reading");
    expect(reader.feed(bytes("x".repeat(1000)))).toEqual({
      state: "complete",
      answer: answered(200),
      reusable: false,
    });
  });

  test.each<[string, string, string]>([
    ["counted", `${OK}Content-Length: 5\r\n\r\nhello`, "hello"],
    ["chunked", `${OK}Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;x\r\nllo\r\n0\r\nX: y\r\n\r\n`, "hello"],
    ["chunked, and more than that", `${OK}Transfer-Encoding: chunked\r\n\r\n1\r\nh\r\n0\r\n\r\nmore`, "h"],
    ["counted, and more than that", `${OK}Content-Length: 2\r\n\r\nhello`, "he"],
    ["uncounted", `${OK}\r\nhello`, "hello"],
    ["missing", `${OK}Content-Length: 0\r\n\r\n`, ""],
  ])("keeps a %s body where it is asked for", (_, response, body) => {
    for (const cuts of [[], Array<number>(200).fill(1)]) {
      const reading = readInPieces(bytes(response), cuts).at(-1);
      expect(reading?.state === "complete" && reading.answer.body).toEqual({ bytes: Buffer.from(body), isCut: false });
    }
  });

  test("says that a body is longer than what it keeps", () => {
    const [reading] = readInPieces(bytes(`${OK}\r\n${"y".repeat(70_000)}`), []);
    const body = reading?.state === "complete" ? reading.answer.body : undefined;
    expect([body?.bytes.length, body?.isCut]).toEqual([65_536, true]);
  });

  test("comes to the same result however the bytes are cut", () => {
    fc.assert(
      fc.property(hostileResponse(), fc.array(fc.nat(400)), (response, cuts) => {
        expect(readInPieces(response, cuts)).toEqual(readInPieces(response, []));
      }),
      { numRuns: 500 },
    );
  });

  test("comes to the same result byte by byte at the limits", () => {
    for (const size of [65_500, 65_536, 65_537]) {
      for (const response of [`${OK}X: ${"y".repeat(size - 24)}\r\n\r\n`, `${OK}\r\n${"y".repeat(size)}`]) {
        expect(readInPieces(bytes(response), Array<number>(70_000).fill(1))).toEqual(readInPieces(bytes(response), []));
      }
    }
  });

  test("never throws on random bytes", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 2000 }), (noise) => void readInPieces(noise, [])));
  });
});

function answered(status: number): ProbeResponse {
  return { status, location: undefined, fields: expect.any(Map), body: undefined };
}

function read(response: string): Reading {
  return new ResponseReader("GET").feed(bytes(response));
}

function bytes(text: string): Uint8Array {
  return Buffer.from(text, "latin1");
}

/** What it says after the whole input, and then after the peer has closed. */
function readInPieces(whole: Uint8Array, cuts: readonly number[]): Reading[] {
  const reader = new ResponseReader("GET", { ...STATUS_ALONE, body: true });
  let offset = 0;
  for (const cut of cuts) {
    reader.feed(whole.subarray(offset, offset + cut));
    offset = Math.min(offset + cut, whole.length);
  }
  return [reader.feed(whole.subarray(offset)), reader.end()];
}

/** Pieces of real responses and noise in any order: near enough to HTTP to reach every state. */
function hostileResponse(): fc.Arbitrary<Uint8Array> {
  const piece = fc.oneof(
    fc.constantFrom(
      "HTTP/1.1 200 OK\r\n",
      "HTTP/1.1 100 Continue\r\n\r\n",
      "HTTP/1.1 302 Found\n",
      "Location: /x\r\n",
      " folded\r\n",
      "Content-Length: 7\r\n",
      "Content-Length: x\r\n",
      "Transfer-Encoding: chunked\r\n",
      "\r\n",
      "\n",
      "3\r\nabc\r\n",
      "0\r\n\r\n",
    ),
    fc.uint8Array({ maxLength: 12 }).map((noise) => Buffer.from(noise).toString("latin1")),
  );
  const beginning = fc.constantFrom(
    "",
    "HTTP/1.1 200 OK\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    `HTTP/1.1 200 OK\r\nX: ${"y".repeat(65_490)}\r\n`,
    `HTTP/1.1 200 OK\r\n\r\n${"y".repeat(65_530)}`,
  );
  return fc.tuple(beginning, fc.array(piece, { maxLength: 12 })).map(([head, rest]) => bytes(head + rest.join("")));
}
