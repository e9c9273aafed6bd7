import type { HoldOutcome } from "../../app/operate.ts";
import { oneLine } from "../../config/one-line.ts";
import { describeError } from "../../domain/errors.ts";
import type { CliContext } from "../cli-context.ts";
import { emptiedBy, renderHold } from "../hold-text.ts";

/** Prints what became of holds, those that came to nothing included; 1 when one of them does not stand in the table. */
export async function tellHolds(
  { reports, failures, mentions }: HoldOutcome,
  format: "text" | "json",
  { out, err }: CliContext,
): Promise<number> {
  const texts = reports.map((report) => (format === "json" ? `${JSON.stringify(report)}\n` : renderHold(report)));
  await out.write(texts.join(""));
  const warnings = reports.flatMap((report) => emptiedBy(report) ?? []);
  const complaints = [...warnings, ...failures.map(describeError), ...mentions];
  await err.remark(complaints.map((one) => `lvscare: ${oneLine(one)}\n`).join(""));
  return failures.length > 0 || reports.some(({ pending }) => pending !== undefined) ? 1 : 0;
}
