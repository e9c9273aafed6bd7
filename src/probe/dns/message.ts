import { addressFromBytes } from "../../domain/endpoint.ts";

/** Types of records (RFC 1035, 3.2.2; RFC 3596; RFC 2782). */
export const DNS_TYPES = { A: 1, CNAME: 5, AAAA: 28, SRV: 33 } as const;
export type DnsType = keyof typeof DNS_TYPES;

/** What a server answers: 0 is good (RFC 1035, 4.1.1). */
const CODES = ["NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"] as const;

export interface DnsMessage {
  readonly id: number;
  readonly isAnswer: boolean;
  /** There is more of it, to be had over TCP. */
  readonly isTruncated: boolean;
  /** `NOERROR`, or what is wrong. */
  readonly code: string;
  /** In small letters, without a dot at its end. */
  readonly question: { readonly name: string; readonly type: number } | undefined;
  readonly answers: readonly DnsRecord[];
  readonly additionals: readonly DnsRecord[];
}

export type DnsRecord = { readonly name: string; readonly ttlS: number } & (
  | { readonly type: "A" | "AAAA"; readonly address: string }
  | { readonly type: "CNAME"; readonly target: string }
  | {
      readonly type: "SRV";
      readonly priority: number;
      readonly weight: number;
      readonly port: number;
      readonly target: string;
    }
);

/** A question that asks the server to ask others (RFC 1035, 4). Its labels have 1 to 63 characters of ASCII. */
export function encodeQuestion(id: number, name: string, type: DnsType): Uint8Array {
  const labels = name.replace(/\.$/, "").split(".");
  const bytes = [id >> 8, id & 0xff, RECURSION_DESIRED, 0, 0, 1, 0, 0, 0, 0, 0, 0];
  for (const label of labels) bytes.push(label.length, ...new TextEncoder().encode(label));
  bytes.push(0, 0, DNS_TYPES[type], 0, CLASS_IN);
  return Uint8Array.from(bytes);
}

/** Undefined for what is no message, whatever else it is. Records of other types are passed over. */
export function readMessage(bytes: Uint8Array): DnsMessage | undefined {
  const reader = new Reader(bytes);
  const [id, flags, questions, answers, authorities, additionals] = Array.from({ length: 6 }, () => reader.short());
  if (questions === undefined || questions > 1) return undefined;
  const question = questions === 1 ? { name: reader.name(), type: reader.short() } : undefined;
  if (question !== undefined) reader.short();
  const told = reader.records(answers ?? 0);
  reader.records(authorities ?? 0);
  const more = reader.records(additionals ?? 0);
  if (reader.isBroken || id === undefined || flags === undefined) return undefined;
  return {
    id,
    isAnswer: (flags & RESPONSE) !== 0,
    isTruncated: (flags & TRUNCATED) !== 0,
    code: CODES[flags & 0xf] ?? `code ${flags & 0xf}`,
    question,
    answers: told,
    additionals: more,
  };
}

// --- internal ---

const RECURSION_DESIRED = 0x01;
const RESPONSE = 0x8000;
const TRUNCATED = 0x0200;
const CLASS_IN = 1;

/** The two highest bits of a length say that the rest of the name stands elsewhere. */
const POINTER = 0xc0;
const LONGEST_NAME = 255;

/** Reads in order; whatever is not there breaks it, and then it gives nothing any more. */
class Reader {
  readonly #bytes: Uint8Array;
  #at = 0;
  isBroken = false;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  short(): number {
    return (this.#byte() << 8) | this.#byte();
  }

  name(): string {
    const labels: string[] = [];
    let at = this.#at;
    let after: number | undefined;
    for (let length = 0; length <= LONGEST_NAME;) {
      const size = this.#bytes[at];
      if (size === undefined) break;
      if ((size & POINTER) === POINTER) {
        const target = ((size & ~POINTER) << 8) | (this.#bytes[at + 1] ?? 0);
        after ??= at + 2;
        // Only back: so it comes to an end.
        if (target >= at) break;
        at = target;
        continue;
      }
      if ((size & POINTER) !== 0) break;
      if (size === 0) {
        this.#at = after ?? at + 1;
        return labels.join(".").toLowerCase();
      }
      labels.push(String.fromCharCode(...this.#bytes.subarray(at + 1, at + 1 + size)));
      length += size + 1;
      at += size + 1;
    }
    this.isBroken = true;
    return "";
  }

  records(count: number): readonly DnsRecord[] {
    const records: DnsRecord[] = [];
    for (let index = 0; index < count && !this.isBroken; index++) {
      const record = this.#record();
      if (record !== undefined) records.push(record);
    }
    return records;
  }

  #record(): DnsRecord | undefined {
    const name = this.name();
    const [type, group] = [this.short(), this.short()];
    // A time with its highest bit set means none at all (RFC 2181, 8).
    const ttl = this.short() * 0x1_0000 + this.short();
    const ttlS = ttl >= 0x8000_0000 ? 0 : ttl;
    const length = this.short();
    const end = this.#at + length;
    if (end > this.#bytes.length) this.isBroken = true;
    if (this.isBroken) return undefined;
    const record = group === CLASS_IN ? this.#data(type, length, { name, ttlS }) : undefined;
    this.#at = end;
    return record;
  }

  #data(type: number, length: number, head: { readonly name: string; readonly ttlS: number }): DnsRecord | undefined {
    if (type === DNS_TYPES.A && length === 4) return { ...head, type: "A", address: this.#address(4) };
    if (type === DNS_TYPES.AAAA && length === 16) return { ...head, type: "AAAA", address: this.#address(16) };
    if (type === DNS_TYPES.CNAME) return { ...head, type: "CNAME", target: this.name() };
    if (type !== DNS_TYPES.SRV) return undefined;
    const [priority, weight, port] = [this.short(), this.short(), this.short()];
    return { ...head, type: "SRV", priority, weight, port, target: this.name() };
  }

  #address(length: number): string {
    return addressFromBytes(this.#bytes.subarray(this.#at, this.#at + length));
  }

  #byte(): number {
    const byte = this.#bytes[this.#at++];
    if (byte === undefined) this.isBroken = true;
    return byte ?? 0;
  }
}
