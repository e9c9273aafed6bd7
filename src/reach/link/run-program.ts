/** Runs a program to its end; undefined when there is no such program. `input`: what it reads. */
export type RunProgram = (argv: readonly string[], input?: string) => Promise<ProgramEnd | undefined>;

export interface ProgramEnd {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** `timeoutMs` ends it with a signal, which does not count as exit code 0. */
export async function runProgram(
  argv: readonly string[],
  input?: string,
  timeoutMs = TIMEOUT_MS,
): Promise<ProgramEnd | undefined> {
  const [program = "", ...rest] = argv;
  const path = Bun.which(program, { PATH: `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin` });
  if (path === null) return undefined;
  const child = Bun.spawn([path, ...rest], {
    stdin: input === undefined ? "ignore" : new TextEncoder().encode(input),
    stdout: "pipe",
    stderr: "pipe",
    timeout: timeoutMs,
  });
  const [stdout, stderr, exitCode] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return { exitCode, stdout, stderr };
}

// --- internal ---

/** For iptables to get its lock, which another process may have, and to do its work. */
const TIMEOUT_MS = 15_000;
