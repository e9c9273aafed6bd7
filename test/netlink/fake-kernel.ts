import { ByteWriter } from "../../src/netlink/writer.ts";
import { NLMSG_ERROR, readMessages, writeMessage, type NetlinkMessage } from "../../src/netlink/messages.ts";
import type { NetlinkTransport } from "../../src/netlink/transport.ts";
import { LvscareError } from "../../src/domain/errors.ts";

/** Plays the kernel: from the messages of one datagram to the datagrams that answer it. May throw what a socket throws. */
export type FakeKernel = (messages: readonly NetlinkMessage[]) => readonly Uint8Array[];

export interface FakeTransports {
  readonly open: () => NetlinkTransport;
  /** How many were opened, and how many of them closed. */
  readonly opened: () => number;
  readonly closed: () => number;
}

/** Transports to a fake kernel; reading with nothing to read times out, as the real one does. */
export function transportsTo(kernel: FakeKernel): FakeTransports {
  let opened = 0;
  let closed = 0;
  return {
    opened: () => opened,
    closed: () => closed,
    open() {
      opened++;
      const queue: Uint8Array[] = [];
      return {
        via: "fake kernel",
        send: (bytes) => void queue.push(...kernel(readMessages(bytes.slice()))),
        receive() {
          const datagram = queue.shift();
          if (datagram === undefined) throw new LvscareError("KERNEL_TIMEOUT", "the fake kernel is silent");
          return datagram;
        },
        close: () => void closed++,
      };
    },
  };
}

/** One message in a datagram of its own. */
export function datagram(
  header: { readonly type: number; readonly flags?: number; readonly sequence: number },
  body: (writer: ByteWriter) => void = () => undefined,
): Uint8Array {
  const writer = new ByteWriter();
  writeMessage(writer, { flags: 0, ...header }, body);
  return writer.written().slice();
}

/** NLMSG_ERROR with this errno, capped as on our sockets; 0 is an ack. */
export function outcome(sequence: number, errno = 0): Uint8Array {
  return datagram({ type: NLMSG_ERROR, flags: 0x100, sequence }, (writer) => {
    writer.i32(-errno);
    writer.zeros(16);
  });
}

export function concatenated(...parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}
