import { describeError, LvscareError, type ErrorCode } from "../domain/errors.ts";
import type { EventReport } from "../domain/event-record.ts";
import { isOperatorName, type HoldChange } from "../domain/hold.ts";
import type { DaemonListing } from "../domain/listing.ts";
import type { MembersReport } from "../domain/members.ts";
import { isCalled, listFirst, type Named } from "../domain/name.ts";
import type { CheckReport, HoldReport } from "../domain/operator.ts";
import type { ReloadReport } from "../domain/reload.ts";
import type { VirtualServerStatus } from "../domain/status.ts";
import {
  describeVirtualServer,
  isVirtualServerCalled,
  keyOf,
  type NamedVirtualServer,
} from "../domain/virtual-server-name.ts";
import { LARGEST_WEIGHT } from "../domain/virtual-server.ts";
import {
  CHECK_PATH,
  DAEMON_PATH,
  EVENT_REPORTS_PATH,
  EVENTS_PATH,
  HOLD_PATH,
  MEMBERS_PATH,
  MOST_ANSWERS_PER_SECOND,
  NO_SUCH_PATH,
  RELOAD_PATH,
  STATUS_PATH,
  STATUSES_PATH,
  VERSIONS,
  UNCHECKED,
} from "./protocol.ts";
import { canonical, eventIdAfter, RateLimit, urlOf } from "./requests.ts";

/** Where answers come from: a process, and what it cares for. */
export interface ControlSources {
  readonly networkNamespace?: string;
  /** Its absolute path. */
  readonly configFile?: string;
  /** As they are now: a reload changes them. */
  virtualServers(): readonly ControlVirtualServer[];
  /** Reads the configuration file again, and waits so long for changed probes to decide. Absent where there is none. */
  readonly reload?: (waitMs: number) => Promise<ReloadReport>;
}

export interface ControlVirtualServer {
  readonly named: NamedVirtualServer;
  /** The configuration has it no longer: another one may have its name by now. */
  readonly isLeaving?: boolean;
  readonly realServers: readonly Named[];
  status(): Promise<VirtualServerStatus>;
  /** Where its real servers come from. */
  members(): MembersReport;
  /** What happened after the event with this id; `own`: not to the process itself. */
  events(after: number, which?: "all" | "own"): EventReport;
  /** `server`: a formatted endpoint. Rejects with NOT_LISTED for a real server that is not one of this virtual server's. */
  hold(server: string, change: HoldChange, by?: string): Promise<HoldReport>;
  /** Rejects with NOT_LISTED, too. */
  check(server: string, signal: AbortSignal): Promise<CheckReport>;
}

/** Handles requests. The mode of the socket decides which users may send them. */
export class Answers {
  readonly #sources: ControlSources;
  readonly #limit: RateLimit;
  /** Texts that are being made, by what was asked: those who ask for the same meanwhile share them. */
  readonly #pending = new Map<unknown, Promise<string>>();

  constructor(sources: ControlSources, now: () => number = () => performance.now()) {
    this.#sources = sources;
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
      const text = await this.#textFor(pathname, searchParams, request.signal);
      return new Response(text, { headers: { "content-type": "application/json" } });
    } catch (error) {
      if (error instanceof Refused) return refusal(error.status, error.message);
      const status = error instanceof LvscareError ? CODES.get(error.code) : undefined;
      return refusal(status ?? 500, describeError(error));
    }
  }

  // --- internal ---

  async #textFor(path: string, query: URLSearchParams, signal: AbortSignal): Promise<string> {
    switch (path) {
      case STATUSES_PATH:
        return this.#statuses(this.#selected(query));
      case EVENTS_PATH:
        return JSON.stringify(this.#one(query).events(afterIn(query)));
      case EVENT_REPORTS_PATH:
        return listOf("reports", reportsOf(this.#selected(query), afterIn(query)));
      case MEMBERS_PATH:
        return listOf(
          "virtualServers",
          this.#selected(query).map((one) => one.members()),
        );
      case DAEMON_PATH:
        return JSON.stringify(this.#listing());
      case HOLD_PATH: {
        const change = holdChange(query);
        if (change === undefined)
          throw new Refused(400, "change is drain, undrain or weight, and weight a whole number");
        const by = query.get("by") ?? undefined;
        if (by !== undefined && !isOperatorName(by)) throw new Refused(400, "by is the name of a user");
        const { virtualServer, server } = this.#target(query);
        return JSON.stringify(await virtualServer.hold(server, change, by));
      }
      case CHECK_PATH: {
        const { virtualServer, server } = this.#target(query);
        return JSON.stringify(await virtualServer.check(server, signal));
      }
      case RELOAD_PATH:
        if (this.#sources.reload === undefined)
          throw new Refused(400, "this daemon was started with flags: there is no file to read again");
        return JSON.stringify(await this.#sources.reload(waitIn(query)));
      default:
        return this.#status(this.#one(query));
    }
  }

  /** Those that the query names, in their own order; all where it names none. */
  #selected(query: URLSearchParams): readonly ControlVirtualServer[] {
    const words = query.getAll("vs");
    const all = this.#sources.virtualServers();
    if (words.length === 0) return all;
    const meant = new Set(words.flatMap((word) => called(canonical(word), all)));
    return all.filter((one) => meant.has(one));
  }

  #one(query: URLSearchParams): ControlVirtualServer {
    const [found, ...others] = this.#selected(query);
    if (found === undefined || others.length > 0) throw this.#unclear();
    return found;
  }

  #unclear(): Refused {
    const all = this.#sources.virtualServers().map(({ named }) => describeVirtualServer(named));
    return new Refused(400, all.length === 0 ? "there is no virtual server" : `?vs= names one of ${listFirst(all)}`);
  }

  /** The virtual server and the address of the real server that the query means. */
  #target(query: URLSearchParams): { readonly virtualServer: ControlVirtualServer; readonly server: string } {
    const word = query.get("server") ?? "";
    const candidates = this.#selected(query);
    const [first, ...others] = candidates;
    if (first === undefined) throw this.#unclear();
    const found = candidates.flatMap((virtualServer) =>
      virtualServer.realServers
        .filter((one) => isCalled(word, one))
        .map((one) => ({ virtualServer, server: one.address })),
    );
    const [target, ...more] = found;
    if (target !== undefined && more.length === 0) return target;
    if (target !== undefined) {
      const texts = found.map(
        ({ virtualServer, server }) => `${server} of ${describeVirtualServer(virtualServer.named)}`,
      );
      throw new Refused(400, `${word} may be ${listFirst(texts)}`);
    }
    // It says itself which real servers it has.
    if (others.length === 0) return { virtualServer: first, server: word };
    throw new Refused(404, `no real server ${word} is cared for`);
  }

  #listing(): DaemonListing {
    const { networkNamespace, configFile } = this.#sources;
    return {
      ...(networkNamespace !== undefined && { networkNamespace }),
      ...(configFile !== undefined && { configFile }),
      virtualServers: this.#sources.virtualServers().map(({ named, realServers }) => ({ ...named, realServers })),
    };
  }

  #status(virtualServer: ControlVirtualServer): Promise<string> {
    return this.#shared(virtualServer, async () => JSON.stringify(await virtualServer.status()));
  }

  #statuses(virtualServers: readonly ControlVirtualServer[]): Promise<string> {
    const key = JSON.stringify(virtualServers.map(({ named }) => keyOf(named)));
    return this.#shared(key, () =>
      listOf("virtualServers", virtualServers, async (one) => {
        try {
          return await this.#status(one);
        } catch (error) {
          // A reload has taken it away meanwhile.
          if (!this.#sources.virtualServers().includes(one)) return undefined;
          throw error;
        }
      }),
    );
  }

  #shared(key: unknown, make: () => Promise<string>): Promise<string> {
    const pending = this.#pending.get(key) ?? make().finally(() => this.#pending.delete(key));
    this.#pending.set(key, pending);
    return pending;
  }
}

// --- internal ---

/** How long others wait for a turn while a long answer is made. */
const TURN_MS = 5;

const METHODS: ReadonlyMap<string, "GET" | "POST"> = new Map<string, "GET" | "POST">([
  [STATUS_PATH, "GET"],
  [STATUSES_PATH, "GET"],
  [EVENTS_PATH, "GET"],
  [EVENT_REPORTS_PATH, "GET"],
  [MEMBERS_PATH, "GET"],
  [DAEMON_PATH, "GET"],
  [HOLD_PATH, "POST"],
  [CHECK_PATH, "POST"],
  [RELOAD_PATH, "POST"],
]);

/** Of what is nobody's fault here. */
const CODES: ReadonlyMap<ErrorCode, number> = new Map([
  ["NOT_LISTED", 404],
  ["NOT_CHECKED", UNCHECKED],
]);

/** Why a request is not granted, by its status code. */
class Refused extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

function refusal(status: number, error: string): Response {
  return Response.json({ error }, { status });
}

/**
 * `{"<key>":[…]}`, made one by one: checks and other askers get a turn in between. One without a text is left out.
 */
async function listOf<T>(
  key: string,
  all: readonly T[],
  textOf: (one: T) => Promise<string | undefined> = (one) => Promise.resolve(JSON.stringify(one)),
): Promise<string> {
  const texts: string[] = [];
  let sinceMs = performance.now();
  for (const one of all) {
    const text = await textOf(one);
    if (text !== undefined) texts.push(text);
    if (performance.now() - sinceMs < TURN_MS) continue;
    await new Promise<void>((resolve) => setImmediate(resolve));
    sinceMs = performance.now();
  }
  return `{${JSON.stringify(key)}:[${texts.join(",")}]}`;
}

/** All at one time: who asks again for what came after the last of these ids misses nothing. */
function reportsOf(virtualServers: readonly ControlVirtualServer[], after: number): readonly EventReport[] {
  return virtualServers.map((one, at) => one.events(after, at === 0 ? "all" : "own"));
}

function afterIn(query: URLSearchParams): number {
  const after = eventIdAfter(query);
  if (after === undefined) throw new Refused(400, "after is the id of an event");
  return after;
}

/** All that a word means: a name means one that leaves only where no other has it. */
function called(word: string, all: readonly ControlVirtualServer[]): readonly ControlVirtualServer[] {
  const found = all.filter(({ named }) => isVirtualServerCalled(word, named));
  const staying = found.filter(({ named, isLeaving }) => named.name !== word || isLeaving !== true);
  return staying.length > 0 ? staying : found;
}

/** For how long to wait, in milliseconds; 0 without a word of it. */
function waitIn(query: URLSearchParams): number {
  const text = query.get("wait") ?? "0";
  if (!/^\d{1,9}$/.test(text)) throw new Refused(400, "wait is a whole number of milliseconds");
  return Number(text);
}

function holdChange(asked: URLSearchParams): HoldChange | undefined {
  const kind = asked.get("change");
  if (kind === "drain" || kind === "undrain") return { kind };
  if (kind !== "weight") return undefined;
  const text = asked.get("weight");
  if (text === null) return { kind, weight: undefined };
  const weight = /^[1-9]\d{0,4}$/.test(text) ? Number(text) : Number.NaN;
  return weight <= LARGEST_WEIGHT ? { kind, weight } : undefined;
}
