import { basename } from "node:path";
import { errnoOf, LvscareError } from "../domain/errors.ts";
import type { EventReport } from "../domain/event-record.ts";
import type { HoldChange } from "../domain/hold.ts";
import type { DaemonListing } from "../domain/listing.ts";
import type { MembersReport } from "../domain/members.ts";
import type { CheckReport, HoldReport } from "../domain/operator.ts";
import type { ReloadReport } from "../domain/reload.ts";
import type { VirtualServerStatus } from "../domain/status.ts";
import {
  CHECK_PATH,
  DAEMON_PATH,
  EVENT_REPORTS_PATH,
  HOLD_PATH,
  LARGEST_ANSWER_BYTES,
  MEMBERS_PATH,
  NO_SUCH_PATH,
  RELOAD_PATH,
  STATUS_PATH,
  STATUSES_PATH,
  UNCHECKED,
} from "./protocol.ts";
import { patienceFor } from "./patience.ts";
import { virtualServerOfSocket } from "./runtime-directory.ts";

const TIMEOUT_MS = 3000;
/** A thousand virtual servers are a thousand looks at the table, and the host may be busy. */
const MANY_TIMEOUT_MS = 10_000;
/** The longest `--health-timeout` there is. */
const CHECK_TIMEOUT_MS = 24 * 3_600_000;
/** A thousand new virtual servers may take a slow kernel a while. */
const RELOAD_TIMEOUT_MS = 120_000;

/**
 * Asks the daemon behind a socket for the status of its one virtual server; rejects with CONTROL_FAILED when none
 * answers. Not through node:http, which takes longer to load and to use than the rest of `lvscare status` together.
 */
export function requestStatus(socketPath: string): Promise<VirtualServerStatus> {
  return ask(socketPath, STATUS_PATH, readAnswer);
}

/** Asks it for the status of these virtual servers, by address or name, or of all. Rejects in the same way. */
export async function requestStatuses(
  socketPath: string,
  virtualServers: readonly string[] = [],
): Promise<readonly VirtualServerStatus[]> {
  const query = new URLSearchParams(selecting(virtualServers));
  return (await ask(socketPath, `${STATUSES_PATH}?${query}`, readStatuses, timeoutFor(socketPath))).virtualServers;
}

/** Asks it where the real servers of these come from, or of all. Rejects in the same way. */
export async function requestMembers(
  socketPath: string,
  virtualServers: readonly string[] = [],
): Promise<readonly MembersReport[]> {
  const query = new URLSearchParams(selecting(virtualServers));
  return (await ask(socketPath, `${MEMBERS_PATH}?${query}`, readMembers, timeoutFor(socketPath))).virtualServers;
}

/** A real server, and the virtual server that it stands behind: addresses or names. */
export interface RequestTarget {
  readonly server: string;
  /** Undefined: the only one that has it. */
  readonly virtualServer?: string;
}

/**
 * Asks it to hold a real server or to let it go; `by` is the operator's name. Rejects with CONTROL_FAILED, also when
 * it refuses.
 */
export function requestHold(
  socketPath: string,
  target: RequestTarget,
  change: HoldChange,
  by?: string,
): Promise<HoldReport> {
  const weight = change.kind === "weight" && change.weight !== undefined ? { weight: String(change.weight) } : {};
  const query = new URLSearchParams({ change: change.kind, ...weight, ...(by !== undefined && { by }) });
  return ask(socketPath, `${HOLD_PATH}?${query}&${targeting(target)}`, readHold, { method: "POST" });
}

/** Asks it to check a real server now, and waits for the result. Rejects in the same way; NOT_CHECKED when none could be made. */
export function requestCheck(socketPath: string, target: RequestTarget): Promise<CheckReport> {
  return ask(socketPath, `${CHECK_PATH}?${targeting(target)}`, readCheck, {
    method: "POST",
    timeoutMs: CHECK_TIMEOUT_MS,
  });
}

/**
 * Asks it for what happened after the event with this id to these virtual servers, by address or name, or to all.
 * Rejects in the same way.
 */
export async function requestEventReports(
  socketPath: string,
  after: number,
  virtualServers: readonly string[] = [],
): Promise<readonly EventReport[]> {
  const query = new URLSearchParams([["after", String(after)], ...selecting(virtualServers)]);
  return (await ask(socketPath, `${EVENT_REPORTS_PATH}?${query}`, readEventReports, timeoutFor(socketPath))).reports;
}

/** Asks it what it cares for. Rejects in the same way. */
export function requestListing(socketPath: string, timeoutMs = TIMEOUT_MS): Promise<DaemonListing> {
  return ask(socketPath, DAEMON_PATH, readListing, { timeoutMs });
}

/**
 * Asks it to read its configuration file again, and waits until that is done, and for `waitMs` until changed probes
 * decide. Rejects in the same way.
 */
export function requestReload(socketPath: string, waitMs = 0): Promise<ReloadReport> {
  const path = waitMs === 0 ? RELOAD_PATH : `${RELOAD_PATH}?wait=${waitMs}`;
  return ask(socketPath, path, readReload, { method: "POST", timeoutMs: RELOAD_TIMEOUT_MS + waitMs });
}

// --- internal ---

/** How long to wait for an answer about all virtual servers: a name that tells the address is that of a single one. */
function timeoutFor(socketPath: string): { readonly timeoutMs: number } {
  return { timeoutMs: virtualServerOfSocket(basename(socketPath)) === undefined ? MANY_TIMEOUT_MS : TIMEOUT_MS };
}

/** `unchecked`: the daemon is well, but a check could not be made, and why. */
type ParsedAnswer<T> = { readonly value: T } | { readonly problem: string } | { readonly unchecked: string };

async function ask<T>(
  socketPath: string,
  path: string,
  read: (code: number, text: string) => ParsedAnswer<T>,
  { method = "GET", timeoutMs = TIMEOUT_MS }: { readonly method?: string; readonly timeoutMs?: number } = {},
): Promise<T> {
  const failure = (message: string, cause?: unknown): LvscareError =>
    new LvscareError("CONTROL_FAILED", `the daemon at ${socketPath} ${message}`, { cause });
  using patience = patienceFor(timeoutMs);
  const { signal } = patience;
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
  if ("unchecked" in answer) throw new LvscareError("NOT_CHECKED", answer.unchecked);
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
  return readJson(code, text, "status", isStatus);
}

function readStatuses(
  code: number,
  text: string,
): ParsedAnswer<{ readonly virtualServers: readonly VirtualServerStatus[] }> {
  return readJson(code, text, "list of statuses", (said) => isListOf(said["virtualServers"], isStatus));
}

function readMembers(code: number, text: string): ParsedAnswer<{ readonly virtualServers: readonly MembersReport[] }> {
  return readJson(code, text, "list of members", (said) =>
    isListOf(said["virtualServers"], (one) => isNamed(one) && Array.isArray(one["members"])),
  );
}

function readEventReports(code: number, text: string): ParsedAnswer<{ readonly reports: readonly EventReport[] }> {
  return readJson(code, text, "list of events", (said) =>
    isListOf(
      said["reports"],
      (one) => isNamed(one) && typeof one["startedAt"] === "string" && Array.isArray(one["events"]),
    ),
  );
}

function readListing(code: number, text: string): ParsedAnswer<DaemonListing> {
  return readJson(code, text, "list of virtual servers", (said) => isListOf(said["virtualServers"], isStatus));
}

function readReload(code: number, text: string): ParsedAnswer<ReloadReport> {
  const lists = ["changes", "draining", "problems"] as const;
  return readJson(
    code,
    text,
    "report of a reload",
    (said) => typeof said["outcome"] === "string" && lists.every((list) => Array.isArray(said[list])),
  );
}

function readHold(code: number, text: string): ParsedAnswer<HoldReport> {
  return readJson(code, text, "report of a hold", (said) => typeof Object(said["realServer"])["address"] === "string");
}

function readCheck(code: number, text: string): ParsedAnswer<CheckReport> {
  return readJson(code, text, "report of a check", (said) => typeof Object(said["verdict"])["reason"] === "string");
}

/** Characters of what a daemon says of an error. */
const MOST_ERROR = 200;

type Said = Readonly<Record<string, unknown>>;

function isStatus(said: Said): boolean {
  return isNamed(said) && Array.isArray(said["realServers"]);
}

/** By its address and protocol. */
function isNamed(said: Said): boolean {
  return typeof said["address"] === "string" && typeof said["protocol"] === "string";
}

function isListOf(value: unknown, isOne: (said: Said) => boolean): boolean {
  return Array.isArray(value) && value.every((one) => isOne(Object(one) as Said));
}

function selecting(virtualServers: readonly string[]): [name: string, value: string][] {
  return virtualServers.map((word) => ["vs", word]);
}

function targeting({ server, virtualServer }: RequestTarget): URLSearchParams {
  return new URLSearchParams([["server", server], ...selecting(virtualServer === undefined ? [] : [virtualServer])]);
}

function readJson<T>(code: number, text: string, what: string, isOne: (said: Said) => boolean): ParsedAnswer<T> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { problem: code === 200 ? "gave an answer that is not JSON" : `answered ${code}` };
  }
  const said = Object(value) as Said;
  const { error } = said;
  if (code === 404 && error === NO_SUCH_PATH)
    return { problem: "is of an older version, which does not know this request: start it anew" };
  if (code === UNCHECKED && typeof error === "string") return { unchecked: error.slice(0, MOST_ERROR) };
  if (code !== 200)
    return {
      problem: typeof error === "string" ? `answered ${code}: ${error.slice(0, MOST_ERROR)}` : `answered ${code}`,
    };
  return isOne(said) ? { value: value as T } : { problem: `gave an answer that is no ${what}` };
}
