import { expect, test } from "bun:test";
import { ensureLocalAddress, localAddress, removeLoopbackAddress } from "../../src/reach/loopback-address.ts";
import { decodeAddress, type LinkAddress } from "../../src/netlink/route/addresses.ts";
import { addressBytes } from "../../src/domain/endpoint.ts";
import { NLMSG_DONE } from "../../src/netlink/messages.ts";
import { datagram, outcome, transportsTo, type FakeTransports } from "../netlink/fake-kernel.ts";

const LO = 1;
const ETH = 2;
const plain: LinkAddress = { family: "ipv4", address: "10.103.97.12", prefix: 32, linkIndex: LO };
/** As we add it. */
const vip: LinkAddress = { ...plain, label: "lo:lvscare", protocol: 76 };

/** Links and addresses of a host; `errno` is what any change of them meets. */
function host(addresses: LinkAddress[], errno = 0): FakeTransports {
  return transportsTo(([message]) => {
    const { type = 0, sequence = 0, payload = new Uint8Array(0) } = message ?? {};
    if (type === 18) {
      const link = datagram({ type: 16, sequence }, (writer) => writer.bytes([0, 0, 0, 0, LO, 0, 0, 0, 0, 0, 0, 0]));
      return [link, outcome(sequence)];
    }
    if (type === 22) {
      return [...addresses.map((it) => addressMessage(sequence, it)), datagram({ type: NLMSG_DONE, sequence })];
    }
    const given = decodeAddress(payload);
    if (errno === 0 && given !== undefined) {
      if (type === 20) addresses.push(given);
      else addresses.splice(addresses.findIndex((it) => Bun.deepEquals(it, given)));
    }
    return [outcome(sequence, errno)];
  });
}

function addressMessage(sequence: number, { label, protocol, ...rest }: LinkAddress): Uint8Array {
  const { family, address, prefix, linkIndex } = rest;
  const bytes = addressBytes(address);
  return datagram({ type: 20, flags: 2, sequence }, (writer) => {
    writer.bytes([family === "ipv6" ? 10 : 2, prefix, 0, 0, linkIndex, 0, 0, 0, 4 + bytes.length, 0, 1, 0, ...bytes]);
    if (label !== undefined) writer.bytes([4 + label.length + 2, 0, 3, 0, ...new TextEncoder().encode(label), 0, 0]);
    if (protocol !== undefined) writer.bytes([5, 0, 11, 0, protocol, 0, 0, 0]);
  });
}

test("adds the address to the loopback link as a network of one, and takes it back", async () => {
  const addresses: LinkAddress[] = [];
  const kernel = host(addresses);
  expect(await ensureLocalAddress("10.103.97.12", kernel.open)).toBe("added");
  expect(addresses).toEqual([vip]);
  expect(await ensureLocalAddress("10.103.97.12", kernel.open)).toBe("already-local");
  expect(await removeLoopbackAddress("10.103.97.12", kernel.open)).toBe(true);
  expect(await removeLoopbackAddress("10.103.97.12", kernel.open)).toBe(false);
  expect(addresses).toEqual([]);
  expect(kernel.closed()).toBe(kernel.opened());
});

test("adds an IPv6 address, however it is written", async () => {
  const addresses: LinkAddress[] = [];
  expect(await ensureLocalAddress("FD00:0:0::12", host(addresses).open)).toBe("added");
  expect(addresses).toEqual([{ family: "ipv6", address: "fd00::12", prefix: 128, linkIndex: LO, protocol: 76 }]);
});

test("an address that another link carries is local, and is not ours to remove", async () => {
  const addresses: LinkAddress[] = [{ ...vip, prefix: 24, linkIndex: ETH }];
  expect(await ensureLocalAddress(vip.address, host(addresses).open)).toBe("already-local");
  expect(await removeLoopbackAddress(vip.address, host(addresses).open)).toBe(false);
  expect(addresses.length).toBe(1);
});

test("an address that somebody else gave to lo is not ours to remove", async () => {
  const addresses = [plain];
  expect(await ensureLocalAddress(vip.address, host(addresses).open)).toBe("already-local");
  expect(await removeLoopbackAddress(vip.address, host(addresses).open)).toBe(false);
  expect(addresses).toEqual([plain]);
});

test("knows its own by the label alone, as kernels before 5.18 remember no more", async () => {
  const addresses = [{ ...plain, label: "lo:lvscare" }];
  expect(await removeLoopbackAddress(vip.address, host(addresses).open)).toBe(true);
});

test("an address on lo in a larger network is not ours to remove", async () => {
  expect(await removeLoopbackAddress(vip.address, host([{ ...vip, prefix: 24 }]).open)).toBe(false);
});

test.each(["127.0.0.1", "127.9.9.9", "::1", "0.0.0.0", "::"])(
  "%s is always local and never removed",
  async (address) => {
    const kernel = host([{ ...vip, address: "127.9.9.9" }]);
    expect(await ensureLocalAddress(address, kernel.open)).toBe("already-local");
    expect(await removeLoopbackAddress(address, kernel.open)).toBe(false);
    expect(kernel.opened()).toBe(0);
  },
);

test("kept, it is missed when no link carries it, made again, and taken back", async () => {
  const addresses: LinkAddress[] = [];
  const kept = localAddress("10.103.97.12", host(addresses).open);
  expect([kept.name, await kept.inspect()]).toEqual(["local address 10.103.97.12", "missing"]);
  await kept.establish();
  expect([addresses, await kept.inspect()]).toEqual([[vip], undefined]);
  expect([await kept.remove(), addresses]).toEqual([true, []]);
  expect(await localAddress("127.0.0.9", host([]).open).inspect()).toBeUndefined();
});

test("kept, it is not made where the link that had it has lost it", async () => {
  const addresses: LinkAddress[] = [{ ...plain, linkIndex: ETH }];
  const kept = localAddress("10.103.97.12", host(addresses).open);
  expect(await kept.inspect()).toBeUndefined();
  addresses.length = 0;
  expect(await kept.inspect()).toBeUndefined();
});

test("somebody who is quicker is no failure", async () => {
  expect(await ensureLocalAddress(vip.address, host([], 17).open)).toBe("already-local");
  expect(await removeLoopbackAddress(vip.address, host([vip], 99).open)).toBe(false);
});

test("says what to do when it is not permitted", async () => {
  const failure = await ensureLocalAddress(vip.address, host([], 1).open).catch((reason: unknown) => reason);
  expect(failure).toMatchObject({
    code: "NOT_PERMITTED",
    errno: "EPERM",
    operation: "add 10.103.97.12/32 to lo",
    remedy: expect.stringContaining("CAP_NET_ADMIN"),
  });
});

test("names any other refusal", async () => {
  const failure = await removeLoopbackAddress(vip.address, host([vip], 16).open).catch((reason: unknown) => reason);
  expect(failure).toMatchObject({
    code: "KERNEL_REFUSED",
    errno: "EBUSY",
    operation: "remove 10.103.97.12/32 from lo",
  });
});

test("refuses what is no address", async () => {
  const failure = await ensureLocalAddress("localhost").catch((reason: unknown) => reason);
  expect(failure).toMatchObject({ code: "BAD_ADDRESS" });
});
