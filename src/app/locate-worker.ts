import { parentPort, workerData } from "node:worker_threads";
import { locate } from "../config/file/locate.ts";
import type { LocateJob } from "./locate-aside.ts";

/** What a thread of this program is for: see `locateAside`. */
export async function answerLocateJob(): Promise<void> {
  const { findings, documents } = workerData as LocateJob;
  // It is ended by whoever began it: an end of its own might be heard before its answer.
  parentPort?.on("message", () => undefined);
  parentPort?.postMessage(await locate(findings, documents));
}
