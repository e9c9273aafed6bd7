import { expect, test } from "bun:test";
import { align4, ByteWriter } from "../../src/netlink/writer.ts";

test.each([
  [0, 0],
  [1, 4],
  [2, 4],
  [3, 4],
  [4, 4],
  [5, 8],
  [6, 8],
  [7, 8],
  [8, 8],
])("aligns %i to %i", (length, aligned) => {
  expect(align4(length)).toBe(aligned);
});

test("writes host order but for ports and masks", () => {
  const writer = new ByteWriter();
  writer.u16(0x0102);
  writer.be16(0x0102);
  writer.u32(0x01020304);
  writer.be32(0x01020304);
  writer.i32(-2);
  writer.u64(0x0102030405);
  expect(writer.written().toHex()).toBe("020101020403020101020304feffffff0504030201000000");
});

test("pads with zeros over what an earlier message left in the buffer", () => {
  const writer = new ByteWriter();
  writer.bytes([255, 255, 255, 255]);
  writer.reset();
  writer.u8(1);
  writer.align();
  expect(writer.written().toHex()).toBe("01000000");
});

test("grows and keeps what it has", () => {
  const writer = new ByteWriter();
  writer.u32(7);
  writer.zeros(100_000);
  writer.u8(9);
  expect([writer.length, writer.written()[0], writer.written()[100_004]]).toEqual([100_005, 7, 9]);
});

test("refuses to grow without end", () => {
  expect(() => new ByteWriter().zeros(2 ** 21)).toThrow(
    expect.objectContaining({ code: "MALFORMED_MESSAGE", message: expect.stringContaining("past the limit") }),
  );
});
