import { expect, test } from "bun:test";
import { hasNftables } from "../../src/reach/link/nft-rules.ts";
import { datagram, outcome, transportsTo } from "../netlink/fake-kernel.ts";

const [EPERM, ENOENT, ENOMEM, EINVAL, EOPNOTSUPP] = [1, 2, 12, 22, 95];

/** What nfnetlink answers to messages of nftables, all of which it takes but those of one type. */
function kernel(refused: number, errno: number) {
  return transportsTo((messages) => {
    const [{ type = 0, sequence = 0 } = {}] = messages;
    if (type === GET_GENERATION) {
      const generation = datagram({ type: GET_GENERATION - 1, sequence }, (writer) =>
        writer.bytes([0, 0, 0, 0, 8, 0, 1, 0, 0, 0, 0, 7]),
      );
      return [generation, outcome(sequence)];
    }
    return messages
      .filter((message) => message.type > BATCH_END)
      .map((message) => outcome(message.sequence, message.type === refused ? errno : 0));
  });
}

test.each([
  ["takes everything", "NEW_TABLE", 0, true],
  ["has no tables for both families", "NEW_TABLE", EOPNOTSUPP, false],
  ["cannot translate addresses for both", "NEW_CHAIN", EINVAL, false],
  ["cannot translate addresses", "NEW_CHAIN", ENOENT, false],
  ["cannot masquerade", "NEW_RULE", ENOENT, false],
] as const)("a kernel that %s (%s: %d) has nftables for us: %p", (_, message, errno, expected) => {
  expect(hasNftables(kernel(MESSAGES[message], errno).open)).toBe(expected);
});

test.each([
  ["NOT_PERMITTED", EPERM],
  ["KERNEL_REFUSED", ENOMEM],
])("%s says nothing of what the kernel has, and passes", (code, errno) => {
  expect(() => hasNftables(kernel(MESSAGES.NEW_TABLE, errno).open)).toThrow(expect.objectContaining({ code }));
});

// --- internal ---

/** linux/netfilter/nf_tables.h and nfnetlink.h */
const [BATCH_END, GET_GENERATION] = [0x11, 0x0a10];
const MESSAGES = { NEW_TABLE: 0x0a00, NEW_CHAIN: 0x0a03, NEW_RULE: 0x0a06 };
