import { expect, test } from "bun:test";
import { DecidingChecks } from "../../src/app/deciding-checks.ts";
import { readConfigObject } from "../../src/config/file/config-object.ts";
import type { VirtualServerOptions } from "../../src/config/care-options.ts";

test("who joins with a check of its own is judged by that, and no trial begins for those who are checked as before", () => {
  const checks = new DecidingChecks(options([A]), {
    now: () => 0,
    checksAs: () => {
      throw new Error("nobody is checked");
    },
  });
  expect(checks.configure(options([A, { ...B, probe: { type: "tls" } }]))).toBeUndefined();
  expect([...(checks.current.realServerProbes?.keys() ?? [])]).toEqual([B.address]);
  expect(checks.current.realServerProbes?.get(B.address)).toMatchObject({ type: "tls" });
});

// --- internal ---

const A = { address: "10.0.0.1:80" };
const B = { address: "10.0.0.2:80" };

function options(realServers: readonly object[]): VirtualServerOptions {
  const virtualServer = { address: "10.103.97.12:80", mode: "none", probe: { type: "tcp" }, realServers };
  const [only] = readConfigObject({ version: 1, virtualServers: [virtualServer] }).config.virtualServers;
  if (only === undefined) throw new Error("there is one");
  return only;
}
