import { runCommand } from "../../test/kernel/harness/run-command.ts";
import { checkout } from "../test/checkout.ts";

/** What the code cannot know of itself, under the names that `src/cli/commands/version.ts` declares. */
export async function buildFacts(): Promise<Record<string, string>> {
  return {
    LVSCARE_COMMIT: JSON.stringify(await commit()),
    LVSCARE_BUILD_DATE: JSON.stringify(buildDate().toISOString()),
  };
}

/** The commit that is built, or `unknown` where there is no git checkout. */
export async function commit(): Promise<string> {
  try {
    return (await runCommand(["git", "-C", checkout, "rev-parse", "--short", "HEAD"], { timeoutMs: 60_000 })).trim();
  } catch (error) {
    process.stderr.write(`build: the commit is not known: ${(error as Error).message}\n`);
    return "unknown";
  }
}

/** Now, or what SOURCE_DATE_EPOCH says, so that whoever builds a commit again gets the same bytes. */
export function buildDate(): Date {
  const epoch = process.env["SOURCE_DATE_EPOCH"]?.trim();
  if (epoch === undefined || epoch === "") return new Date();
  const date = new Date(Number(epoch) * 1000);
  if (!/^\d+$/.test(epoch) || Number.isNaN(date.getTime())) {
    throw new Error(`SOURCE_DATE_EPOCH is seconds since 1970, not "${epoch}"`);
  }
  return date;
}
