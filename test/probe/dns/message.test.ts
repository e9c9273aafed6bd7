import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { encodeQuestion, readMessage } from "../../../src/probe/dns/message.ts";

/** As a name server sent it: `dig +noedns api.example.org` with a CNAME, names compressed. */
const ANSWER = Uint8Array.fromHex(
  [
    "12348580000100020000000003617069076578616d706c65036f72670000010001",
    "c00c000500010000003c000603776562c010",
    "c02d000100010000001e0004c0000201",
  ].join(""),
);

describe("a message", () => {
  test("asks for a name", () => {
    expect(Buffer.from(encodeQuestion(0x1234, "api.example.org.", "A")).toString("hex")).toBe(
      "12340100000100000000000003617069076578616d706c65036f72670000010001",
    );
    expect(readMessage(encodeQuestion(7, "_https._tcp.Example.org", "SRV"))).toEqual({
      id: 7,
      isAnswer: false,
      isTruncated: false,
      code: "NOERROR",
      question: { name: "_https._tcp.example.org", type: 33 },
      answers: [],
      additionals: [],
    });
  });

  test("is read with what its names point to", () => {
    expect(readMessage(ANSWER)).toEqual({
      id: 0x1234,
      isAnswer: true,
      isTruncated: false,
      code: "NOERROR",
      question: { name: "api.example.org", type: 1 },
      answers: [
        { name: "api.example.org", ttlS: 60, type: "CNAME", target: "web.example.org" },
        { name: "web.example.org", ttlS: 30, type: "A", address: "192.0.2.1" },
      ],
      additionals: [],
    });
  });

  test.each([
    [0, "NOERROR"],
    [2, "SERVFAIL"],
    [3, "NXDOMAIN"],
    [5, "REFUSED"],
    [9, "code 9"],
  ])("has a code: %d", (code, word) => {
    const bytes = encodeQuestion(1, "a", "A");
    bytes[3] = code;
    expect(readMessage(bytes)?.code).toBe(word);
  });

  test("that is cut anywhere, or goes round, is none", () => {
    for (let length = 0; length < ANSWER.length; length++)
      expect(readMessage(ANSWER.subarray(0, length))).toBeUndefined();
    const round = Uint8Array.from(ANSWER);
    round.set([0xc0, 0x21], 0x21);
    expect(readMessage(round)).toBeUndefined();
  });

  test("may be anything, which harms nobody", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => {
        readMessage(bytes);
      }),
    );
    fc.assert(
      fc.property(fc.nat({ max: ANSWER.length - 1 }), fc.nat({ max: 255 }), (at, byte) => {
        readMessage(ANSWER.with(at, byte));
      }),
    );
  });
});
