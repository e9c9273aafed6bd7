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

test("what still keeps a server out is told, and who drains it is not blamed for that", async () => {
  const { hold, ...realServer } = report.realServer;
  const byAgent = { ...realServer, state: "drained", health: "healthy", asked: { hold: "drain" } } as const;
  const nobody = { count: 0, of: 1 };
  const undrained = { ...report, inService: nobody, wasOut: true, realServer: byAgent } as const;
  expect(await told({ reports: [undrained], failures: [], mentions: [] })).toEqual([
    0,
    "10.0.0.1:80 of 10.96.0.1:443: nothing held; healthy, weight 0, 1 open connection\n" +
      "  still drained, by its agent; lvscare weight is above that\n",
    "",
  ]);
  const drained = { ...undrained, realServer: { ...byAgent, ...(hold && { hold }) } };
  expect(await told({ reports: [drained], failures: [], mentions: [] })).toEqual([
    0,
    "10.0.0.1:80 of 10.96.0.1:443: drained; healthy, weight 0, 1 open connection\n" +
      "  drained by its agent, too; undrain does not lift that\n",
    "lvscare: nobody is in service behind 10.96.0.1:443; 10.0.0.1:80 was not before this drain, either\n",
  ]);
  const advised = { ...undrained, realServer: { ...realServer, health: "healthy" } } as const;
  const [, text] = await told({ reports: [advised], failures: [], mentions: [] });
  expect(text).toEndWith("  its check asks for weight 0; lvscare weight is above that\n");
});

test("of several drained servers one that was in service is what emptied the virtual server", async () => {
  const nobody = { count: 0, of: 2 };
  const second = { ...report, inService: nobody, wasOut: true } as const;
  const [, , complaint] = await told({ reports: [report, second], failures: [], mentions: [] });
  expect(complaint).toStartWith("lvscare: nobody is in service behind 10.96.0.1:443 any more: clients are not served");
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

async function told(
  outcome: Omit<Parameters<typeof tellHolds>[0], "words">,
): Promise<[code: number, out: string, err: string]> {
  const written = { out: "", err: "" };
  const stream = (name: "out" | "err") => new Output((text) => Promise.resolve(void (written[name] += text)));
  const context = { out: stream("out"), err: stream("err") } as unknown as CliContext;
  const { isIncomplete } = await tellHolds({ ...outcome, words: new Map() }, "text", context);
  return [isIncomplete ? 1 : 0, written.out, written.err];
}
