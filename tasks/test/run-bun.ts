import { checkout } from "./checkout.ts";

/** Runs this same Bun on our standard output; it may be one that no PATH knows. */
export async function runBun(argv: readonly string[], timeoutMs: number): Promise<number> {
  const child = Bun.spawn([process.execPath, ...argv], {
    cwd: checkout,
    stdin: "ignore",
    stdout: "inherit",
    // Both kinds of output in one stream keep their order.
    stderr: 1,
    timeout: timeoutMs,
  });
  await child.exited;
  if (child.signalCode !== null) {
    process.stdout.write(`bun ${argv[0]} was ended by ${child.signalCode}\n`);
  }
  return child.exitCode ?? 1;
}
