import { linkSync, lstatSync, rmSync, unlinkSync, type Stats } from "node:fs";
import { listenerAt } from "#native";
import { describeError, errnoOf, LvscareError } from "../domain/errors.ts";
import type { EventReport } from "../domain/event-record.ts";
import { isOperatorName, type HoldChange } from "../domain/hold.ts";
import type { CheckReport, HoldReport } from "../domain/operator.ts";
import type { VirtualServerStatus } from "../domain/status.ts";
import { LARGEST_WEIGHT } from "../domain/virtual-server.ts";
import {
  CHECK_PATH,
  EVENTS_PATH,
  HOLD_PATH,
  LARGEST_REQUEST_BYTES,
  MOST_ANSWERS_PER_SECOND,
  NO_SUCH_PATH,
  STATUS_PATH,
  VERSIONS,
} from "./protocol.ts";
import { eventIdAfter, RateLimit, sharePending, urlOf } from "./requests.ts";

export interface ControlServer {
  readonly path: string;
  /** Its own socket is still there: cleaners of temporary files remove it, and a volume may be made again. */
  stands(): boolean;
  /** Takes no more requests; those under way are still answered. The file at its path is left. */
  retire(): Promise<void>;
  /** Ends the answers, those under way included, and removes the socket if it is its own. */
  close(): Promise<void>;
}

/**
 * Answers `lvscare status` at a socket that only its owner may use: at the first of these paths that is free. Only a
 * socket that refuses connections counts as left behind. A process that is slow, stopped or busy keeps its own: it is
 * a daemon in another network namespace. Throws CONTROL_FAILED.
 */
export function serveControl(paths: readonly string[], sources: AnswerSources): ControlServer {
  for (const path of paths) {
    const operation = `listen at ${path}`;
    try {
      if (!removeLeftover(path)) continue;
      const server = listenAt(path, new Answers(sources));
      if (server !== undefined) return server;
    } catch (cause) {
      if (cause instanceof LvscareError) throw cause;
      // Not in the runtime's words: they name the socket before it has its path, another one at each try.
      const errno = errnoOf(cause);
      const message = errno === undefined ? describeError(cause) : `the system refused with ${errno}`;
      throw new LvscareError("CONTROL_FAILED", message, { operation, ...(errno !== undefined && { errno }), cause });
    }
  }
  throw new LvscareError("CONTROL_FAILED", "others listen there", { operation: `listen at ${paths.join(" or ")}` });
}

// --- internal ---

/** Where answers come from. */
export interface AnswerSources {
  status(): Promise<VirtualServerStatus>;
  /** What happened after the event with this id. */
  events(after: number): EventReport;
  /** Rejects with NOT_LISTED for a real server that is not one of this virtual server's. */
  hold(server: string, change: HoldChange, by?: string): Promise<HoldReport>;
  /** Rejects with NOT_LISTED, too. */
  check(server: string, signal: AbortSignal): Promise<CheckReport>;
}

/** Handles requests. The mode of the socket decides which users may send them. */
export class Answers {
  readonly #sources: AnswerSources;
  readonly #status: () => Promise<VirtualServerStatus>;
  readonly #limit: RateLimit;

  constructor(sources: AnswerSources, now: () => number = () => performance.now()) {
    this.#sources = sources;
    this.#status = sharePending(() => sources.status());
    this.#limit = new RateLimit(MOST_ANSWERS_PER_SECOND, now);
  }

  /** Never rejects: a failure is an answer, too. */
  async answer(request: Request): Promise<Response> {
    const url = urlOf(request);
    if (url === null) return refusal(400, "this request cannot be read");
    const { pathname, searchParams } = url;
    const [, version = "", ...rest] = pathname.split("/");
    if (rest.length > 0 && !VERSIONS.some((known) => known === version)) {
      return refusal(400, `this daemon speaks ${VERSIONS.join(", ")} and not ${JSON.stringify(version.slice(0, 20))}`);
    }
    const method = METHODS.get(pathname);
    if (method === undefined) return refusal(404, NO_SUCH_PATH);
    if (request.method !== method) return refusal(405, `only ${method} is answered`);
    if (!this.#limit.allows()) return refusal(429, `not more than ${MOST_ANSWERS_PER_SECOND} times a second`);
    try {
      switch (pathname) {
        case EVENTS_PATH: {
          const after = eventIdAfter(searchParams);
          if (after === undefined) return refusal(400, "after is the id of an event");
          return Response.json(this.#sources.events(after));
        }
        case HOLD_PATH: {
          const change = holdChange(searchParams);
          if (change === undefined)
            return refusal(400, "change is drain, undrain or weight, and weight a whole number");
          const by = searchParams.get("by") ?? undefined;
          if (by !== undefined && !isOperatorName(by)) return refusal(400, "by is the name of a user");
          return Response.json(await this.#sources.hold(searchParams.get("server") ?? "", change, by));
        }
        case CHECK_PATH:
          return Response.json(await this.#sources.check(searchParams.get("server") ?? "", request.signal));
        default:
          return Response.json(await this.#status());
      }
    } catch (error) {
      const isNotListed = error instanceof LvscareError && error.code === "NOT_LISTED";
      return refusal(isNotListed ? 404 : 500, describeError(error));
    }
  }
}

/**
 * A check takes as long as the daemon may wait for a real server, but the runtime also closes connections of a Unix
 * socket after ten seconds. Its types lack this option for them, and a limit for a single request has no effect
 * there.
 */
const UNHURRIED: object = { idleTimeout: 0 };

const METHODS: ReadonlyMap<string, "GET" | "POST"> = new Map<string, "GET" | "POST">([
  [STATUS_PATH, "GET"],
  [EVENTS_PATH, "GET"],
  [HOLD_PATH, "POST"],
  [CHECK_PATH, "POST"],
]);

function holdChange(asked: URLSearchParams): HoldChange | undefined {
  const kind = asked.get("change");
  if (kind === "drain" || kind === "undrain") return { kind };
  if (kind !== "weight") return undefined;
  const text = asked.get("weight");
  if (text === null) return { kind, weight: undefined };
  const weight = /^[1-9]\d{0,4}$/.test(text) ? Number(text) : Number.NaN;
  return weight <= LARGEST_WEIGHT ? { kind, weight } : undefined;
}

function refusal(status: number, error: string): Response {
  return Response.json({ error }, { status });
}

/**
 * The runtime removes whatever is at the path that it listened at, even another process's socket. So it listens at a
 * path of this process alone, which is then linked to the right one: this is atomic and replaces nothing. Undefined
 * when another process was faster.
 */
function listenAt(path: string, answers: Answers): ControlServer | undefined {
  const own = `${path}.${crypto.randomUUID().slice(0, 8)}`;
  const server = withUmask(0o177, () =>
    Bun.serve({
      unix: own,
      fetch: (request) => answers.answer(request),
      ...UNHURRIED,
      maxRequestBodySize: LARGEST_REQUEST_BYTES,
      development: false,
      error: (error) => Response.json({ error: error.message }, { status: 500 }),
    }),
  );
  const socket = lstatSync(own);
  try {
    linkSync(own, path);
  } catch (error) {
    void server.stop(true);
    if (errnoOf(error) === "EEXIST") return undefined;
    throw error;
  }
  rmSync(own, { force: true });
  const stands = (): boolean => isSame(lstatSync(path, { throwIfNoEntry: false }), socket);
  return {
    path,
    stands,
    retire: () => server.stop(),
    close: async () => {
      // Done while it still listens: no other process takes its path before it is gone from there.
      if (stands()) unlinkSync(path);
      await server.stop(true);
    },
  };
}

/** Whether the path is free now: a socket without a listener is removed, but nothing else that might be there. */
function removeLeftover(path: string): boolean {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return true;
  if (!found.isSocket()) {
    throw new LvscareError("CONTROL_FAILED", "something that is not a socket lies there", {
      operation: `listen at ${path}`,
      remedy: "remove it",
    });
  }
  if (listenerAt(path) !== "nobody") return false;
  // Another process may have been faster, and may listen there by now.
  if (isSame(lstatSync(path, { throwIfNoEntry: false }), found)) unlinkSync(path);
  return true;
}

function isSame(one: Stats | undefined, other: Stats): boolean {
  return one?.ino === other.ino && one.dev === other.dev;
}

/** The mode of a unix socket is what the umask leaves; it is set for the one call that makes the socket. */
function withUmask<T>(mask: number, make: () => T): T {
  const before = process.umask(mask);
  try {
    return make();
  } finally {
    process.umask(before);
  }
}
