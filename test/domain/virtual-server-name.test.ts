import { describe, expect, test } from "bun:test";
import { parseEndpoint } from "../../src/domain/endpoint.ts";
import {
  describeVirtualServer,
  exactWord,
  isVirtualServerCalled,
  keyOf,
  nameVirtualServer,
  parseVirtualServerWord,
} from "../../src/domain/virtual-server-name.ts";
import { formatServiceKey, PROTOCOLS, parseServiceKey } from "../../src/domain/virtual-server.ts";

const named = (protocol: "tcp" | "udp", address: string, name?: string) =>
  nameVirtualServer({ protocol, endpoint: parseEndpoint(address) }, name);

describe("a key", () => {
  test.each(
    PROTOCOLS.flatMap((protocol) => ["10.96.0.10:53", "[fd00::1]:53"].map((text) => [protocol, text] as const)),
  )("%s %s is read as it is written, and with a slash", (protocol, text) => {
    const key = { protocol, endpoint: parseEndpoint(text) };
    expect(formatServiceKey(key)).toBe(`${protocol} ${text}`);
    expect(parseServiceKey(formatServiceKey(key))).toEqual(key);
    expect(parseServiceKey(`${protocol}/${text}`)).toEqual(key);
  });

  test("of an address alone has no protocol", () => {
    const endpoint = parseEndpoint("10.96.0.10:53");
    expect(parseServiceKey("10.96.0.10:53")).toEqual({ protocol: undefined, endpoint });
  });

  test.each(["icmp/10.96.0.10:53", "tcp/10.96.0.10", "tcp  10.96.0.10:53", "tcp/", "TCP/10.96.0.10:53", "udp/web"])(
    "is not %s",
    (text) => {
      expect(() => parseServiceKey(text)).toThrow(expect.objectContaining({ code: "BAD_ADDRESS" }));
    },
  );
});

test("a word is made canonical", () => {
  const words = ["web", "10.96.0.10:53", "[FD00:0::1]:53", "udp/[FD00:0::1]:53", "tcp 10.96.0.10:53"];
  expect(words.map(parseVirtualServerWord)).toEqual([
    "web",
    "10.96.0.10:53",
    "[fd00::1]:53",
    "udp [fd00::1]:53",
    "tcp 10.96.0.10:53",
  ]);
});

test("two that differ in protocol alone have an address in common, and a word each", () => {
  const all = [named("tcp", "10.96.0.10:53", "dns"), named("udp", "10.96.0.10:53"), named("tcp", "10.96.0.1:443")];
  const called = (word: string): string[] => all.filter((one) => isVirtualServerCalled(word, one)).map(keyOf);
  expect(called("10.96.0.10:53")).toEqual(["tcp 10.96.0.10:53", "udp 10.96.0.10:53"]);
  expect(called("udp 10.96.0.10:53")).toEqual(["udp 10.96.0.10:53"]);
  expect(called("dns")).toEqual(["tcp 10.96.0.10:53"]);
  const words = all.map((one) => exactWord(one, all));
  expect(words).toEqual(["tcp/10.96.0.10:53", "udp/10.96.0.10:53", "10.96.0.1:443"]);
  expect(words.map((word) => called(parseVirtualServerWord(word)))).toEqual(all.map((one) => [keyOf(one)]));
  expect(all.map(describeVirtualServer)).toEqual(["dns (10.96.0.10:53)", "udp 10.96.0.10:53", "10.96.0.1:443"]);
});
