import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { LvscareError } from "../../src/domain/errors.ts";
import { NetlinkConnection } from "../../src/netlink/connection.ts";
import { resolveFamily } from "../../src/netlink/generic.ts";
import { decodeDestination } from "../../src/netlink/ipvs/destination.ts";
import { decodeInfo } from "../../src/netlink/ipvs/requests.ts";
import { decodeService } from "../../src/netlink/ipvs/service.ts";
import { readMessages, readOutcome } from "../../src/netlink/messages.ts";
import { decodeAddress } from "../../src/netlink/route/addresses.ts";
import { readChanges } from "../../src/netlink/route/notifications.ts";
import { decodeRoute } from "../../src/netlink/route/routes.ts";
import { decodeGeneration, decodeRule } from "../../src/netlink/netfilter/nftables.ts";
import { decodeLink } from "../../src/netlink/route/links.ts";
import { CAPTURED_NAMES, receivedBytes } from "./captured.ts";

const DECODERS: readonly ((payload: Uint8Array) => unknown)[] = [
  decodeService,
  (payload) => decodeDestination(payload, "ipv4"),
  (payload) => decodeDestination(payload, "ipv6"),
  decodeInfo,
  decodeLink,
  decodeGeneration,
  decodeRule,
  decodeAddress,
  decodeRoute,
];

/** Real replies with a few bytes changed and the end cut off: they get further into the readers than random bytes do. */
const mangled = fc
  .tuple(
    fc.constantFrom(...CAPTURED_NAMES.flatMap(receivedBytes)),
    fc.array(fc.tuple(fc.nat(2000), fc.nat(255)), { maxLength: 4 }),
    fc.nat(2000),
  )
  .map(([bytes, changes, cut]) => {
    const copy = bytes.slice(0, cut < bytes.length ? bytes.length - (cut % 64) : bytes.length);
    for (const [at, value] of changes) if (at < copy.length) copy[at] = value;
    return copy;
  });

const anyBytes = fc.oneof(fc.uint8Array({ maxLength: 200 }), mangled);

function onlyMalformed(action: () => unknown): void {
  try {
    action();
  } catch (error) {
    if (!(error instanceof LvscareError) || error.code !== "MALFORMED_MESSAGE") throw error;
  }
}

test("no bytes make a reader fail but as malformed", () => {
  fc.assert(
    fc.property(anyBytes, (bytes) => {
      onlyMalformed(() => readMessages(bytes).map(readOutcome));
      onlyMalformed(() => readChanges(bytes));
      for (const decode of DECODERS) {
        onlyMalformed(() => decode(bytes));
        onlyMalformed(() => readMessages(bytes).map(({ payload }) => decode(payload)));
      }
    }),
    { numRuns: 600 },
  );
});

test("no kernel that answers with any bytes for ever keeps a connection from ending", () => {
  const codes = new Set<string>();
  const replies = fc.array(anyBytes, { minLength: 1, maxLength: 3 });
  fc.assert(
    fc.property(replies, (datagrams) => {
      let next = 0;
      const connection = new NetlinkConnection(() => ({
        via: "fuzz",
        send: () => undefined,
        receive: () => datagrams[next++ % datagrams.length] ?? new Uint8Array(0),
        close: () => undefined,
      }));
      try {
        resolveFamily(connection, "IPVS");
        connection.batch([{ type: 32, body: () => undefined }]);
      } catch (error) {
        codes.add(error instanceof LvscareError ? error.code : String(error));
      }
    }),
    { numRuns: 300 },
  );
  expect([...codes].filter((code) => !["MALFORMED_MESSAGE", "KERNEL_TIMEOUT", "SOCKET_FAILED"].includes(code))).toEqual(
    [],
  );
});
