import { parentPort, workerData } from "node:worker_threads";
import { locate } from "../config/file/locate.ts";
import type { LocateJob } from "./locate-aside.ts";

/** What a thread of this program is for: see `locateAside`. */
export async function answerLocateJob(): Promise<void> {
  const { findings, documents } = workerData as LocateJob;
  parentPort?.postMessage(await locate(findings, documents));
}
