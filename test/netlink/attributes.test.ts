import { expect, test } from "bun:test";
import * as fc from "fast-check";
import {
  attributeTable,
  be16,
  nested,
  raw,
  readAttributes,
  text,
  u16,
  u32,
  u64,
  u8,
  writeAttributes,
} from "../../src/netlink/attributes.ts";
import { ByteReader } from "../../src/netlink/reader.ts";
import { ByteWriter } from "../../src/netlink/writer.ts";

const INNER = attributeTable({ count: [1, u64], name: [2, text] });
const TABLE = attributeTable({
  small: [1, u8],
  short: [2, u16],
  port: [3, be16],
  word: [4, u32],
  bytes: [5, raw],
  label: [6, text],
  inner: [7, nested(INNER)],
});

function bytesOf(values: Parameters<typeof writeAttributes<(typeof TABLE)["rows"]>>[2]): Uint8Array {
  const writer = new ByteWriter();
  writeAttributes(writer, TABLE, values);
  return writer.written().slice();
}

test("pads each attribute and counts the padding in no length but the nest's", () => {
  expect(bytesOf({ small: 255, port: 6443, inner: { name: "rr" } }).toHex()).toBe(
    `${"05000100ff000000"}${"06000300192b0000"}${"0c000780"}${"0700020072720000"}`,
  );
});

const u = (bits: number) => fc.integer({ min: 0, max: 2 ** bits - 1 });

test("what is written is read back", () => {
  const word = fc.string({ unit: "grapheme" }).filter((value) => !value.includes("\0"));
  const optional = { requiredKeys: [] };
  const values = fc.record(
    {
      small: u(8),
      short: u(16),
      port: u(16),
      word: u(32),
      bytes: fc.uint8Array({ maxLength: 40 }),
      label: word,
      inner: fc.record({ count: fc.maxSafeNat(), name: word }, optional),
    },
    optional,
  );
  fc.assert(
    fc.property(values, (value) => {
      const reader = new ByteReader(bytesOf(value));
      expect(readAttributes(reader, TABLE)).toEqual({ ...value });
      expect(reader.failed).toBe(false);
    }),
  );
});

test("skips what the table lacks, and takes the last of a repeated attribute", () => {
  const unknown = "0800ff0001020304";
  const reader = new ByteReader(Uint8Array.fromHex(`0500010001000000${unknown}0500010002000000`));
  expect(readAttributes(reader, TABLE)).toEqual({ small: 2 });
});

test.each([
  ["a length shorter than its header", "03000100"],
  ["a length past the end", "0900010001020304"],
  ["a value shorter than its type", "0500040001000000"],
  ["a short value in a nest", "0c0007800600010001020000"],
])("%s sticks as an error", (_, hex) => {
  const reader = new ByteReader(Uint8Array.fromHex(hex));
  readAttributes(reader, TABLE);
  expect(reader.failed).toBe(true);
});
