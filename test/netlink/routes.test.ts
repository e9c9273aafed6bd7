import { expect, test } from "bun:test";
import fc from "fast-check";
import { addressFromBytes } from "../../src/domain/endpoint.ts";
import { NetlinkConnection, type NetlinkRequest } from "../../src/netlink/connection.ts";
import { changeGroups, pathGroups, readChanges } from "../../src/netlink/route/notifications.ts";
import {
  decodeRoute,
  deleteRoute,
  getRoutes,
  lookUpRoute,
  newRoute,
  replaceRoute,
  RT_TABLE_MAIN,
  RTN_LOCAL,
  RTN_UNICAST,
  type Route,
} from "../../src/netlink/route/routes.ts";
import { ByteWriter } from "../../src/netlink/writer.ts";
import { receivedBytes, replay, sentBytes } from "./captured.ts";
import { datagram } from "./fake-kernel.ts";

/** As the kernel shows them; the links of the capture are `lo` and `eth0`. */
const ETH0 = 3;
const viaGateway: Route = {
  family: "ipv4",
  destination: "10.103.97.12",
  prefix: 32,
  table: RT_TABLE_MAIN,
  protocol: 76,
  scope: 0,
  type: RTN_UNICAST,
  metric: 50,
  gateway: "10.0.0.5",
};
const { gateway: _, ...withoutGateway } = viaGateway;
const onLink: Route = {
  ...withoutGateway,
  family: "ipv6",
  destination: "fd00:96::1",
  prefix: 128,
  linkIndex: ETH0,
  source: "fd00:10::5",
};

test("adds routes as the kernel takes them, and reads why it refuses others", () => {
  const { open, sent } = replay("add routes");
  const refusals = new NetlinkConnection(open).batch([
    newRoute(viaGateway),
    newRoute(onLink),
    newRoute({ ...viaGateway, metric: 60, table: 1000 }),
    newRoute(viaGateway),
    newRoute({ ...viaGateway, metric: 70, gateway: "203.0.113.9" }),
    newRoute({ ...onLink, gateway: "fd00:10::5", metric: 70 }),
  ]);
  expect(sent).toEqual([sentBytes("add routes")]);
  expect(refusals).toEqual([
    undefined,
    undefined,
    undefined,
    { errno: "EEXIST" },
    { errno: "ENETUNREACH", detail: "Nexthop has invalid gateway" },
    { errno: "EINVAL", detail: "Gateway can not be a local address" },
  ]);
});

test("reads the routes of all tables, in the words they were written with", () => {
  const v4 = replay("dump ipv4 routes");
  const routes = new NetlinkConnection(v4.open).dump(getRoutes("ipv4"), decodeRoute).replies;
  expect(v4.sent).toEqual([sentBytes("dump ipv4 routes")]);
  expect(routes).toHaveLength(8);
  expect(routes.filter((route) => route?.protocol === 76)).toEqual([
    { ...viaGateway, metric: 60, table: 1000, linkIndex: ETH0 },
    { ...viaGateway, linkIndex: ETH0 },
  ]);
  expect(routes[1]).toEqual({
    ...withoutGateway,
    destination: "10.0.0.0",
    prefix: 24,
    protocol: 2,
    scope: 253,
    metric: 0,
    linkIndex: ETH0,
    source: "10.0.0.5",
  });
  const v6 = replay("dump ipv6 routes");
  const routes6 = new NetlinkConnection(v6.open).dump(getRoutes("ipv6"), decodeRoute).replies;
  expect(v6.sent).toEqual([sentBytes("dump ipv6 routes")]);
  expect(routes6.find((route) => route?.protocol === 76)).toEqual(onLink);
});

test("replaces, and deletes only what has all the properties given", () => {
  const { open, sent } = replay("replace and delete routes");
  const elsewhere = { ...viaGateway, gateway: "10.0.0.9" };
  const refusals = new NetlinkConnection(open).batch([
    replaceRoute(elsewhere),
    deleteRoute(viaGateway),
    deleteRoute(elsewhere),
    deleteRoute(onLink),
  ]);
  expect(sent).toEqual([sentBytes("replace and delete routes")]);
  expect(refusals).toEqual([undefined, { errno: "ESRCH" }, undefined, undefined]);
});

test("asks which way an address lies, and reads what the kernel answers", () => {
  expect(payloadOf(lookUpRoute({ family: "ipv4", address: "10.103.97.2" })).toHex()).toBe(
    `02200000${"00000000"}${"00000000"}${"080001000a676102"}`,
  );
  expect(payloadOf(lookUpRoute({ family: "ipv6", address: "fd00::1" })).toHex()).toBe(
    `0a800000${"00000000"}${"00000000"}${"14000100fd000000000000000000000000000001"}`,
  );
  // As Linux 6.18 answered, with the time and the identity of the look-up cut off.
  const out =
    "02200000fe0000010002000008000f00fe000000080001000a676102080004000400000008000700c000020208000500c0000201";
  expect(decodeRoute(Uint8Array.fromHex(out))).toMatchObject({
    type: RTN_UNICAST,
    destination: "10.103.97.2",
    gateway: "192.0.2.1",
    linkIndex: 4,
    source: "192.0.2.2",
  });
  const local = "02200000fe0000020002008008000f00fe000000080001007f0000050800040001000000080007007f000001";
  expect(decodeRoute(Uint8Array.fromHex(local))).toMatchObject({
    type: RTN_LOCAL,
    destination: "127.0.0.5",
    linkIndex: 1,
  });
});

test("a default route has no address to read", () => {
  // As `ip route add default via 10.0.0.1 dev eth0` makes it.
  const payload = Uint8Array.fromHex("02000000fe0300010000000008000f00fe000000080005000a0000010800040003000000");
  expect(decodeRoute(payload)).toMatchObject({ destination: "0.0.0.0", prefix: 0, gateway: "10.0.0.1", metric: 0 });
});

test("passes over routes of other families, and refuses an address of the wrong length", () => {
  expect(decodeRoute(Uint8Array.fromHex("1c140000fe03000100000000"))).toBeUndefined();
  expect(() => decodeRoute(Uint8Array.fromHex(`02200000fe03000100000000${"0600010001020000"}`))).toThrow(
    expect.objectContaining({ code: "MALFORMED_MESSAGE" }),
  );
});

test("hears of an address and a route that come and go, and of the link that is the last word", () => {
  const changes = receivedBytes("changes").flatMap(readChanges);
  const told = changes.map((change) =>
    change.kind === "route"
      ? `route ${change.route.destination}/${change.route.prefix}`
      : change.kind === "address"
        ? `address ${change.address.address}/${change.address.prefix}`
        : change.kind === "link"
          ? `link ${change.link.index} ${change.link.isRunning ? "runs" : "does not run"}`
          : change.kind,
  );
  expect(told).toEqual([
    "link 2 does not run",
    "link 2 runs",
    "address 10.0.0.5/24",
    "route 10.0.0.5/32",
    "route 10.0.0.0/24",
    "route 10.0.0.255/32",
    "route 10.103.97.12/32",
    "route 10.103.97.12/32",
    "link 2 does not run",
    "address 10.0.0.5/24",
    "route 10.0.0.5/32",
    "link 2 does not run",
  ]);
  expect(readChanges(datagram({ type: 4, sequence: 0 }))).toEqual([{ kind: "lost" }]);
  expect(readChanges(datagram({ type: 32, sequence: 0 }))).toEqual([]);
});

test("hears of neighbours that answer and that do not", () => {
  // As Linux told of a veth pair: an answer, and the last try for one that nobody has.
  const answering =
    "4c0000001c00000000000000257e0000020000000300000002000001080001000a0000010a000200020000000001000008000400000000001400030000000000000000000000000002000000";
  const silent =
    "4c0000001d00000000000000000000000a000000030000002000000114000100fd0000100000000000000000000000090800040000000000140003007c1700000c0000000c00000000000000";
  expect([answering, silent].flatMap((hex) => readChanges(Uint8Array.fromHex(hex)))).toEqual([
    {
      kind: "neighbour",
      neighbour: { linkIndex: 3, address: "10.0.0.1", isSilent: false, hardware: "02:00:00:00:00:01" },
    },
    { kind: "neighbour", neighbour: { linkIndex: 3, address: "fd00:10::9", isSilent: true } },
  ]);
  const bridge = Uint8Array.fromHex(answering);
  bridge[16] = 7;
  expect(readChanges(bridge)).toEqual([]);
});

test("each family has groups of its own, and both hear of links", () => {
  expect([changeGroups("ipv4"), changeGroups("ipv6"), pathGroups()]).toEqual([0x51, 0x501, 0x5]);
});

test("asks for the way to one address", () => {
  const writer = new ByteWriter();
  const { type, body } = lookUpRoute({ family: "ipv4", address: "10.9.1.1" });
  body(writer);
  expect([type, writer.written().toHex()]).toEqual([26, "022000000000000000000000080001000a090101"]);
});

test("a route is read as it was written", () => {
  const u32 = fc.integer({ min: 1, max: 0xffff_ffff });
  const route = fc.constantFrom("ipv4" as const, "ipv6" as const).chain((family) => {
    const bytes = family === "ipv6" ? 16 : 4;
    const address = fc.uint8Array({ minLength: bytes, maxLength: bytes }).map(addressFromBytes);
    return fc.record<Route>(
      {
        family: fc.constant(family),
        destination: address,
        prefix: fc.integer({ min: 1, max: 8 * bytes }),
        table: u32,
        protocol: fc.nat(255),
        scope: fc.nat(255),
        type: fc.nat(255),
        metric: u32,
        gateway: address,
        linkIndex: u32,
        source: address,
      },
      { requiredKeys: ["family", "destination", "prefix", "table", "protocol", "scope", "type", "metric"] },
    );
  });
  fc.assert(
    fc.property(route, (value) => {
      for (const request of [newRoute(value), deleteRoute(value)]) {
        expect(decodeRoute(payloadOf(request))).toEqual(value);
      }
    }),
  );
});

function payloadOf({ body }: NetlinkRequest): Uint8Array {
  const writer = new ByteWriter();
  body(writer);
  return writer.written().slice();
}
