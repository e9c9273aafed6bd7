import {
  attributeTable,
  be32,
  nested,
  raw,
  readAttributes,
  text,
  writeAttributes,
  type AttributeCodec,
} from "../attributes.ts";
import type { NetlinkRequest } from "../connection.ts";
import { NLM_F_APPEND, NLM_F_CREATE } from "../messages.ts";
import { ByteReader } from "../reader.ts";
import type { ByteWriter } from "../writer.ts";
import type { Expression } from "./expressions.ts";

/** A chain that the kernel itself enters. */
export interface BaseChain {
  readonly name: string;
  readonly type: "nat" | "filter";
  readonly hook: keyof typeof HOOK_NUMBER;
  /**
   * Chains of one hook are entered in ascending order: -100 is where destinations are translated, 100 where sources
   * are.
   */
  readonly priority: number;
}

/** A rule of a table in the dump: enough to know it again. */
export interface RuleHead {
  readonly chain: string;
  /** Names the rule while it exists. */
  readonly handle: Uint8Array;
  /** As `nft list ruleset` shows it. */
  readonly comment: string | undefined;
}

/** Asks for the number of the ruleset, which every change raises. */
export function getGeneration(): NetlinkRequest {
  return { type: messageType(NFT_MSG_GETGEN), body: (writer) => header(writer, 0) };
}

export function decodeGeneration(payload: Uint8Array): number | undefined {
  const reader = afterHeader(payload);
  const { id } = readAttributes(reader, GENERATION);
  reader.finish("generation");
  return id;
}

/** Begins a transaction that fails with ERESTART when the ruleset is no longer of this generation. */
export function beginBatch(generation: number): NetlinkRequest {
  return {
    type: NFNL_MSG_BATCH_BEGIN,
    body(writer) {
      header(writer, NFNL_SUBSYS_NFTABLES, 0);
      writeAttributes(writer, BATCH, { generation });
    },
  };
}

export function endBatch(): NetlinkRequest {
  return { type: NFNL_MSG_BATCH_END, body: (writer) => header(writer, NFNL_SUBSYS_NFTABLES, 0) };
}

/** Makes a table of family inet, unless there is one of that name. */
export function newTable(name: string): NetlinkRequest {
  return change(NFT_MSG_NEWTABLE, NLM_F_CREATE, (writer) => writeAttributes(writer, TABLE, { name }));
}

/** With all that is in it; ENOENT when there is none. */
export function deleteTable(name: string): NetlinkRequest {
  return change(NFT_MSG_DELTABLE, 0, (writer) => writeAttributes(writer, TABLE, { name }));
}

/** Makes a chain, unless there is one of that name. */
export function newChain(table: string, { name, type, hook, priority }: BaseChain): NetlinkRequest {
  return change(NFT_MSG_NEWCHAIN, NLM_F_CREATE, (writer) =>
    writeAttributes(writer, CHAIN, {
      table,
      name,
      hook: { number: HOOK_NUMBER[hook], priority: priority >>> 0 },
      type,
    }),
  );
}

/** Adds a rule at the end of a chain. */
export function newRule(
  table: string,
  chain: string,
  expressions: readonly Expression[],
  comment: string,
): NetlinkRequest {
  return change(NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND, (writer) =>
    writeAttributes(writer, RULE, { table, chain, expressions, userData: commentData(comment) }),
  );
}

/** ENOENT when it is gone. */
export function deleteRule(table: string, { chain, handle }: Pick<RuleHead, "chain" | "handle">): NetlinkRequest {
  return change(NFT_MSG_DELRULE, 0, (writer) => writeAttributes(writer, RULE, { table, chain, handle }));
}

/** To be dumped: the rules of a table of family inet; none when there is no such table. */
export function getRules(table: string): NetlinkRequest {
  return {
    type: messageType(NFT_MSG_GETRULE),
    body(writer) {
      header(writer, 0);
      writeAttributes(writer, RULE, { table });
    },
  };
}

/** One rule of the dump; undefined for what is none. Throws MALFORMED_MESSAGE. */
export function decodeRule(payload: Uint8Array): RuleHead | undefined {
  const reader = afterHeader(payload);
  const { chain, handle, userData } = readAttributes(reader, RULE_HEAD);
  reader.finish("rule");
  if (chain === undefined || handle === undefined) return undefined;
  return { chain, handle, comment: userData && commentOf(userData) };
}

// --- internal ---

/** linux/netfilter/nfnetlink.h */
const NFNL_SUBSYS_NFTABLES = 10;
const NFNL_MSG_BATCH_BEGIN = 0x10;
const NFNL_MSG_BATCH_END = 0x11;

/** linux/netfilter.h */
const NFPROTO_INET = 1;
const HOOK_NUMBER = { prerouting: 0, output: 3, postrouting: 4 } as const;

/** `enum nf_tables_msg_types` of linux/netfilter/nf_tables.h */
const NFT_MSG_NEWTABLE = 0;
const NFT_MSG_DELTABLE = 2;
const NFT_MSG_NEWCHAIN = 3;
const NFT_MSG_NEWRULE = 6;
const NFT_MSG_GETRULE = 7;
const NFT_MSG_DELRULE = 8;
const NFT_MSG_GETGEN = 16;

const BATCH = attributeTable({ generation: [1, be32] });
const GENERATION = attributeTable({ id: [1, be32] });
const TABLE = attributeTable({ name: [1, text] });
const CHAIN = attributeTable({
  table: [1, text],
  name: [3, text],
  hook: [4, nested(attributeTable({ number: [1, be32], priority: [2, be32] }))],
  type: [7, text],
});
/** An expression is written by itself, and never read. */
const written: AttributeCodec<Expression["write"]> = {
  nested: true,
  write: (writer, write) => write(writer),
  read: () => () => undefined,
};
const ELEMENT = attributeTable({ element: [1, nested(attributeTable({ name: [1, text], data: [2, written] }))] });

/** NFTA_LIST_ELEM, as often as there are expressions. */
const expressionList: AttributeCodec<readonly Expression[]> = {
  nested: true,
  write(writer, expressions) {
    for (const { name, write } of expressions) writeAttributes(writer, ELEMENT, { element: { name, data: write } });
  },
  read: () => [],
};

const RULE = attributeTable({
  table: [1, text],
  chain: [2, text],
  handle: [3, raw],
  expressions: [4, expressionList],
  userData: [7, raw],
});
const RULE_HEAD = attributeTable({ chain: [2, text], handle: [3, raw], userData: [7, raw] });

/** The tag that nft gives a comment in a rule's user data (libnftnl, udata.h). */
const COMMENT_TAG = 0;

function messageType(message: number): number {
  return (NFNL_SUBSYS_NFTABLES << 8) | message;
}

function change(message: number, flags: number, attributes: (writer: ByteWriter) => void): NetlinkRequest {
  return {
    type: messageType(message),
    flags,
    body(writer) {
      header(writer, 0);
      attributes(writer);
    },
  };
}

/** `struct nfgenmsg`: family, version, resource in network order. */
function header(writer: ByteWriter, resource: number, family = NFPROTO_INET): void {
  writer.u8(family);
  writer.u8(0);
  writer.be16(resource);
}

function afterHeader(payload: Uint8Array): ByteReader {
  const reader = new ByteReader(payload);
  reader.u32();
  return reader;
}

function commentData(comment: string): Uint8Array {
  const bytes = new TextEncoder().encode(comment);
  return Uint8Array.of(COMMENT_TAG, bytes.length + 1, ...bytes, 0);
}

function commentOf(userData: Uint8Array): string | undefined {
  for (let at = 0; at + 2 <= userData.length; at += 2 + (userData[at + 1] ?? 0)) {
    if (userData[at] !== COMMENT_TAG) continue;
    const bytes = userData.subarray(at + 2, at + 2 + (userData[at + 1] ?? 0));
    return new TextDecoder().decode(bytes).replace(/\0.*$/s, "");
  }
  return undefined;
}
