import { expect, test } from "bun:test";
import { halfOpenIn } from "../../../src/dataplane/ipvs/half-open.ts";

/** As Linux 6.1 prints it. */
const TABLE = `Pro FromIP   FPrt ToIP     TPrt DestIP   DPrt State       Expires PEName PEData
TCP 0A000009 D431 0A600001 0050 0A000002 0050 SYN_RECV         58
TCP 0A000009 D432 0A600001 0050 0A000002 1F90 SYN_RECV         57
TCP 0A000009 D433 0A600001 0050 0A000002 0050 ESTABLISHED     899
TCP 0A000009 D434 0A600001 0050 0A000002 0050 SYN_RECV         59
TCP [fd00:0000:0000:0000:0000:0000:0000:0009] D435 [fd00:0000:0000:0000:0000:0000:0000:0001] 0050 [fd00:0000:0000:0000:0000:0000:0000:0002] 0050 SYN_RECV         59
`;

test("counts the connections that wait for each real server's first answer", () => {
  expect(Object.fromEntries(halfOpenIn(TABLE))).toEqual({ "10.0.0.2:80": 2, "10.0.0.2:8080": 1, "[fd00::2]:80": 1 });
  expect(halfOpenIn("").size).toBe(0);
  expect(halfOpenIn("no table SYN_RECV").size).toBe(0);
});
