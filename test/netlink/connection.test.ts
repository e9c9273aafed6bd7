import { expect, test } from "bun:test";
import { LvscareError } from "../../src/domain/errors.ts";
import { NetlinkConnection, type NetlinkRequest } from "../../src/netlink/connection.ts";
import { NLM_F_ACK, NLM_F_DUMP, NLM_F_REQUEST, NLMSG_DONE, NLMSG_OVERRUN } from "../../src/netlink/messages.ts";
import { concatenated, datagram, outcome, transportsTo, type FakeKernel } from "./fake-kernel.ts";

const REPLY = 40;
const MULTI = 2;

function numbered(value: number): NetlinkRequest {
  return { type: 30, body: (writer) => writer.u32(value) };
}

function reply(sequence: number, value: number, flags = 0): Uint8Array {
  return datagram({ type: REPLY, flags, sequence }, (writer) => writer.u8(value));
}

const firstByte = (payload: Uint8Array): number | undefined => payload[0];

function connectionTo(kernel: FakeKernel): NetlinkConnection {
  return new NetlinkConnection(transportsTo(kernel).open);
}

function fails(errno: string): never {
  throw new LvscareError("SOCKET_FAILED", `the kernel refused with ${errno}`, { errno });
}

test("a request ends with its ack and gives its replies", () => {
  const flags: number[] = [];
  const connection = connectionTo(([message]) => {
    flags.push(message?.flags ?? 0);
    return [reply(message?.sequence ?? 0, 7), outcome(message?.sequence ?? 0)];
  });
  expect(connection.request(numbered(1), firstByte)).toEqual({ replies: [7], refusal: undefined });
  expect(flags).toEqual([NLM_F_REQUEST | NLM_F_ACK]);
});

test("a request that the kernel refuses gives the refusal", () => {
  const connection = connectionTo(([message]) => [outcome(message?.sequence ?? 0, 3)]);
  expect(connection.request(numbered(1), firstByte)).toEqual({ replies: [], refusal: { errno: "ESRCH" } });
});

test("answers to an earlier question are skipped", () => {
  const connection = connectionTo(([message]) => {
    const sequence = message?.sequence ?? 0;
    return [reply(sequence + 5, 1), outcome(sequence - 1, 2), reply(sequence, 7), outcome(sequence)];
  });
  expect(connection.request(numbered(1), firstByte)).toEqual({ replies: [7], refusal: undefined });
});

test("a dump collects every part until its end", () => {
  const connection = connectionTo(([message]) => {
    const sequence = message?.sequence ?? 0;
    expect(message?.flags).toBe(NLM_F_REQUEST | NLM_F_DUMP);
    return [
      concatenated(reply(sequence, 1, MULTI), reply(sequence, 2, MULTI)),
      reply(sequence, 3, MULTI),
      datagram({ type: NLMSG_DONE, sequence }, (writer) => writer.i32(0)),
    ];
  });
  expect(connection.dump(numbered(1), firstByte)).toEqual({ replies: [1, 2, 3], refusal: undefined });
});

test("a dump that the table's change interrupted is read again", () => {
  let dumps = 0;
  const connection = connectionTo(([message]) => {
    const sequence = message?.sequence ?? 0;
    const flags = ++dumps < 3 ? MULTI | 0x10 : MULTI;
    return [reply(sequence, dumps, flags), datagram({ type: NLMSG_DONE, sequence })];
  });
  expect(connection.dump(numbered(1), firstByte)).toEqual({ replies: [3], refusal: undefined });
});

test("a dump of a table that never rests gives up", () => {
  const connection = connectionTo(([message]) => [
    datagram({ type: NLMSG_DONE, sequence: message?.sequence ?? 0, flags: 0x10 }),
  ]);
  expect(connection.dump(numbered(1), firstByte)).toEqual({
    replies: [],
    refusal: { errno: "EINTR", detail: "the table kept changing while it was read" },
  });
});

test("a dump whose messages were lost is read again over a new transport", () => {
  let asked = 0;
  const fake = transportsTo(([message]) => {
    const sequence = message?.sequence ?? 0;
    if (++asked === 1) fails("ENOBUFS");
    if (asked === 2) return [datagram({ type: NLMSG_OVERRUN, sequence })];
    return [reply(sequence, 9, MULTI), datagram({ type: NLMSG_DONE, sequence })];
  });
  const connection = new NetlinkConnection(fake.open);
  expect(connection.dump(numbered(1), firstByte)).toEqual({ replies: [9], refusal: undefined });
  expect([fake.opened(), fake.closed()]).toEqual([3, 2]);
});

test("a batch goes out 64 at a time, asks for one ack each time and matches failures by number", () => {
  const batches: { readonly count: number; readonly acks: number }[] = [];
  const connection = connectionTo((messages) => {
    batches.push({ count: messages.length, acks: messages.filter(({ flags }) => (flags & NLM_F_ACK) !== 0).length });
    return messages.flatMap((message) => {
      const value = message.payload[0] ?? 0;
      if (value % 50 === 3) return [outcome(message.sequence, 17)];
      return (message.flags & NLM_F_ACK) === 0 ? [] : [outcome(message.sequence)];
    });
  });
  const refusals = connection.batch(Array.from({ length: 130 }, (_, index) => numbered(index)));
  expect(batches).toEqual([
    { count: 64, acks: 1 },
    { count: 64, acks: 1 },
    { count: 2, acks: 1 },
  ]);
  expect(refusals.length).toBe(130);
  expect(refusals.flatMap((refusal, index) => (refusal === undefined ? [] : [[index, refusal.errno]]))).toEqual([
    [3, "EEXIST"],
    [53, "EEXIST"],
    [103, "EEXIST"],
  ]);
});

test("a batch whose last request fails ends with that failure", () => {
  const connection = connectionTo((messages) => [outcome(messages.at(-1)?.sequence ?? 0, 2)]);
  expect(connection.batch([numbered(1), numbered(2)])).toEqual([undefined, { errno: "ENOENT" }]);
});

test("an empty batch asks nothing", () => {
  expect(connectionTo(() => fails("EPIPE")).batch([])).toEqual([]);
});

test("a transport that failed is closed, and the next use opens another", () => {
  let broken = true;
  const fake = transportsTo(([message]) => (broken ? fails("EPIPE") : [outcome(message?.sequence ?? 0)]));
  const connection = new NetlinkConnection(fake.open);
  expect(() => connection.request(numbered(1), firstByte)).toThrow(expect.objectContaining({ errno: "EPIPE" }));
  broken = false;
  expect(connection.request(numbered(1), firstByte)).toEqual({ replies: [], refusal: undefined });
  expect([fake.opened(), fake.closed()]).toEqual([2, 1]);
});

test("a kernel that is silent is a timeout", () => {
  const connection = connectionTo(() => []);
  expect(() => connection.request(numbered(1), firstByte)).toThrow(expect.objectContaining({ code: "KERNEL_TIMEOUT" }));
});

test("a kernel that never stops sending other things is a timeout", () => {
  const connection = new NetlinkConnection(() => ({
    via: "noise",
    send: () => undefined,
    receive: () => reply(999, 1),
    close: () => undefined,
  }));
  expect(() => connection.batch([numbered(1)])).toThrow(expect.objectContaining({ code: "KERNEL_TIMEOUT" }));
});

test("a closed connection says so, however often it is closed", () => {
  const fake = transportsTo(([message]) => [outcome(message?.sequence ?? 0)]);
  const connection = new NetlinkConnection(fake.open);
  connection.open();
  connection.close();
  connection.close();
  expect(() => connection.open()).toThrow(
    expect.objectContaining({ code: "SOCKET_FAILED", message: "this NetlinkConnection is closed" }),
  );
  expect([fake.opened(), fake.closed()]).toEqual([1, 1]);
});
