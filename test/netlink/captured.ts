import captured from "../fixtures/netlink/captured.json";
import { readMessages, type NetlinkMessage } from "../../src/netlink/messages.ts";
import type { NetlinkTransport } from "../../src/netlink/transport.ts";

export type CapturedName = keyof typeof captured;

export const CAPTURED_NAMES = Object.keys(captured) as CapturedName[];

/** What our side sent, byte for byte. */
export function sentBytes(name: CapturedName): Uint8Array {
  return Uint8Array.fromHex(captured[name].sent);
}

export function receivedBytes(name: CapturedName): readonly Uint8Array[] {
  return captured[name].received.map((hex) => Uint8Array.fromHex(hex));
}

export function receivedMessages(name: CapturedName): readonly NetlinkMessage[] {
  return receivedBytes(name).flatMap(readMessages);
}

/** Replays an exchange; `sent` are the bytes that were sent now, to be compared with those of the capture. */
export function replay(name: CapturedName): { readonly open: () => NetlinkTransport; readonly sent: Uint8Array[] } {
  const sent: Uint8Array[] = [];
  const queue = [...receivedBytes(name)];
  return {
    sent,
    open: () => ({
      via: "capture",
      send: (bytes) => void sent.push(bytes.slice()),
      receive() {
        const next = queue.shift();
        if (next === undefined) throw new Error(`nothing more was captured of "${name}"`);
        return next;
      },
      close: () => undefined,
    }),
  };
}
