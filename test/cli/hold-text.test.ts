import { expect, test } from "bun:test";
import { Output } from "../../src/cli/output.ts";
import { tellHolds } from "../../src/cli/hold-text.ts";
import type { CliContext } from "../../src/cli/cli-context.ts";
import { LvscareError } from "../../src/domain/errors.ts";
import type { HoldReport } from "../../src/domain/operator.ts";

const report: HoldReport = {
  virtualServer: "10.96.0.1:443",
  virtualServerProtocol: "tcp",
  scheduler: "rr",
  realServer: {
    address: "10.0.0.1:80",
    state: "healthy",
    weight: 0,
    activeConnections: 1,
    inactiveConnections: 0,
    hold: { since: "2026-11-25T10:00:00.000Z", drained: true },
  },
};

test("what one daemon did is told although another did not", async () => {
  const failure = new LvscareError("CONTROL_FAILED", "the daemon at /run/x.sock does not answer");
  expect(await told({ reports: [report], failures: [failure], mentions: [] })).toEqual([
    1,
    "10.0.0.1:80 of 10.96.0.1:443: drained; healthy, weight 0, 1 open connection\n",
    "lvscare: the daemon at /run/x.sock does not answer\n",
  ]);
  expect(await told({ reports: [report], failures: [], mentions: [] })).toEqual([0, expect.any(String), ""]);
  expect((await told({ reports: [{ ...report, pending: "EBUSY" }], failures: [], mentions: [] }))[0]).toBe(1);
});

test("an undrain that the configuration file stands against is said to lift nothing", async () => {
  const { hold: _, ...realServer } = report.realServer;
  const kept = { ...realServer, state: "drained", health: "healthy", drainedByConfiguration: true } as const;
  const [code, text] = await told({ reports: [{ ...report, realServer: kept }], failures: [], mentions: [] });
  expect([code, text.split("\n")[1]]).toEqual([
    0,
    "  the configuration file keeps it drained; undrain does not lift that: change drained there",
  ]);
});

test("a weight that the scheduler does not heed is said to be none", async () => {
  const hold = { since: "2026-11-25T10:00:00.000Z", drained: false, weight: 5 };
  const [, text] = await told({
    reports: [{ ...report, realServer: { ...report.realServer, weight: 5, hold } }],
    failures: [],
    mentions: [],
  });
  expect(text).toEndWith("  the scheduler rr heeds no weights above 0; wrr and wlc do\n");
});

async function told(outcome: Parameters<typeof tellHolds>[0]): Promise<[code: number, out: string, err: string]> {
  const written = { out: "", err: "" };
  const stream = (name: "out" | "err") => new Output((text) => Promise.resolve(void (written[name] += text)));
  const context = { out: stream("out"), err: stream("err") } as unknown as CliContext;
  return [await tellHolds(outcome, "text", context), written.out, written.err];
}
