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
        if (incoming.statusCode !== 200) return fail(`answered ${incoming.statusCode}`);
        try {
          resolve(JSON.parse(Buffer.concat(chunks).toString("utf8")) as VirtualServerStatus);
        } catch (cause) {
          fail("gave an answer that is not JSON", cause);
        }
      });
    });
    outgoing.on("error", (error) =>
      fail(signal.aborted ? "does not answer" : `cannot be reached: ${error.message}`, error),
    );
    outgoing.end();
  });
}
