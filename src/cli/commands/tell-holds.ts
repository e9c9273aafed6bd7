import type { HoldReport } from "../../domain/operator.ts";
import type { CliContext } from "../cli-context.ts";
import { renderHold } from "../hold-text.ts";

/** Prints what became of holds; 1 when one of them does not stand in the table yet. */
export async function tellHolds(
  reports: readonly HoldReport[],
  format: "text" | "json",
  { out }: CliContext,
): Promise<number> {
  const texts = reports.map((report) => (format === "json" ? `${JSON.stringify(report)}\n` : renderHold(report)));
  await out.write(texts.join(""));
  return reports.some(({ pending }) => pending !== undefined) ? 1 : 0;
}
