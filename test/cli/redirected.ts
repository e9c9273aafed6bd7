import { join } from "node:path";

/** What stood in the file before, and is to stand there afterwards where text is appended. */
export const OLD = "what was written before\n";

export type Target = "file" | "appended" | "pipe" | "full" | "closed";
export type Streams = "stdout" | "stderr" | "both";

export interface Redirected {
  readonly code: number;
  /** What is in the file, or came through the pipe; nothing for targets that keep nothing. */
  readonly text: string;
  /** What came on the stream that was not redirected. */
  readonly other: string;
}

/** Runs a program by a shell, with its output redirected as people do it; `folder` is for the file. */
export async function runRedirected(
  argv: readonly string[],
  streams: Streams,
  target: Target,
  { folder, environment }: { readonly folder: string; readonly environment: Record<string, string> },
): Promise<Redirected> {
  const file = join(folder, `${crypto.randomUUID()}.log`);
  await Bun.write(file, OLD);
  await using child = Bun.spawn(["bash", "-c", SCRIPTS[target][streams], file, ...argv], {
    env: environment,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  const kept = target === "full" || target === "closed" ? "" : await Bun.file(file).text();
  return { code, text: kept, other: stdout + stderr };
}

// --- internal ---

/** `$0` is the file, the rest the program. */
const SCRIPTS: Readonly<Record<Target, Readonly<Record<Streams, string>>>> = {
  file: { stdout: '"$@" >"$0"', stderr: '"$@" 2>"$0"', both: '"$@" >"$0" 2>&1' },
  appended: { stdout: '"$@" >>"$0"', stderr: '"$@" 2>>"$0"', both: '"$@" >>"$0" 2>&1' },
  pipe: {
    stdout: '"$@" | cat >"$0"; exit $PIPESTATUS',
    stderr: '{ "$@" 2>&1 >&3 | cat >"$0"; exit $PIPESTATUS; } 3>&1',
    both: '"$@" 2>&1 | cat >"$0"; exit $PIPESTATUS',
  },
  full: { stdout: '"$@" >/dev/full', stderr: '"$@" 2>/dev/full', both: '"$@" >/dev/full 2>&1' },
  closed: { stdout: '"$@" >&-', stderr: '"$@" 2>&-', both: '"$@" >&- 2>&-' },
};
