import { describe, expect, test } from "bun:test";
import { NetlinkSocket } from "#native";
import { NetlinkConnection } from "../../src/netlink/connection.ts";
import { decodeLinkIndex, getLink } from "../../src/netlink/route/links.ts";
import { readMessages } from "../../src/netlink/messages.ts";
import { resolveFamily } from "../../src/netlink/generic.ts";

using probe = NetlinkSocket.open("generic");

describe.each([
  // On a host without libnl this is the same as the next row.
  ["preferred", probe.via],
  ["never", "netlink socket"],
] as const)("a socket with libnl %s", (libnl, via) => {
  test(`goes through ${via} and talks to the kernel`, () => {
    using route = NetlinkSocket.open("route", { libnl });
    using generic = NetlinkSocket.open("generic", { libnl });
    expect([route.via, generic.via]).toEqual([via, via]);
    expect(libnl === "preferred" && via !== "libnl").toBe(route.libnlFailure !== undefined);
    const links = new NetlinkConnection(() => route);
    expect(links.request(getLink("lo"), decodeLinkIndex)).toEqual({ replies: [1], refusal: undefined });
    // The controller of all generic families, whose number is fixed: GENL_ID_CTRL.
    expect(resolveFamily(new NetlinkConnection(() => generic), "nlctrl")).toBe(16);
  });

  test("gets the kernel's reason in words, and no echo of the request", () => {
    using socket = NetlinkSocket.open("route", { libnl });
    const { refusal } = new NetlinkConnection(() => socket).request(getLink("x".repeat(40)), decodeLinkIndex);
    expect(refusal).toEqual({ errno: "ERANGE", detail: "Attribute failed policy validation", offset: 32 });
  });

  test("gives a view that the next receive overwrites", () => {
    using socket = NetlinkSocket.open("route", { libnl });
    const ask = (sequence: number) => socket.send(linkRequest(sequence));
    ask(1);
    const first = socket.receive();
    const sequenceOf = (bytes: Uint8Array) => readMessages(bytes)[0]?.sequence;
    expect(sequenceOf(first)).toBe(1);
    ask(2);
    while (sequenceOf(socket.receive()) !== 2) expect(first.length).toBeGreaterThan(0);
    expect(sequenceOf(first)).toBe(2);
  });

  test("survives garbage collection between its calls", () => {
    using socket = NetlinkSocket.open("generic", { libnl });
    const connection = new NetlinkConnection(() => socket);
    for (let round = 0; round < 20; round++) {
      Bun.gc(true);
      expect(resolveFamily(connection, "nlctrl")).toBe(16);
    }
  });

  test("says that it is closed, however often it is closed", () => {
    const socket = NetlinkSocket.open("generic", { libnl });
    socket.close();
    socket.close();
    socket[Symbol.dispose]();
    const closed = (verb: string) =>
      expect.objectContaining({ code: "SOCKET_FAILED", message: `cannot ${verb}: this NetlinkSocket is closed` });
    expect(() => socket.send(linkRequest(1))).toThrow(closed("send"));
    expect(() => socket.receive()).toThrow(closed("receive"));
    expect(socket.via).toBe(via);
  });

  test("tells the errno of a datagram that is too big", () => {
    using socket = NetlinkSocket.open("generic", { libnl });
    const huge = new Uint8Array(new ArrayBuffer(64 * 1024 * 1024));
    expect(() => socket.send(huge)).toThrow(expect.objectContaining({ code: "SOCKET_FAILED", errno: "EMSGSIZE" }));
  });
});

/** RTM_GETLINK of `lo` by its index, with an ack. */
function linkRequest(sequence: number): Uint8Array {
  const bytes = new Uint8Array(new ArrayBuffer(32));
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 32, true);
  view.setUint16(4, 18, true);
  view.setUint16(6, 5, true);
  view.setUint32(8, sequence, true);
  view.setInt32(20, 1, true);
  return bytes;
}
