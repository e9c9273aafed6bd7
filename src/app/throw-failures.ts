import { describeError } from "../domain/errors.ts";

/** Throws what was caught on the way, all of it; nothing when there is nothing. */
export function throwFailures(failures: readonly unknown[]): void {
  if (failures.length === 1) throw failures[0];
  if (failures.length > 1) throw new AggregateError(failures, failures.map(describeError).join("; "));
}
