import { expect, test } from "bun:test";
import { createPaint } from "../../src/cli/colour.ts";
import { renderDryRun } from "../../src/cli/dry-run-text.ts";
import type { DryRun } from "../../src/domain/dry-run.ts";

const plain = createPaint(false);

const SEVERAL: DryRun = {
  warnings: ["a daemon does not answer"],
  plans: [
    {
      virtualServer: "tcp 10.103.97.2:6443 (apiserver)",
      caretaker: "pid 812",
      steps: [
        { sign: "~", subject: "service", change: "scheduler rr → wrr", remark: "keeps connections" },
        { sign: "+", subject: "192.168.0.4:6443", change: "weight 1", remark: "enters with its first good check" },
        { sign: "-", subject: "192.168.0.2:6443", change: "weight 0" },
        { sign: "=", subject: "route 10.103.97.2/32 via 192.168.0.10", remark: "stands" },
        { sign: "~", subject: `sysctl ${"long/".repeat(12)}=1`, remark: "is 0" },
      ],
    },
    { virtualServer: "udp 10.20.0.53:53", steps: [{ sign: "!", subject: "", remark: "two\nlines" }] },
  ],
};

test("aligns what belongs together, keeps each step to a line, and counts in the last one", () => {
  expect(renderDryRun(SEVERAL, plain).split("\n")).toEqual([
    "! a daemon does not answer",
    "tcp 10.103.97.2:6443 (apiserver), pid 812 cares for it",
    "  ~ service     scheduler rr → wrr         keeps connections",
    "  + 192.168.0.4:6443  weight 1             enters with its first good check",
    "  - 192.168.0.2:6443  weight 0",
    "  = route 10.103.97.2/32 via 192.168.0.10  stands",
    `  ~ sysctl ${"long/".repeat(12)}=1  is 0`,
    "udp 10.20.0.53:53",
    "  ! two\\nlines",
    "4 changes, 2 warnings; nothing was done",
    "",
  ]);
});

test("says that there is nothing to do, and of what one should know all the same", () => {
  const plans = [{ virtualServer: "tcp 10.0.0.1:80", steps: [] }];
  expect(renderDryRun({ plans, warnings: [] }, plain)).toBe("tcp 10.0.0.1:80\nnothing to do\n");
  expect(renderDryRun({ plans, warnings: ["x"] }, plain)).toEndWith("\nnothing to do, 1 warning\n");
});

test("colour changes nothing but the colour", () => {
  const coloured = renderDryRun(SEVERAL, createPaint(true));
  expect(coloured).toContain("\u001B[32m+\u001B[0m");
  expect(Bun.stripANSI(coloured)).toBe(renderDryRun(SEVERAL, plain));
});
