import { expect, test } from "bun:test";
import { retryAfterMs } from "../../../src/probe/http/retry-after.ts";
import { probe } from "./support/probe.ts";
import { answering } from "./support/raw-server.ts";

const NOW = Date.parse("2026-11-30T10:00:00Z");

test.each<[status: number, value: string | undefined, ms: number | undefined]>([
  [503, "120", 120_000],
  [429, "0", 0],
  [429, "Mon, 30 Nov 2026 10:00:30 GMT", 30_000],
  [429, "Mon, 30 Nov 2026 09:00:00 GMT", 0],
  [503, undefined, undefined],
  [503, "soon", undefined],
  [503, "-1", undefined],
  [503, "1.5", undefined],
  [503, "99999999999999999999", undefined],
  [500, "120", undefined],
  [200, "120", undefined],
])("of status %d with Retry-After %p: %p", (status, value, ms) => {
  const fields = new Map(value === undefined ? [] : [["retry-after", [value]]]);
  expect(retryAfterMs({ status, location: undefined, fields, body: undefined }, () => NOW)).toBe(ms);
});

test("comes with the verdict", async () => {
  using server = answering("HTTP/1.1 503 No\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n");
  expect(await probe(server.endpoint)).toMatchObject({ passed: false, retryAfterMs: 7000 });
});
