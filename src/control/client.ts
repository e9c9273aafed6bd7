import { errnoOf, LvscareError } from "../domain/errors.ts";
import type { EventReport } from "../domain/event-record.ts";
import type { VirtualServerStatus } from "../domain/status.ts";
import type { HoldChange } from "../domain/hold.ts";
import type { CheckReport, HoldReport } from "../domain/operator.ts";
import { CHECK_PATH, EVENTS_PATH, HOLD_PATH, LARGEST_ANSWER_BYTES, NO_SUCH_PATH, STATUS_PATH } from "./protocol.ts";

const TIMEOUT_MS = 3000;
/** The longest `--health-timeout` there is. */
const CHECK_TIMEOUT_MS = 24 * 3_600_000;

/**
 * Asks the daemon behind a socket for its status; rejects with CONTROL_FAILED when none answers. Not through
 * node:http, which takes longer to load and to use than the rest of `lvscare status` together.
 */
export function requestStatus(socketPath: string): Promise<VirtualServerStatus> {
  return ask(socketPath, STATUS_PATH, readAnswer);
}

/**
 * Asks it to hold a real server, by its formatted endpoint, or to let it go; `by` is the operator's name. Rejects
 * with CONTROL_FAILED, also when it refuses.
 */
export function requestHold(socketPath: string, server: string, change: HoldChange, by?: string): Promise<HoldReport> {
  const weight = change.kind === "weight" && change.weight !== undefined ? { weight: String(change.weight) } : {};
  const query = new URLSearchParams({ server, change: change.kind, ...weight, ...(by !== undefined && { by }) });
  return ask(socketPath, `${HOLD_PATH}?${query}`, readHold, { method: "POST" });
}

/** Asks it to check a real server now, and waits for the result. Rejects in the same way. */
export function requestCheck(socketPath: string, server: string): Promise<CheckReport> {
  const query = new URLSearchParams({ server });
  return ask(socketPath, `${CHECK_PATH}?${query}`, readCheck, { method: "POST", timeoutMs: CHECK_TIMEOUT_MS });
}

/** Asks it for what happened after the event with this id. Rejects in the same way. */
export function requestEvents(socketPath: string, after: number): Promise<EventReport> {
  return ask(socketPath, `${EVENTS_PATH}?after=${after}`, readEvents);
}

// --- internal ---

type ParsedAnswer<T> = { readonly value: T } | { readonly problem: string };

async function ask<T>(
  socketPath: string,
  path: string,
  read: (code: number, text: string) => ParsedAnswer<T>,
  { method = "GET", timeoutMs = TIMEOUT_MS }: { readonly method?: string; readonly timeoutMs?: number } = {},
): Promise<T> {
  const failure = (message: string, cause?: unknown): LvscareError =>
    new LvscareError("CONTROL_FAILED", `the daemon at ${socketPath} ${message}`, { cause });
  const signal = AbortSignal.timeout(timeoutMs);
  let answer: ParsedAnswer<T>;
  try {
    // Without `timeout: false` the runtime would give up after five minutes.
    const options = { method, unix: socketPath, signal, keepalive: false, redirect: "manual", timeout: false } as const;
    const response = await fetch(`http://localhost${path}`, options);
    answer = read(response.status, await textOf(response));
  } catch (cause) {
    if (signal.aborted) throw failure("does not answer", cause);
    throw failure(`cannot be reached: ${errnoOf(cause) ?? (cause as Error).message}`, cause);
  }
  if ("problem" in answer) throw failure(answer.problem);
  return answer.value;
}

async function textOf(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    if (size > LARGEST_ANSWER_BYTES) throw new Error("its answer is too large");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

/** The daemon's answer, or what is wrong with it: any program may listen there. */
export function readAnswer(code: number, text: string): ParsedAnswer<VirtualServerStatus> {
  return readJson(
    code,
    text,
    "status",
    (said) => typeof said["address"] === "string" && Array.isArray(said["realServers"]),
  );
}

function readEvents(code: number, text: string): ParsedAnswer<EventReport> {
  return readJson(
    code,
    text,
    "list of events",
    (said) => typeof said["startedAt"] === "string" && Array.isArray(said["events"]),
  );
}

function readHold(code: number, text: string): ParsedAnswer<HoldReport> {
  return readJson(code, text, "report of a hold", (said) => typeof Object(said["realServer"])["address"] === "string");
}

function readCheck(code: number, text: string): ParsedAnswer<CheckReport> {
  return readJson(code, text, "report of a check", (said) => typeof Object(said["verdict"])["reason"] === "string");
}

function readJson<T>(
  code: number,
  text: string,
  what: string,
  isOne: (said: Readonly<Record<string, unknown>>) => boolean,
): ParsedAnswer<T> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { problem: code === 200 ? "gave an answer that is not JSON" : `answered ${code}` };
  }
  const said = Object(value) as Readonly<Record<string, unknown>>;
  const { error } = said;
  if (code === 404 && error === NO_SUCH_PATH)
    return { problem: "is of an older version, which does not know this request: start it anew" };
  if (code !== 200)
    return { problem: typeof error === "string" ? `answered ${code}: ${error.slice(0, 200)}` : `answered ${code}` };
  return isOne(said) ? { value: value as T } : { problem: `gave an answer that is no ${what}` };
}
