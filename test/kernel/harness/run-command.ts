type RunOptions = { timeoutMs: number; cwd?: string; input?: string };

/** Runs a program on the host without a shell and returns what it printed; throws with its error output. */
export async function runCommand(argv: readonly string[], options: RunOptions): Promise<string> {
  const child = Bun.spawn([...argv], {
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive", LC_ALL: "C.UTF-8" },
    stdin: new TextEncoder().encode(options.input ?? ""),
    stdout: "pipe",
    stderr: "pipe",
    timeout: options.timeoutMs,
  });
  const [output, errors, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  if (code === 0) return output;
  const reason = child.signalCode === null ? `exit code ${code}` : `killed by ${child.signalCode}`;
  throw new Error(`${argv.join(" ")}: ${reason}\n${lastLines(`${output}\n${errors}`.trimStart(), 15)}`);
}

export function lastLines(text: string, count: number): string {
  return text.trimEnd().split("\n").slice(-count).join("\n");
}
