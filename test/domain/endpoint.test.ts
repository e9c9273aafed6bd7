import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  addressBytes,
  addressFromBytes,
  formatEndpoint,
  hostCidr,
  isIpv6LinkLocal,
  isLoopback,
  isUnicast,
  isUnspecified,
  parseEndpoint,
} from "../../src/domain/endpoint.ts";

describe("endpoint", () => {
  test.each([
    ["10.0.0.1:6443", "10.0.0.1:6443"],
    ["[fd00::1]:6443", "[fd00::1]:6443"],
    ["[FD00:0:0:0:0:0:0:1]:80", "[fd00::1]:80"],
    ["[::]:1", "[::]:1"],
    ["[1:0:0:2:0:0:0:3]:5", "[1:0:0:2::3]:5"],
    ["[::ffff:10.0.0.1]:2", "[::ffff:a00:1]:2"],
    ["255.255.255.255:65535", "255.255.255.255:65535"],
  ])("reads %s as %s", (text, canonical) => {
    expect(formatEndpoint(parseEndpoint(text))).toBe(canonical);
  });

  test.each([
    ["fd00::1:6443", "write an IPv6 address in brackets"],
    ["10.0.0.1:6443:3", '"10.0.0.1:6443:3" has more than one port; write it as IP:port'],
    ["host:6443", "host names are not resolved"],
    [":6443", "host names are not resolved"],
    ["010.0.0.1:80", "four numbers up to 255, without leading zeros"],
    ["[10.0.0.1]:80", "host names are not resolved"],
    ["10.0.0.256:80", "four numbers up to 255, without leading zeros"],
    ["10.0.1:80", "four numbers up to 255, without leading zeros"],
    ["[fd00:::1]:80", "host names are not resolved"],
    ["[1:2:3:4:5:6:7:8:9]:80", "host names are not resolved"],
    ["[1::2::3]:80", "host names are not resolved"],
    ["10.0.0.1", "write it as IP:port"],
    ["10.0.0.1:0", "a port from 1 to 65535"],
    ["10.0.0.1:65536", "a port from 1 to 65535"],
    ["10.0.0.1:http", "a port from 1 to 65535"],
    ["10.0.0.1:", "a port from 1 to 65535"],
    ["", "write it as IP:port"],
    ["[fd00::1]", "write it like [fd00::1]:6443"],
    ["https://10.0.0.1:6443", "write only IP:port"],
    ["10.0.0.1:80 10.0.0.2:80", "write one IP:port"],
    ["10.0.0.1:80;10.0.0.2:80", "write one IP:port"],
    ['"10.0.0.1:80"', "has quotes in it"],
    ["“10.0.0.1:80”", "has quotes in it"],
  ])("refuses %p and says: %s", (text, reason) => {
    expect(() => parseEndpoint(text)).toThrow(reason);
  });

  test("text and bytes name the same address", () => {
    const bytes = fc.oneof(
      fc.uint8Array({ minLength: 4, maxLength: 4 }),
      fc.array(fc.constantFrom(0, 0, 1, 255), { minLength: 16, maxLength: 16 }).map((array) => Uint8Array.from(array)),
      fc.uint8Array({ minLength: 16, maxLength: 16 }),
    );
    fc.assert(fc.property(bytes, (address) => expect(addressBytes(addressFromBytes(address))).toEqual(address)));
  });
});

describe("kinds of addresses", () => {
  test.each([
    ["10.0.0.1", "unicast"],
    ["223.255.255.255", "unicast"],
    ["169.254.0.1", "unicast"],
    ["224.0.0.1", ""],
    ["255.255.255.255", ""],
    ["0.0.0.0", "unspecified"],
    ["127.0.0.1", "unicast loopback"],
    ["127.255.255.254", "unicast loopback"],
    ["fd00::1", "unicast"],
    ["::", "unspecified"],
    ["::1", "unicast loopback"],
    ["::ffff:7f00:1", "unicast loopback"],
    ["::ffff:a00:1", "unicast"],
    ["ff02::1", ""],
    ["fe7f::1", "unicast"],
    ["fe80::1", "unicast link-local"],
    ["fe90::1", "unicast link-local"],
    ["feaf::1", "unicast link-local"],
    ["febf:ffff::1", "unicast link-local"],
    ["fec0::1", "unicast"],
    ["fe8::1", "unicast"],
  ])("%s: %s", (address, kinds) => {
    const found = [
      ...(isUnicast(address) ? ["unicast"] : []),
      ...(isUnspecified(address) ? ["unspecified"] : []),
      ...(isLoopback(address) ? ["loopback"] : []),
      ...(isIpv6LinkLocal(address) ? ["link-local"] : []),
    ];
    expect(found.join(" ")).toBe(kinds);
  });

  test("the network of a single address is as long as the address", () => {
    expect(hostCidr({ family: "ipv4", address: "10.0.0.1" })).toBe("10.0.0.1/32");
    expect(hostCidr({ family: "ipv6", address: "fd00::1" })).toBe("fd00::1/128");
  });
});
