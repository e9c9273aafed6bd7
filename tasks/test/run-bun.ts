import { processorSeconds } from "../../test/kernel/harness/processor-seconds.ts";
import { checkout } from "./checkout.ts";

export type Write = (chunk: Uint8Array | string) => void;

export interface BunEnd {
  readonly exitCode: number;
  /** Of it and of all that it waited for, in seconds. */
  readonly processorS: number;
}

/** Runs this same Bun; it may be one that no PATH knows. Both kinds of output go to `write`, as they come. */
export async function runBun(
  argv: readonly string[],
  timeoutMs: number,
  write: Write,
  env: Readonly<Record<string, string>> = {},
): Promise<BunEnd> {
  const child = Bun.spawn([process.execPath, ...argv], {
    cwd: checkout,
    env: { ...process.env, ...env },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    timeout: timeoutMs,
  });
  await Promise.all([passOn(child.stdout, write), passOn(child.stderr, write), child.exited]);
  if (child.signalCode !== null) write(`bun ${argv[0]} was ended by ${child.signalCode}\n`);
  return { exitCode: child.exitCode ?? 1, processorS: processorSeconds(child) };
}

// --- internal ---

async function passOn(stream: ReadableStream<Uint8Array>, write: Write): Promise<void> {
  for await (const chunk of stream) write(chunk);
}
