import { expect } from "bun:test";
import { join } from "node:path";

export interface ProgramResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export const MAIN = join(import.meta.dir, "../../src/cli/main.ts");

const BINARY = process.env["LVSCARE_BINARY"];

/** What starts `lvscare` from its sources. */
export const SOURCES: readonly string[] = [process.execPath, MAIN];

/** What starts it where nobody asks for the sources: the binary if the test run has built one, as that starts in a third of the processor time. */
export const LVSCARE: readonly string[] = BINARY ? [BINARY] : SOURCES;

/** Runs `lvscare` in a process of its own, without a terminal. */
export async function runProgram(
  argv: readonly string[],
  environment: Record<string, string> = {},
  lvscare: readonly string[] = LVSCARE,
): Promise<ProgramResult> {
  await using child = Bun.spawn([...lvscare, ...argv], {
    env: environment,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return { code, stdout, stderr };
}

/** The problems that the program names, one each, having done nothing and printed nothing else. */
export async function refusal(argv: readonly string[], environment: Record<string, string> = {}): Promise<string[]> {
  const { code, stdout, stderr } = await runProgram(argv, environment);
  expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
  const lines = stderr.trimEnd().split("\n");
  expect(lines.filter((line) => !line.startsWith("lvscare: "))).toEqual([]);
  return lines.map((line) => line.slice("lvscare: ".length));
}
