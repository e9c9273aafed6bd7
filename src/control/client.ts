import { request } from "node:http";
import { LvscareError } from "../domain/errors.ts";
import type { VirtualServerStatus } from "../domain/status.ts";
import { LARGEST_ANSWER_BYTES, STATUS_PATH } from "./protocol.ts";

const TIMEOUT_MS = 3000;

/**
 * Asks the daemon behind a socket for its status; rejects with CONTROL_FAILED when none answers. Through node:http, because `fetch`
 * would obey the proxy variables of the environment even for a unix socket.
 */
export function requestStatus(socketPath: string): Promise<VirtualServerStatus> {
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  return new Promise((resolve, reject) => {
    const fail = (message: string, cause?: unknown): void => {
      reject(new LvscareError("CONTROL_FAILED", `the daemon at ${socketPath} ${message}`, { cause }));
    };
    const outgoing = request({ socketPath, path: STATUS_PATH, signal }, (incoming) => {
      const chunks: Buffer[] = [];
      let size = 0;
      incoming.on("data", (chunk: Buffer) => {
        size += chunk.length;
        if (size > LARGEST_ANSWER_BYTES) outgoing.destroy(new Error("its answer is too large"));
        else chunks.push(chunk);
      });
      incoming.on("error", (error) => fail(`cannot be heard: ${error.message}`, error));
      incoming.on("end", () => {
        const answer = readAnswer(incoming.statusCode ?? 0, Buffer.concat(chunks).toString("utf8"));
        if ("problem" in answer) fail(answer.problem);
        else resolve(answer.status);
      });
    });
    outgoing.on("error", (error) =>
      fail(signal.aborted ? "does not answer" : `cannot be reached: ${error.message}`, error),
    );
    outgoing.end();
  });
}

/** What a daemon said, or what is wrong with it: whoever listens there may be anybody. */
export function readAnswer(
  code: number,
  text: string,
): { readonly status: VirtualServerStatus } | { readonly problem: string } {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { problem: code === 200 ? "gave an answer that is not JSON" : `answered ${code}` };
  }
  const said = Object(value) as { readonly [name: string]: unknown };
  if (code !== 200)
    return {
      problem:
        typeof said["error"] === "string" ? `answered ${code}: ${said["error"].slice(0, 200)}` : `answered ${code}`,
    };
  if (typeof said["address"] !== "string" || !Array.isArray(said["realServers"])) {
    return { problem: "gave an answer that is no status" };
  }
  return { status: value as VirtualServerStatus };
}
