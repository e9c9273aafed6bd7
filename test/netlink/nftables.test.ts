import { expect, test } from "bun:test";
import { parseEndpoint } from "../../src/domain/endpoint.ts";
import { NetlinkConnection, type NetlinkRequest } from "../../src/netlink/connection.ts";
import { setMark, toEndpoint } from "../../src/netlink/netfilter/expressions.ts";
import { beginBatch, decodeRule, endBatch, newRule, newTable } from "../../src/netlink/netfilter/nftables.ts";
import { ByteWriter } from "../../src/netlink/writer.ts";
import { outcome, transportsTo } from "./fake-kernel.ts";

test("a comment is read as it was written, and nft's other notes are passed over", () => {
  const bytes = bytesOf(
    newRule(
      "lvscare",
      "output",
      [...toEndpoint(parseEndpoint("10.0.0.1:80"), "tcp"), ...setMark(1)],
      "tcp 10.0.0.1:80 bit 0",
    ),
  );
  // What is sent names no handle; the kernel's answer does.
  const handle = Uint8Array.of(12, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 7);
  const rule = decodeRule(Uint8Array.of(...bytes, ...handle));
  expect(rule).toEqual({
    chain: "output",
    handle: Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 7),
    comment: "tcp 10.0.0.1:80 bit 0",
  });
  expect(decodeRule(bytes)).toBeUndefined();
});

test("a transaction ends with the answer to its last change, or with the refusal of all of it", () => {
  const changes = [newTable("a"), newTable("b")];
  const run = (answer: (begin: number) => readonly Uint8Array[]): unknown => {
    const { open } = transportsTo(([begin]) => answer(begin?.sequence ?? 0));
    return new NetlinkConnection(open).transaction(beginBatch(1), changes, endBatch());
  };
  expect(run((begin) => [outcome(begin + 2)])).toBeUndefined();
  expect(run((begin) => [outcome(begin + 1, 17), outcome(begin + 2)])).toEqual({ errno: "EEXIST" });
  expect(run((begin) => [outcome(begin, 85), outcome(begin + 2)])).toEqual({ errno: "ERESTART" });
});

// --- internal ---

function bytesOf(request: NetlinkRequest): Uint8Array {
  const writer = new ByteWriter();
  request.body(writer);
  return writer.written().slice();
}
