import { processorSeconds } from "../../test/kernel/harness/processor-seconds.ts";
import { checkout } from "./checkout.ts";

export type Write = (chunk: Uint8Array | string) => void;

export interface BunEnd {
  readonly exitCode: number;
  /** Of it and of all that it waited for, in seconds. */
  readonly processorS: number;
}

/**
 * Runs this same Bun; it may be one that no PATH knows. Both kinds of output go to `write`, as they come; once it has ended, what others still hold
 * open that it started is not waited for any longer than `lastWordsMs`.
 */
export async function runBun(
  argv: readonly string[],
  timeoutMs: number,
  write: Write,
  env: Readonly<Record<string, string>> = {},
  lastWordsMs = 10_000,
): Promise<BunEnd> {
  const child = Bun.spawn([process.execPath, ...argv], {
    cwd: checkout,
    env: { ...process.env, ...env },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    timeout: timeoutMs,
  });
  const readers: readonly Reader[] = [child.stdout.getReader(), child.stderr.getReader()];
  const passing = Promise.all(readers.map((reader) => passOn(reader, write)));
  await child.exited;
  const patience = setTimeout(() => {
    write(`bun ${argv[0]} has left something behind that holds its output open\n`);
    for (const reader of readers) reader.cancel().catch(() => undefined);
  }, lastWordsMs);
  await passing;
  clearTimeout(patience);
  if (child.signalCode !== null) write(`bun ${argv[0]} was ended by ${child.signalCode}\n`);
  return { exitCode: child.exitCode ?? 1, processorS: processorSeconds(child) };
}

// --- internal ---

/** What of a reader is used: its own type differs between the runtime's types and the standard's. */
interface Reader {
  read(): Promise<{ readonly done: boolean; readonly value?: Uint8Array | undefined }>;
  cancel(): Promise<void>;
}

async function passOn(reader: Reader, write: Write): Promise<void> {
  for (;;) {
    const { done, value } = await reader.read();
    if (done || value === undefined) return;
    write(value);
  }
}
