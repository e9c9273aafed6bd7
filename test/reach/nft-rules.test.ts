import { expect, test } from "bun:test";
import { hasNftables } from "../../src/reach/link/nft-rules.ts";
import { datagram, outcome, transportsTo } from "../netlink/fake-kernel.ts";

const [EPERM, ENOENT, EINVAL] = [1, 2, 22];

/** What nfnetlink answers to messages of nftables; `errno` is what chains meet that translate in a table for both families. */
function kernel(errno: number, asked: number[] = []) {
  return transportsTo((messages) => {
    asked.push(...messages.map(({ type }) => type));
    const [{ type = 0, sequence = 0 } = {}] = messages;
    if (type === GET_GENERATION) {
      const generation = datagram({ type: GET_GENERATION - 1, sequence }, (writer) =>
        writer.bytes([0, 0, 0, 0, 8, 0, 1, 0, 0, 0, 0, 7]),
      );
      return [generation, outcome(sequence)];
    }
    return messages
      .filter((message) => message.type > BATCH_END)
      .map((message) => outcome(message.sequence, message.type === NEW_CHAIN ? errno : 0));
  });
}

test.each([
  ["6.1.0-56-amd64", 0, true],
  ["5.2.0", EINVAL, true],
  ["5.1.21", 0, true],
  ["4.18.0-553.el8", 0, true],
  ["4.19.0-27-amd64", ENOENT, false],
  ["3.10.0-1160.el7", EINVAL, false],
])("kernel %s, which answers %d to a chain that translates for both families: %p", (release, errno, expected) => {
  const asked: number[] = [];
  expect(hasNftables(kernel(errno, asked).open, release)).toBe(expected);
  expect(asked.includes(NEW_CHAIN)).toBe(!/^(6|5\.2)/.test(release));
});

test("a process without the right to is told so, rather than that there is none", () => {
  expect(() => hasNftables(kernel(EPERM).open, "4.19.0")).toThrow(expect.objectContaining({ code: "NOT_PERMITTED" }));
});

// --- internal ---

/** linux/netfilter/nf_tables.h and nfnetlink.h */
const [BATCH_END, NEW_CHAIN, GET_GENERATION] = [0x11, 0x0a03, 0x0a10];
