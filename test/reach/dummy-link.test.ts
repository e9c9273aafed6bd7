import { expect, test } from "bun:test";
import { addressBytes } from "../../src/domain/endpoint.ts";
import { NLMSG_DONE } from "../../src/netlink/messages.ts";
import { dummyLink } from "../../src/reach/link/dummy-link.ts";
import { datagram, outcome, transportsTo } from "../netlink/fake-kernel.ts";

const LINK = 7;

/** A host with one dummy link, `lvscare`, that the daemon did not mark, and what it was asked to delete. */
function host(addresses: readonly (readonly [address: string, prefix: number])[]) {
  const deleted: string[] = [];
  const transports = transportsTo(([message]) => {
    const { type = 0, sequence = 0 } = message ?? {};
    const done = datagram({ type: NLMSG_DONE, sequence });
    if (type === 18) return [linkMessage(sequence), done];
    if (type === 22) return [...addresses.map((one) => addressMessage(sequence, ...one)), done];
    deleted.push(type === 17 ? "link" : "address");
    return [outcome(sequence)];
  });
  return { deleted, open: transports.open };
}

function linkMessage(sequence: number): Uint8Array {
  return datagram({ type: 16, flags: 2, sequence }, (writer) => {
    writer.bytes([0, 0, 0, 0, LINK, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
    writer.bytes([12, 0, 3, 0, ...new TextEncoder().encode("lvscare\0")]);
    writer.bytes([16, 0, 18, 0, 10, 0, 1, 0, ...new TextEncoder().encode("dummy\0\0\0")]);
  });
}

function addressMessage(sequence: number, address: string, prefix: number): Uint8Array {
  const bytes = addressBytes(address);
  return datagram({ type: 20, flags: 2, sequence }, (writer) => {
    writer.bytes([bytes.length === 16 ? 10 : 2, prefix, 0, 0, LINK, 0, 0, 0, 4 + bytes.length, 0, 1, 0, ...bytes]);
  });
}

const destination = { family: "ipv4", address: "10.103.97.12" } as const;

test.each(["fe80::1", "fe90::1", "febf::1"])("%s is the link's own, and does not keep it from going", async (own) => {
  const { deleted, open } = host([
    [destination.address, 32],
    [own, 64],
  ]);
  const link = dummyLink({ name: "lvscare", destination, isInUse: async () => false, openTransport: open });
  expect([await link.inspect(), await link.remove(), deleted]).toEqual([undefined, true, ["link"]]);
});

test.each(["fec0::1", "fd00::1"])("%s is somebody's, and keeps the link", async (other) => {
  const { deleted, open } = host([
    [destination.address, 32],
    [other, 128],
  ]);
  const link = dummyLink({ name: "lvscare", destination, isInUse: async () => false, openTransport: open });
  expect([await link.remove(), deleted]).toEqual([true, ["address"]]);
});

test("one that is spared stays as it is", async () => {
  const { deleted, open } = host([[destination.address, 32]]);
  const options = { destination, isInUse: async () => false, openTransport: open, spared: "lvscare" };
  const link = dummyLink({ name: "before", ...options });
  expect([await link.isRemovable(), await link.remove(), deleted]).toEqual([false, false, []]);
});
