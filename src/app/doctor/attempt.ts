import { describeError } from "../../domain/errors.ts";
import { unknown, type Finding, type FindingSubject } from "../../domain/finding.ts";

/** The findings of one examination. If it fails, that is a finding too. */
export async function attempt(
  check: string,
  examine: () => readonly Finding[] | Promise<readonly Finding[]>,
  subject: FindingSubject = {},
): Promise<readonly Finding[]> {
  try {
    return await examine();
  } catch (error) {
    return [unknown(check, `could not be examined: ${describeError(error)}`, subject)];
  }
}
