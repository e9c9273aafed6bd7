import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { addressBytes, addressFromBytes, parseEndpoint, type Endpoint } from "../../src/domain/endpoint.ts";
import {
  NO_TRAFFIC,
  realServer,
  SCHEDULERS,
  SERVICE_FLAGS,
  TUNNEL_FLAGS,
  virtualServer,
  type RealServer,
  type ServiceKey,
  type VirtualServer,
} from "../../src/domain/virtual-server.ts";
import { NetlinkConnection, type NetlinkRequest } from "../../src/netlink/connection.ts";
import { endpointOf, paddedAddress } from "../../src/netlink/ipvs/address.ts";
import { decodeDestination, decodeMeasuredDestination } from "../../src/netlink/ipvs/destination.ts";
import {
  decodeInfo,
  deleteDestination,
  deleteService,
  getDestinations,
  getInfo,
  getService,
  getServices,
  newDestination,
  newService,
  setDestination,
} from "../../src/netlink/ipvs/requests.ts";
import { decodeService } from "../../src/netlink/ipvs/service.ts";
import { COMMAND, MEASURED_COMMAND, type MEASURED_DESTINATION } from "../../src/netlink/ipvs/tables.ts";
import { writeAttributes, type AttributeValues } from "../../src/netlink/attributes.ts";
import { ByteWriter } from "../../src/netlink/writer.ts";
import { replay, sentBytes } from "./captured.ts";

const FAMILY = 0x20;

const plain = virtualServer({ protocol: "tcp", endpoint: parseEndpoint("10.103.97.12:6443") }, "rr");
const sticky: VirtualServer = {
  ...virtualServer({ protocol: "udp", endpoint: parseEndpoint("[fd00::12]:53") }, "mh"),
  flags: ["persistent", "flag-1", "flag-2"],
  persistenceTimeoutS: 300,
  persistencePrefix: 64,
};
const first = realServer(parseEndpoint("10.0.0.1:6443"), 3);
const second = { ...realServer(parseEndpoint("10.0.0.2:6443"), 0), upperThreshold: 100, lowerThreshold: 50 };
const near = realServer(parseEndpoint("[fd00::a]:53"), 7);
const far = { ...realServer(parseEndpoint("10.9.0.1:53")), forwarding: "tunnel" as const };

const idle = { activeConnections: 0, inactiveConnections: 0 };

test("writes services and real servers byte for byte as the kernel took them", () => {
  const { open, sent } = replay("create services and real servers");
  const refusals = new NetlinkConnection(open).batch([
    newService(FAMILY, plain),
    newService(FAMILY, sticky),
    newDestination(FAMILY, plain, first),
    newDestination(FAMILY, plain, second),
    newDestination(FAMILY, sticky, near),
    newDestination(FAMILY, sticky, far),
  ]);
  expect(refusals).toEqual(Array(6).fill(undefined));
  expect(sent).toEqual([sentBytes("create services and real servers")]);
});

test("reads one service, without the kernel's own flag", () => {
  const { open, sent } = replay("get service");
  expect(new NetlinkConnection(open).request(getService(FAMILY, plain), decodeService).replies).toEqual([
    { service: plain, stats: NO_TRAFFIC },
  ]);
  expect(sent).toEqual([sentBytes("get service")]);
});

test("reads all services and passes over the one that a firewall mark selects", () => {
  const { open } = replay("dump services");
  const { replies } = new NetlinkConnection(open).dump(getServices(FAMILY), decodeService);
  expect(replies).toContainAllValues([
    { service: plain, stats: NO_TRAFFIC },
    { service: sticky, stats: NO_TRAFFIC },
    undefined,
  ]);
});

test("reads real servers, also one of the other family behind a tunnel", () => {
  const ofPlain = new NetlinkConnection(replay("dump real servers").open).dump(
    getDestinations(FAMILY, plain),
    (payload) => decodeDestination(payload, "ipv4"),
  );
  const ofSticky = new NetlinkConnection(replay("dump real servers of ipv6").open).dump(
    getDestinations(FAMILY, sticky),
    (payload) => decodeDestination(payload, "ipv6"),
  );
  expect(ofPlain.replies).toEqual([
    { server: second, ...idle },
    { server: first, ...idle },
  ]);
  expect(ofSticky.replies).toEqual([
    { server: far, ...idle },
    { server: near, ...idle },
  ]);
});

test("a batch of which two fail names the two", () => {
  const { open, sent } = replay("batch of which two fail");
  const refusals = new NetlinkConnection(open).batch([
    setDestination(FAMILY, plain, { ...first, weight: 5 }),
    newDestination(FAMILY, plain, second),
    setDestination(FAMILY, plain, realServer(parseEndpoint("10.0.0.9:6443"))),
    setDestination(FAMILY, plain, first),
  ]);
  expect(refusals).toEqual([undefined, { errno: "EEXIST" }, { errno: "ENOENT" }, undefined]);
  expect(sent).toEqual([sentBytes("batch of which two fail")]);
});

test("reads the version", () => {
  const { open } = replay("info");
  expect(new NetlinkConnection(open).request(getInfo(FAMILY), decodeInfo).replies).toEqual([
    { version: "1.2.1", connectionTableSize: 4096 },
  ]);
});

test("deleting sends the identity and nothing else", () => {
  const key = "3000018006000100020000000600020006000000140003000a67610c00000000000000000000000006000400192b0000";
  expect(payloadOf(deleteService(FAMILY, plain)).toHex()).toBe(`03010000${key}`);
  expect(payloadOf(deleteDestination(FAMILY, plain, first.endpoint)).toHex()).toBe(
    `07010000${key}28000280140001000a00000100000000000000000000000006000200192b000006000b0002000000`,
  );
});

const address = Uint8Array.of(10, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
const gue: RealServer = {
  ...realServer(parseEndpoint("10.9.0.1:53")),
  forwarding: "tunnel",
  tunnelType: "gue",
  tunnelPort: 6080,
  tunnelFlags: ["checksum", "remote-checksum"],
};

test("a tunnel's type is a byte, its port in network order, its flags in host order", () => {
  const written = payloadOf(setDestination(FAMILY, plain, gue)).toHex();
  expect(written.slice(-48)).toBe("05000d000100000006000e0017c0000006000f0003000000");
  const gre: RealServer = { ...gue, tunnelType: "gre", tunnelFlags: ["remote-checksum"] };
  expect(
    payloadOf(setDestination(FAMILY, plain, gre))
      .toHex()
      .slice(-48),
  ).toBe("05000d000200000006000e0017c0000006000f0002000000");
});

test("a real server without a tunnel is the same to a kernel that knows of types and to one that does not", () => {
  const seen = { address, port: 80, forwarding: 0, weight: 1 };
  const now = payloadWith({ destination: { ...seen, tunnelType: 0, tunnelPort: 0, tunnelFlags: 0 } });
  const before = payloadWith({ destination: seen });
  const server = realServer(parseEndpoint("10.0.0.1:80"));
  expect([now, before].map((payload) => decodeDestination(payload, "ipv4"))).toStrictEqual([
    { server, ...idle },
    { server, ...idle },
  ]);
});

test("a persistence engine is written after what every service has, and read", () => {
  const sip = { ...plain, persistenceEngine: "sip" };
  const payload = payloadOf(newService(FAMILY, sip));
  expect(payload.toHex().slice(-32)).toBe("08000900ffffffff08000b0073697000");
  expect(decodeService(payload)?.service).toEqual(sip);
});

const port = fc.integer({ min: 1, max: 65_535 });
const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const v4: fc.Arbitrary<Endpoint> = fc.record({
  family: fc.constant("ipv4" as const),
  address: fc.uint8Array({ minLength: 4, maxLength: 4 }).map(addressFromBytes),
  port,
});
const v6: fc.Arbitrary<Endpoint> = fc.record({
  family: fc.constant("ipv6" as const),
  address: fc.uint8Array({ minLength: 16, maxLength: 16 }).map(addressFromBytes),
  port,
});

const EVERY_SERVICE_HAS = [
  "protocol",
  "endpoint",
  "scheduler",
  "flags",
  "persistenceTimeoutS",
  "persistencePrefix",
] as const;

test("a service is read as it was written", () => {
  const service = fc.oneof(v4, v6).chain((endpoint) =>
    fc.record<VirtualServer, (typeof EVERY_SERVICE_HAS)[number]>(
      {
        protocol: fc.constantFrom("tcp", "udp", "sctp"),
        endpoint: fc.constant(endpoint),
        scheduler: fc.constantFrom(...SCHEDULERS),
        flags: fc.subarray([...SERVICE_FLAGS]),
        persistenceTimeoutS: u32,
        persistencePrefix: fc.integer({ min: 0, max: endpoint.family === "ipv6" ? 128 : 32 }),
        persistenceEngine: fc.constantFrom("sip", "x"),
      },
      { requiredKeys: [...EVERY_SERVICE_HAS] },
    ),
  );
  fc.assert(
    fc.property(service, (value) => {
      expect(decodeService(payloadOf(newService(FAMILY, value)))).toEqual({ service: value, stats: NO_TRAFFIC });
    }),
  );
});

test("a real server is read as it was written, whatever its service's family", () => {
  const server = fc.record(
    {
      endpoint: fc.oneof(v4, v6),
      weight: u32,
      forwarding: fc.constantFrom("masquerade", "direct-route", "tunnel", "local", "bypass"),
      upperThreshold: u32,
      lowerThreshold: u32,
      tunnelType: fc.constantFrom("gue", "gre"),
      tunnelPort: port,
      tunnelFlags: fc.subarray([...TUNNEL_FLAGS], { minLength: 1 }),
    },
    { requiredKeys: ["endpoint", "weight", "forwarding", "upperThreshold", "lowerThreshold"] },
  );
  fc.assert(
    fc.property(server, fc.constantFrom("ipv4", "ipv6"), (value, serviceFamily) => {
      const payload = payloadOf(newDestination(FAMILY, plain, value));
      expect(decodeDestination(payload, serviceFamily)).toEqual({ server: value, ...idle });
    }),
  );
});

const narrow = { connections: 1, inPackets: 2, outPackets: 3, inBytes: 4, outBytes: 5 };
const wide = { connections: 2 ** 33, inPackets: 2 ** 34, outPackets: 2 ** 35, inBytes: 2 ** 36, outBytes: 2 ** 37 };

test("counts with 64 bits, or with 32 where the kernel has no more", () => {
  const seen = { address, port: 80, forwarding: 0, weight: 1, activeConnections: 4, inactiveConnections: 5 };
  const both = measuredPayload({ ...seen, stats: narrow, stats64: wide });
  const old = measuredPayload({ ...seen, stats: narrow });
  const server = realServer(parseEndpoint("10.0.0.1:80"));
  const counted = { server, activeConnections: 4, inactiveConnections: 5 };
  expect([both, old].map((payload) => decodeMeasuredDestination(payload, "ipv4"))).toEqual([
    { ...counted, stats: wide },
    { ...counted, stats: narrow },
  ]);
  // Whoever does not ask for them does not wait for them.
  expect([both, old].map((payload) => decodeDestination(payload, "ipv4"))).toEqual([counted, counted]);
});

test("the forwarding method is read past the connection flags around it", () => {
  const payload = payloadWith({ destination: { address, port: 80, forwarding: 0x0183, weight: 1 } });
  expect(decodeDestination(payload, "ipv4").server.forwarding).toBe("direct-route");
});

test.each<[string, Parameters<typeof payloadWith>[0]]>([
  ["without an address", { destination: { port: 80, forwarding: 0, weight: 1 } }],
  ["with half an address", { destination: { address: address.subarray(0, 3), port: 80, forwarding: 0, weight: 1 } }],
  ["of an unknown family", { destination: { address, port: 80, forwarding: 0, weight: 1, addressFamily: 99 } }],
  ["with an unknown forwarding method", { destination: { address, port: 80, forwarding: 7, weight: 1 } }],
  ["with an unknown tunnel", { destination: { address, port: 80, forwarding: 2, weight: 1, tunnelType: 3 } }],
  ["of no content", {}],
])("a real server %s is malformed", (_, values) => {
  expect(() => decodeDestination(payloadWith(values), "ipv4")).toThrow(
    expect.objectContaining({ code: "MALFORMED_MESSAGE", message: "the kernel sent a malformed real server" }),
  );
});

test("a persistent service's IPv4 mask is a mask, its IPv6 one a number", () => {
  const { endpoint } = plain;
  const masked = { ...plain, endpoint, persistencePrefix: 20 };
  const payload = payloadOf(newService(FAMILY, masked)).toHex();
  const payload6 = payloadOf(newService(FAMILY, { ...sticky, persistencePrefix: 20 })).toHex();
  expect([payload.slice(-16), payload6.slice(-16)]).toEqual(["08000900fffff000", "0800090014000000"]);
});

test("addresses become the bytes that the domain gives them, and the same text again", () => {
  fc.assert(
    fc.property(fc.oneof(v4, v6), ({ family, address, port }) => {
      const bytes = paddedAddress(address);
      expect(bytes.subarray(0, family === "ipv4" ? 4 : 16)).toEqual(addressBytes(address));
      expect([bytes.length, endpointOf(family, bytes, port)]).toEqual([16, { family, address, port }]);
    }),
  );
});

test.each(["", "10.0.0", "10.0.0.0.1", "10.0.0.256", "256.0.0.1", "10.0.0.1:80", "localhost", "fd00:::1"])(
  "%p is no address to send",
  (text) => {
    expect(() => paddedAddress(text)).toThrow(expect.objectContaining({ code: "BAD_ADDRESS" }));
  },
);

test("each real server is written with the service that it was asked for", () => {
  const server = realServer(parseEndpoint("10.0.0.10:80"));
  const payload = (key: ServiceKey) => payloadOf(newDestination(FAMILY, key, server)).toHex();
  const one: ServiceKey = { protocol: "tcp", endpoint: parseEndpoint("10.0.0.1:80") };
  const other: ServiceKey = { protocol: "udp", endpoint: parseEndpoint("10.0.0.2:53") };
  const first = payload(one);
  expect([payload({ ...one }), payload(one)]).toEqual([first, first]);
  expect(payload(other)).toBe(
    first
      .replace("0600020006000000", "0600020011000000")
      .replace("0a000001", "0a000002")
      .replace("0600040000500000", "0600040000350000"),
  );
});

function payloadOf(request: NetlinkRequest): Uint8Array {
  const writer = new ByteWriter();
  request.body(writer);
  return writer.written().slice();
}

function measuredPayload(destination: AttributeValues<(typeof MEASURED_DESTINATION)["rows"]>): Uint8Array {
  const writer = new ByteWriter();
  writer.u32(0);
  writeAttributes(writer, MEASURED_COMMAND, { destination });
  return writer.written().slice();
}

function payloadWith(values: AttributeValues<(typeof COMMAND)["rows"]>): Uint8Array {
  const writer = new ByteWriter();
  writer.u32(0);
  writeAttributes(writer, COMMAND, values);
  return writer.written().slice();
}
