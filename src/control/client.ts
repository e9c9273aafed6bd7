import { request } from "node:http";
import { LvscareError } from "../domain/errors.ts";
import type { EventReport } from "../domain/event-record.ts";
import type { VirtualServerStatus } from "../domain/status.ts";
import { EVENTS_PATH, LARGEST_ANSWER_BYTES, STATUS_PATH } from "./protocol.ts";

const TIMEOUT_MS = 3000;

/**
 * Asks the daemon behind a socket for its status; rejects with CONTROL_FAILED when none answers. Through node:http, because `fetch`
 * would obey the proxy variables of the environment even for a unix socket.
 */
export function requestStatus(socketPath: string): Promise<VirtualServerStatus> {
  return ask(socketPath, STATUS_PATH, readAnswer);
}

/** Asks it for what happened after the event with this id. Rejects likewise. */
export function requestEvents(socketPath: string, after: number): Promise<EventReport> {
  return ask(socketPath, `${EVENTS_PATH}?after=${after}`, readEvents);
}

// --- internal ---

type Answer<T> = { readonly value: T } | { readonly problem: string };

function ask<T>(socketPath: string, path: string, read: (code: number, text: string) => Answer<T>): Promise<T> {
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  return new Promise((resolve, reject) => {
    const fail = (message: string, cause?: unknown): void => {
      reject(new LvscareError("CONTROL_FAILED", `the daemon at ${socketPath} ${message}`, { cause }));
    };
    const outgoing = request({ socketPath, path, signal }, (incoming) => {
      const chunks: Buffer[] = [];
      let size = 0;
      incoming.on("data", (chunk: Buffer) => {
        size += chunk.length;
        if (size > LARGEST_ANSWER_BYTES) outgoing.destroy(new Error("its answer is too large"));
        else chunks.push(chunk);
      });
      incoming.on("error", (error) => fail(`cannot be heard: ${error.message}`, error));
      incoming.on("end", () => {
        const answer = read(incoming.statusCode ?? 0, Buffer.concat(chunks).toString("utf8"));
        if ("problem" in answer) fail(answer.problem);
        else resolve(answer.value);
      });
    });
    outgoing.on("error", (error) =>
      fail(signal.aborted ? "does not answer" : `cannot be reached: ${error.message}`, error),
    );
    outgoing.end();
  });
}

/** What a daemon said, or what is wrong with it: whoever listens there may be anybody. */
export function readAnswer(code: number, text: string): Answer<VirtualServerStatus> {
  return readJson(
    code,
    text,
    "status",
    (said) => typeof said["address"] === "string" && Array.isArray(said["realServers"]),
  );
}

function readEvents(code: number, text: string): Answer<EventReport> {
  return readJson(
    code,
    text,
    "list of events",
    (said) => typeof said["startedAt"] === "string" && Array.isArray(said["events"]),
  );
}

function readJson<T>(
  code: number,
  text: string,
  what: string,
  isOne: (said: Readonly<Record<string, unknown>>) => boolean,
): Answer<T> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { problem: code === 200 ? "gave an answer that is not JSON" : `answered ${code}` };
  }
  const said = Object(value) as Readonly<Record<string, unknown>>;
  const { error } = said;
  if (code !== 200)
    return { problem: typeof error === "string" ? `answered ${code}: ${error.slice(0, 200)}` : `answered ${code}` };
  return isOne(said) ? { value: value as T } : { problem: `gave an answer that is no ${what}` };
}
