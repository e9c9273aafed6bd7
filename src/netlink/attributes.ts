import type { ByteReader } from "./reader.ts";
import type { ByteWriter } from "./writer.ts";

/** How the value of an attribute is laid out: the `NLA_*` types of net/netlink.h. */
export interface AttributeCodec<T> {
  /** Sets NLA_F_NESTED in the type, which newer families insist on. */
  readonly nested?: boolean;
  // Methods, not function properties: a table holds codecs of different values side by side.
  write(writer: ByteWriter, value: T): void;
  /**
   * Reads one payload, at whose end the reader ends. Bytes that are left over come from a newer kernel and are
   * ignored.
   */
  read(reader: ByteReader): T;
}

/** A row per attribute: the name that we give it, its number, its layout. */
type Rows = Readonly<Record<string, readonly [type: number, codec: AttributeCodec<unknown>]>>;

export interface AttributeTable<R extends Rows = Rows> {
  readonly rows: R;
  /** The rows again, as they are walked through and looked up for each message. */
  readonly attributes: readonly Attribute[];
  readonly byType: ReadonlyMap<number, Attribute>;
}

/** The values of a table's attributes; each may be absent, in a message as in the value. */
export type AttributeValues<R extends Rows> = {
  readonly [Name in keyof R]?: (R[Name][1] extends AttributeCodec<infer T> ? T : never) | undefined;
};

export function attributeTable<const R extends Rows>(rows: R): AttributeTable<R> {
  const attributes = Object.entries(rows).map(([name, [type, codec]]) => ({
    name,
    type,
    header: (codec.nested === true ? type | NLA_F_NESTED : type) << 16,
    codec,
  }));
  return { rows, attributes, byType: new Map(attributes.map((attribute) => [attribute.type, attribute])) };
}

/** Writes what is present, in the order of the table. */
export function writeAttributes<R extends Rows>(
  writer: ByteWriter,
  table: AttributeTable<R>,
  values: AttributeValues<R>,
): void {
  for (const { name, header, codec } of table.attributes) {
    const value: unknown = values[name];
    if (value === undefined) continue;
    const start = writer.length;
    writer.u32(header);
    codec.write(writer, value);
    writer.patchU16(start, writer.length - start);
    writer.align();
  }
}

// Frequent messages are written attribute by attribute, each with its padding in one step: this takes half the time
// of a table that looks up a value for each name.

/** Appends one attribute of 4 bytes. */
export function putU32(writer: ByteWriter, type: number, value: number): void {
  writer.u32s((type << 16) | (HEADER_BYTES + 4), value);
}

/** Appends one attribute of 1 byte. */
export function putU8(writer: ByteWriter, type: number, value: number): void {
  writer.u32s((type << 16) | (HEADER_BYTES + 1), value);
}

/** Appends one attribute of 2 bytes, in host order. */
export function putU16(writer: ByteWriter, type: number, value: number): void {
  writer.u32s((type << 16) | (HEADER_BYTES + 2), value);
}

/** Appends one attribute of 2 bytes, in network order. */
export function putBe16(writer: ByteWriter, type: number, value: number): void {
  writer.u32s((type << 16) | (HEADER_BYTES + 2), ((value & 0xff) << 8) | (value >> 8));
}

/** Appends one attribute of the given bytes. */
export function putRaw(writer: ByteWriter, type: number, bytes: Uint8Array): void {
  writer.u32((type << 16) | (HEADER_BYTES + bytes.length));
  writer.bytes(bytes);
  writer.align();
}

/** Begins an attribute of attributes; `endNested` is given what this returns. */
export function beginNested(writer: ByteWriter, type: number): number {
  const start = writer.length;
  writer.u32((type | NLA_F_NESTED) << 16);
  return start;
}

export function endNested(writer: ByteWriter, start: number): void {
  writer.patchU16(start, writer.length - start);
}

/** Reads to the end; attributes that the table lacks are skipped, and of a repeated one the last counts, as in the kernel. */
export function readAttributes<R extends Rows>(reader: ByteReader, table: AttributeTable<R>): AttributeValues<R> {
  const values: Record<string, unknown> = {};
  while (reader.remaining >= HEADER_BYTES) {
    const header = reader.u32();
    const length = header & 0xffff;
    if (length < HEADER_BYTES) reader.fail();
    const end = reader.enter(length - HEADER_BYTES);
    const attribute = table.byType.get((header >>> 16) & NLA_TYPE_MASK);
    if (attribute !== undefined) values[attribute.name] = attribute.codec.read(reader);
    reader.leave(end);
    reader.align();
  }
  return values as AttributeValues<R>;
}

export const u8: AttributeCodec<number> = {
  write: (writer, value) => writer.u8(value),
  read: (reader) => reader.u8(),
};

export const u16: AttributeCodec<number> = {
  write: (writer, value) => writer.u16(value),
  read: (reader) => reader.u16(),
};

/** Network order, as ports are. */
export const be16: AttributeCodec<number> = {
  write: (writer, value) => writer.be16(value),
  read: (reader) => reader.be16(),
};

/** Network order, as all numbers of netfilter are. */
export const be32: AttributeCodec<number> = {
  write: (writer, value) => writer.be32(value),
  read: (reader) => reader.be32(),
};

export const u32: AttributeCodec<number> = {
  write: (writer, value) => writer.u32(value),
  read: (reader) => reader.u32(),
};

export const u64: AttributeCodec<number> = {
  write: (writer, value) => writer.u64(value),
  read: (reader) => reader.u64(),
};

/** The payload as it is; what is read is a copy and outlives the receive buffer. */
export const raw: AttributeCodec<Uint8Array> = {
  write: (writer, value) => writer.bytes(value),
  read: (reader) => reader.copy(reader.remaining),
};

/** Terminated by a zero byte, which a reader does not insist on. */
export const text: AttributeCodec<string> = {
  write(writer, value) {
    writer.bytes(ENCODER.encode(value));
    writer.u8(0);
  },
  read(reader) {
    const bytes = reader.rest();
    const end = bytes.indexOf(0);
    return DECODER.decode(end === -1 ? bytes : bytes.subarray(0, end));
  },
};

/** Attributes inside an attribute. */
export function nested<R extends Rows>(table: AttributeTable<R>): AttributeCodec<AttributeValues<R>> {
  return {
    nested: true,
    write: (writer, values) => writeAttributes(writer, table, values),
    read: (reader) => readAttributes(reader, table),
  };
}

// --- internal ---

interface Attribute {
  readonly name: string;
  readonly type: number;
  /** `struct nlattr` without the length, which is the lower half. */
  readonly header: number;
  readonly codec: AttributeCodec<unknown>;
}

const ENCODER = new TextEncoder();
const DECODER = new TextDecoder();

/** `struct nlattr`: length with this header, then type (linux/netlink.h). */
const HEADER_BYTES = 4;
const NLA_F_NESTED = 0x8000;
/** Without NLA_F_NESTED and NLA_F_NET_BYTEORDER. */
const NLA_TYPE_MASK = 0x3fff;
