import { expect, test } from "bun:test";
import { ByteReader } from "../../src/netlink/reader.ts";

test("an error sticks and is reported once, at the end", () => {
  const reader = new ByteReader(Uint8Array.of(1, 2, 3, 4, 5));
  expect([reader.u8(), reader.u32(), reader.u8(), reader.u16(), reader.remaining]).toEqual([1, 0x05040302, 0, 0, 0]);
  expect(reader.take(1)).toEqual(new Uint8Array(0));
  expect(() => reader.finish("thing")).toThrow(
    expect.objectContaining({ code: "MALFORMED_MESSAGE", message: "the kernel sent a malformed thing" }),
  );
});

test("reads within a view of a larger buffer", () => {
  const reader = new ByteReader(Uint8Array.of(9, 9, 0x19, 0x2b, 9).subarray(2, 4));
  expect([reader.be16(), reader.remaining, reader.failed]).toEqual([0x192b, 0, false]);
});

test("the padding after the last element may be missing", () => {
  const reader = new ByteReader(Uint8Array.of(1, 2, 3, 4, 5));
  reader.take(5);
  reader.align();
  expect([reader.remaining, reader.failed]).toEqual([0, false]);
});

test("ends where the bytes end that were entered, and goes on after them however many were read", () => {
  const reader = new ByteReader(Uint8Array.of(1, 2, 3, 4, 5));
  const end = reader.enter(3);
  expect([reader.u8(), reader.remaining, reader.rest()]).toEqual([1, 2, Uint8Array.of(2, 3)]);
  reader.leave(end);
  const inner = reader.enter(1);
  reader.leave(inner);
  expect([reader.u8(), reader.remaining, reader.failed]).toEqual([5, 0, false]);
});

test("neither reads past what was entered nor enters past the end", () => {
  const inside = new ByteReader(Uint8Array.of(1, 2, 3));
  inside.enter(1);
  const outside = new ByteReader(Uint8Array.of(1, 2, 3));
  outside.enter(4);
  expect([inside.u16(), inside.failed, outside.failed, outside.remaining]).toEqual([0, true, true, 0]);
});
