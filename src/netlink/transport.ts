/** Carries datagrams to the kernel and back; in a test, to a function that plays the kernel. */
export interface NetlinkTransport {
  /** What lies below, for `status` and DEBUG logs: `libnl` or `netlink socket`. */
  readonly via: string;
  /** Why it is not libnl, where that would have been preferred. */
  readonly remark?: string | undefined;
  /** Throws an LvscareError; the transport is then unusable. */
  send(bytes: Uint8Array): void;
  /** The next datagram, valid until the next call. Throws an LvscareError; the transport is then unusable. */
  receive(): Uint8Array;
  /** Idempotent. */
  close(): void;
}
