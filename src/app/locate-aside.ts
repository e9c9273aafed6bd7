import type { ConfigProblem, Finding } from "../config/file/finding.ts";
import { locate } from "../config/file/locate.ts";
import type { ParsedDocument } from "../config/file/parse-document.ts";

/** Finds where problems are, as `locate` does. */
export type Locate = typeof locate;

/** What is to be located. */
export interface LocateJob {
  readonly findings: readonly Finding[];
  readonly documents: readonly ParsedDocument[];
}

/**
 * The same for a reload, which tells of no warning but those of `include`: where there are only others, they are left out,
 * since finding their places takes longer than all else of it. And for a large file in a thread of its own, since it takes seconds
 * there: checks go on meanwhile. That begins as the program does, whose main file then does this job
 * (`locate-worker.ts`): a binary has no other.
 */
export async function locateAside(
  findings: readonly Finding[],
  documents: readonly ParsedDocument[],
): Promise<readonly ConfigProblem[]> {
  const isTold = findings.some(({ severity, code }) => severity === "error" || code === "include");
  const isWanted = isTold || documents.some(({ mayHide }) => mayHide);
  if (!isWanted) return [];
  const length = documents.reduce((sum, { text }) => sum + text.length, 0);
  if (length < LEAST_LENGTH) return locate(findings, documents);
  const { Worker } = await import("node:worker_threads");
  // The text says it all again.
  const job: LocateJob = { findings, documents: documents.map((one) => ({ ...one, value: undefined })) };
  const worker = new Worker(Bun.main, { workerData: job });
  try {
    return await new Promise<readonly ConfigProblem[]>((resolve, reject) => {
      worker.once("message", resolve);
      worker.on("error", reject);
      worker.once("exit", () => reject(new Error("ended without an answer")));
    });
  } catch {
    // Where there may be no more threads, waiting is better than no answer.
    return locate(findings, documents);
  } finally {
    await worker.terminate();
  }
}

// --- internal ---

/** Of shorter texts no thread is worth its start. */
const LEAST_LENGTH = 16_384;
