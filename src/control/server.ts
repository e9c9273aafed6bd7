import { lstatSync, unlinkSync } from "node:fs";
import { describeError, LvscareError } from "../domain/errors.ts";
import type { EventReport } from "../domain/event-record.ts";
import type { VirtualServerStatus } from "../domain/status.ts";
import { requestStatus } from "./client.ts";
import { EVENTS_PATH, LARGEST_REQUEST_BYTES, MOST_ANSWERS_PER_SECOND, STATUS_PATH, VERSIONS } from "./protocol.ts";

export interface ControlServer {
  readonly path: string;
  close(): Promise<void>;
}

/**
 * Answers `lvscare status` at a socket that only its owner may use. Whoever calls this holds the claim on the virtual server, so a
 * socket that nobody answers at is a leftover; one that answers belongs to a daemon in another network namespace, and ours gets the
 * process id in its name.
 */
export async function serveControl(
  preferred: { readonly path: string; readonly otherwise: string },
  sources: AnswerSources,
): Promise<ControlServer> {
  const path = (await isAnswered(preferred.path)) ? preferred.otherwise : preferred.path;
  const operation = `listen at ${path}`;
  try {
    removeLeftover(path);
    const answers = new Answers(sources);
    const server = withUmask(0o177, () =>
      Bun.serve({
        unix: path,
        fetch: (request) => answers.answer(request),
        maxRequestBodySize: LARGEST_REQUEST_BYTES,
        error: (error) => Response.json({ error: error.message }, { status: 500 }),
      }),
    );
    return {
      path,
      close: async () => {
        await server.stop(true);
        removeLeftover(path);
      },
    };
  } catch (cause) {
    throw cause instanceof LvscareError
      ? cause
      : new LvscareError("CONTROL_FAILED", (cause as Error).message, { operation, cause });
  }
}

// --- internal ---

/** Where answers come from. */
export interface AnswerSources {
  status(): Promise<VirtualServerStatus>;
  /** What happened after the event with this id. */
  events(after: number): EventReport;
}

/** Decides about requests; whoever may ask is settled by the mode of the socket. */
export class Answers {
  readonly #sources: AnswerSources;
  readonly #now: () => number;
  /** Those who ask at the same time share one answer. */
  #underWay: Promise<VirtualServerStatus> | undefined;
  #second = { sinceMs: Number.NEGATIVE_INFINITY, answers: 0 };

  constructor(sources: AnswerSources, now: () => number = () => performance.now()) {
    this.#sources = sources;
    this.#now = now;
  }

  /** Never rejects: a failure is an answer, too. */
  async answer(request: Request): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    const [, version = "", ...rest] = pathname.split("/");
    if (rest.length > 0 && !VERSIONS.some((known) => known === version)) {
      return refusal(400, `this daemon speaks ${VERSIONS.join(", ")} and not ${JSON.stringify(version.slice(0, 20))}`);
    }
    if (pathname !== STATUS_PATH && pathname !== EVENTS_PATH) return refusal(404, "no such path");
    if (request.method !== "GET") return refusal(405, "only GET is answered");
    if (this.#isTooOften()) return refusal(429, `not more than ${MOST_ANSWERS_PER_SECOND} times a second`);
    try {
      if (pathname === EVENTS_PATH) {
        const after = searchParams.get("after") ?? "0";
        if (!/^\d{1,15}$/.test(after)) return refusal(400, "after is the id of an event");
        return Response.json(this.#sources.events(Number(after)));
      }
      this.#underWay ??= this.#sources.status().finally(() => (this.#underWay = undefined));
      return Response.json(await this.#underWay);
    } catch (error) {
      return refusal(500, describeError(error));
    }
  }

  // --- internal ---

  #isTooOften(): boolean {
    const nowMs = this.#now();
    if (nowMs - this.#second.sinceMs >= 1000) this.#second = { sinceMs: nowMs, answers: 0 };
    return ++this.#second.answers > MOST_ANSWERS_PER_SECOND;
  }
}

function refusal(status: number, error: string): Response {
  return Response.json({ error }, { status });
}

function isAnswered(path: string): Promise<boolean> {
  return requestStatus(path).then(
    () => true,
    () => false,
  );
}

/** Removes a socket, and nothing else that might lie at its path. */
function removeLeftover(path: string): void {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isSocket()) {
    throw new LvscareError("CONTROL_FAILED", "something that is not a socket lies there", {
      operation: `listen at ${path}`,
      remedy: "remove it",
    });
  }
  unlinkSync(path);
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
