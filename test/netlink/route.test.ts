import { expect, test } from "bun:test";
import { NetlinkConnection, type NetlinkRequest } from "../../src/netlink/connection.ts";
import { decodeAddress, deleteAddress, getAddresses, newAddress } from "../../src/netlink/route/addresses.ts";
import { decodeLinkIndex, getLink } from "../../src/netlink/route/links.ts";
import { ByteWriter } from "../../src/netlink/writer.ts";
import { replay, sentBytes } from "./captured.ts";

test("finds a link's index by its name", () => {
  const { open, sent } = replay("get link");
  expect(new NetlinkConnection(open).request(getLink("lo"), decodeLinkIndex).replies).toEqual([1]);
  expect(sent).toEqual([sentBytes("get link")]);
});

test("reads the addresses of both families", () => {
  const { open, sent } = replay("dump addresses");
  expect(new NetlinkConnection(open).dump(getAddresses(), decodeAddress).replies).toEqual([
    { family: "ipv4", address: "127.0.0.1", prefix: 8, linkIndex: 1, label: "lo" },
    { family: "ipv6", address: "::1", prefix: 128, linkIndex: 1, protocol: 1 },
  ]);
  expect(sent).toEqual([sentBytes("dump addresses")]);
});

test("of a point-to-point link it reads this end's address", () => {
  const payload = Uint8Array.fromHex(`02208000${"05000000"}${"080001000a000002"}${"080002000a000001"}`);
  expect(decodeAddress(payload)).toEqual({ family: "ipv4", address: "10.0.0.1", prefix: 32, linkIndex: 5 });
});

test("passes over addresses of other families", () => {
  expect(decodeAddress(Uint8Array.fromHex(`1c208000${"05000000"}`))).toBeUndefined();
});

test("refuses an address of the wrong length", () => {
  expect(() => decodeAddress(Uint8Array.fromHex(`02208000${"05000000"}${"0600020001020000"}`))).toThrow(
    expect.objectContaining({ code: "MALFORMED_MESSAGE" }),
  );
});

test("adds and deletes without duplicate address detection", () => {
  const v4 = { family: "ipv4", address: "10.103.97.12", prefix: 32, linkIndex: 1 } as const;
  const v6 = { family: "ipv6", address: "fd00::1", prefix: 128, linkIndex: 1 } as const;
  const fd00 = "fd000000000000000000000000000001";
  expect([newAddress(v4), deleteAddress(v4), newAddress(v6)].map(described)).toEqual([
    { type: 20, flags: 0x600, payload: "0220020001000000080001000a67610c080002000a67610c" },
    { type: 21, flags: 0, payload: "0220020001000000080001000a67610c080002000a67610c" },
    { type: 20, flags: 0x600, payload: `0a800200${"01000000"}14000100${fd00}14000200${fd00}` },
  ]);
});

function described({ type, flags, body }: NetlinkRequest): object {
  const writer = new ByteWriter();
  body(writer);
  return { type, flags, payload: writer.written().toHex() };
}
