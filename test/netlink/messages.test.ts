import { expect, test } from "bun:test";
import { NLMSG_DONE, NLMSG_ERROR, readMessages, readOutcome } from "../../src/netlink/messages.ts";
import { CAPTURED_NAMES, receivedMessages, sentBytes, type CapturedName } from "./captured.ts";
import { concatenated, datagram, outcome } from "./fake-kernel.ts";

test("a datagram holds several messages, aligned to 4 bytes", () => {
  const bytes = concatenated(
    datagram({ type: 20, sequence: 1 }, (writer) => writer.u8(7)),
    datagram({ type: 21, flags: 2, sequence: 2 }),
  );
  expect(bytes.length).toBe(36);
  expect(readMessages(bytes)).toEqual([
    { type: 20, flags: 0, sequence: 1, payload: Uint8Array.of(7) },
    { type: 21, flags: 2, sequence: 2, payload: new Uint8Array(0) },
  ]);
});

test.each([
  ["a header that is cut", "10000000140000"],
  ["a length shorter than the header", "0f000000140000000100000000000000"],
  ["a length past the end", "11000000140000000100000000000000"],
])("refuses %s", (_, hex) => {
  expect(() => readMessages(Uint8Array.fromHex(hex))).toThrow(expect.objectContaining({ code: "MALFORMED_MESSAGE" }));
});

test("an ack is no refusal", () => {
  const [message] = readMessages(outcome(5));
  expect(message === undefined ? "none" : readOutcome(message)).toBeUndefined();
});

test.each<[CapturedName, object]>([
  ["resolve a family that is not there", { errno: "ENOENT" }],
  ["get a service that is not there", { errno: "ESRCH" }],
  ["create with a scheduler that is not there", { errno: "ENOENT" }],
  ["get a link that is not there", { errno: "ENODEV" }],
  ["get a link whose name is too long", { errno: "ERANGE", detail: "Attribute failed policy validation", offset: 32 }],
])("reads the kernel's refusal to %s", (name, refusal) => {
  const message = receivedMessages(name).find(({ type }) => type === NLMSG_ERROR);
  expect(message === undefined ? "none" : readOutcome(message)).toEqual(refusal as never);
});

test("finds the reason behind a request that was echoed whole", () => {
  const bytes = datagram({ type: NLMSG_ERROR, flags: 0x200, sequence: 1 }, (writer) => {
    writer.i32(-22);
    writer.u32(21); // the request's length: five bytes beyond its header, then padding
    writer.zeros(12);
    writer.bytes([1, 2, 3, 4, 5, 0, 0, 0]);
    writer.bytes(Uint8Array.fromHex("0800010062616400"));
  });
  const [message] = readMessages(bytes);
  expect(message === undefined ? "none" : readOutcome(message)).toEqual({ errno: "EINVAL", detail: "bad" });
});

test("a dump's end may carry an error, or nothing at all", () => {
  const [failed] = readMessages(datagram({ type: NLMSG_DONE, sequence: 1 }, (writer) => writer.i32(-4)));
  const [bare] = readMessages(datagram({ type: NLMSG_DONE, sequence: 1 }));
  expect([failed, bare].map((message) => message && readOutcome(message))).toEqual([{ errno: "EINTR" }, undefined]);
});

test("every captured reply is read to its end", () => {
  const replies = CAPTURED_NAMES.filter((name) => sentBytes(name).length > 0);
  for (const name of replies) expect(receivedMessages(name).at(-1)?.type).toBeOneOf([NLMSG_ERROR, NLMSG_DONE]);
});
