import { expect, test } from "bun:test";
import { cidrContains } from "../../src/domain/cidr.ts";
import { parseAddress } from "../../src/domain/endpoint.ts";

test.each([
  ["10.103.97.2/32", "10.103.97.2", true],
  ["10.103.97.2/32", "10.103.97.3", false],
  ["10.103.0.0/16", "10.103.97.2", true],
  ["10.103.96.0/23", "10.103.97.255", true],
  ["10.103.96.0/23", "10.103.98.0", false],
  // A network may be written with an address inside it.
  ["10.103.97.9/16", "10.103.1.1", true],
  ["0.0.0.0/0", "192.0.2.1", true],
  ["0.0.0.0/0", "fd00::1", false],
  ["::/0", "192.0.2.1", false],
  ["fd00::/8", "fd12:3456::1", true],
  ["fd00:96::1/128", "fd00:96::1", true],
  ["fd00:96::/33", "fd00:96:8000::1", false],
  [" 10.0.0.0/8 ", "10.1.2.3", true],
])("%s has %s in it: %p", (cidr, address, isInside) => {
  expect(cidrContains(cidr, addressOf(address))).toBe(isInside);
});

test.each(["10.0.0.0", "10.0.0.0/33", "::/129", "10.0.0/8", "/8", "", "10.0.0.0/8/8"])("%p is no network", (cidr) => {
  expect(cidrContains(cidr, addressOf("10.0.0.1"))).toBeUndefined();
});

function addressOf(text: string): NonNullable<ReturnType<typeof parseAddress>> {
  const address = parseAddress(text);
  if (address === undefined) throw new Error(text);
  return address;
}
