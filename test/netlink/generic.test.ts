import { expect, test } from "bun:test";
import { NetlinkConnection } from "../../src/netlink/connection.ts";
import { resolveFamily } from "../../src/netlink/generic.ts";
import { outcome, transportsTo } from "./fake-kernel.ts";
import { replay, sentBytes } from "./captured.ts";

test("resolves a family, byte for byte as captured", () => {
  const { open, sent } = replay("resolve IPVS");
  expect(resolveFamily(new NetlinkConnection(open), "IPVS")).toBe(0x20);
  expect(sent).toEqual([sentBytes("resolve IPVS")]);
});

test("a family that is not there is a refusal", () => {
  const { open } = replay("resolve a family that is not there");
  expect(resolveFamily(new NetlinkConnection(open), "NOPE")).toEqual({ errno: "ENOENT" });
});

test("an answer without a number is malformed", () => {
  const fake = transportsTo(([message]) => [outcome(message?.sequence ?? 0)]);
  expect(() => resolveFamily(new NetlinkConnection(fake.open), "IPVS")).toThrow(
    expect.objectContaining({ code: "MALFORMED_MESSAGE" }),
  );
});
