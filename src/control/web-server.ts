import { describeError, errnoOf, LvscareError } from "../domain/errors.ts";
import type { Endpoint } from "../domain/endpoint.ts";
import { formatEndpoint, isLoopback } from "../domain/endpoint.ts";
import type { EventReport } from "../domain/event-record.ts";
import {
  describeVirtualServer,
  exactWord,
  isVirtualServerCalled,
  type NamedVirtualServer,
} from "../domain/virtual-server-name.ts";
import { unreadiness } from "../domain/in-service.ts";
import type { MetricsFormat } from "../domain/metrics-format.ts";
import type { VirtualServerStatus } from "../domain/status.ts";
import { EventStream } from "./event-stream.ts";
import { HttpServer, type Listen } from "./http/http-server.ts";
import { meansThisHost } from "./host-header.ts";
import { LastSecond } from "./last-second.ts";
import { MetricsAnswer } from "./metrics-answer.ts";
import { PAGE_FILES } from "./page-files.ts";
import { MOST_ANSWERS_PER_SECOND } from "./protocol.ts";
import { canonical, eventIdAfter, RateLimit, sharePending, urlOf } from "./requests.ts";

/** What is served over HTTP; nothing can be changed there. */
export interface WebSources {
  /** Those of this moment: they may come and go. */
  virtualServers(): readonly WebVirtualServer[];
  /** Of all that could be asked. */
  metrics(statuses: readonly VirtualServerStatus[], format: MetricsFormat): string;
}

export interface WebVirtualServer {
  readonly named: NamedVirtualServer;
  status(): Promise<VirtualServerStatus>;
  events(after: number): EventReport;
}

export interface WebServer {
  /** There may be new events: the stream's listeners get them soon. */
  happened(): void;
  close(): Promise<void>;
}

/**
 * A page, metrics, health and status over HTTP at an address of this host, for any client that can connect: `/`,
 * `/metrics`, `/healthz`, `/readyz`, `/api/v1/virtual-servers`, `/api/v1/status`, `/api/v1/events`, `/api/v1/stream`.
 * With several virtual servers, `?vs=` selects one, by its address, its protocol and address (`tcp/IP:port`) or its name. Throws ADDRESS_IN_USE or SOCKET_FAILED; `whoListens` then
 * names the owner of the address.
 */
export function serveWeb(endpoint: Endpoint, sources: WebSources, options: Partial<WebServerOptions> = {}): WebServer {
  const { listen = listenOnly, mostConnections = 128, whoListens = () => "another process" } = options;
  const answers = new WebAnswers(sources, { isLoopback: isLoopback(endpoint.address) });
  try {
    const server = new HttpServer({
      endpoint,
      answer: (request) => answers.answer(request),
      listen,
      mostConnections,
      idleMs: IDLE_TIMEOUT_S * 1000,
      now: () => performance.now(),
    });
    return {
      happened: () => answers.happened(),
      close: async () => {
        answers.close();
        server.stop();
      },
    };
  } catch (cause) {
    const code = errnoOf(cause) ?? "unknown";
    throw new LvscareError(
      code === "EADDRINUSE" ? "ADDRESS_IN_USE" : "SOCKET_FAILED",
      code === "EADDRINUSE" ? `${whoListens()} listens there already` : `the kernel refused with ${code}`,
      {
        operation: `listen at ${formatEndpoint(endpoint)}`,
        remedy: "give another address with --http-listen",
        errno: code,
        cause,
      },
    );
  }
}

export interface WebServerOptions {
  /** Listens, and can pause. While paused, clients beyond the limit are let in one by one, in place of idle ones. */
  readonly listen: Listen;
  readonly mostConnections: number;
  /** The owner of the address, in words, when it is taken. */
  readonly whoListens: () => string;
}

export interface WebAnswersOptions {
  /** Clients are on this host, or come through a browser on it. */
  readonly isLoopback: boolean;
  readonly now?: () => number;
}

/** Decides about requests. */
export class WebAnswers {
  readonly #isLoopback: boolean;
  readonly #sources: WebSources;
  readonly #now: () => number;
  #views: ReadonlyMap<WebVirtualServer, View> = new Map();
  readonly #ready: LastSecond<string | undefined>;
  readonly #metrics: MetricsAnswer;
  readonly #limit: RateLimit;

  constructor(sources: WebSources, { isLoopback, now = () => performance.now() }: WebAnswersOptions) {
    this.#isLoopback = isLoopback;
    this.#sources = sources;
    this.#now = now;
    this.#limit = new RateLimit(MOST_ANSWERS_PER_SECOND, now);
    const all = (): Promise<VirtualServerStatus[]> => Promise.all(this.#current().map(({ status }) => status()));
    this.#ready = new LastSecond(async () => unreadinessOf(await all()), now);
    this.#metrics = new MetricsAnswer(async (format) => sources.metrics(await all(), format), now);
  }

  /** Never rejects. */
  async answer(request: Request): Promise<Response> {
    if (request.method !== "GET" && request.method !== "HEAD")
      return plain(405, "only GET is answered\n", { allow: "GET, HEAD" });
    if (this.#isLoopback && !meansThisHost(request.headers.get("host"))) return plain(421, NOT_THIS_HOST);
    const url = urlOf(request);
    if (url === null) return plain(400, "this request cannot be read\n");
    const { pathname, searchParams } = url;
    // It lives if it answers.
    if (pathname === "/healthz") return plain(200, "ok\n");
    const file = PAGE_FILES.get(pathname);
    const views = this.#current();
    const [first] = views;
    // Relative: a proxy may have it under a path of its own.
    if (pathname === "/" && first !== undefined && views.length > 1 && !searchParams.has("vs")) {
      const location = `?vs=${encodeURIComponent(wordOf(first, views))}`;
      return new Response(null, { status: 302, headers: { ...SAFE, location } });
    }
    if (file !== undefined)
      return new Response(file.text, { headers: { ...SAFE, ...PAGE, "content-type": file.type } });
    try {
      switch (pathname) {
        case "/readyz": {
          const problem = await this.#ready.get();
          return plain(problem === undefined ? 200 : 503, `${problem ?? "ok"}\n`);
        }
        case "/metrics":
          return await this.#metrics.answer(request, SAFE);
        case "/api/v1/virtual-servers":
          return Response.json(
            views.map((view) => wordOf(view, views)),
            { headers: SAFE },
          );
        case "/api/v1/status":
        case "/api/v1/events":
        case "/api/v1/stream": {
          const [view, ...others] = called(searchParams.get("vs"), views);
          if (view === undefined || others.length > 0) return plain(400, `?vs= names one of ${listed(views)}\n`);
          return await this.#answerOf(view, request, url);
        }
        default:
          return plain(404, NO_SUCH_PATH);
      }
    } catch (error) {
      return plain(500, `${describeError(error)}\n`);
    }
  }

  happened(): void {
    for (const { stream } of this.#current()) stream.happened();
  }

  /** Ends the streams. */
  close(): void {
    for (const { stream } of this.#views.values()) stream.close();
  }

  // --- internal ---

  /** Ends the streams of those that are gone. */
  #current(): readonly View[] {
    const sources = this.#sources.virtualServers();
    const before = this.#views;
    if (sources.length === before.size && sources.every((source) => before.has(source))) return [...before.values()];
    this.#views = new Map(sources.map((source) => [source, before.get(source) ?? viewOf(source, this.#now)]));
    for (const [source, { stream }] of before) if (!this.#views.has(source)) stream.close();
    return [...this.#views.values()];
  }

  async #answerOf(view: View, request: Request, { pathname, searchParams }: URL): Promise<Response> {
    if (pathname === "/api/v1/status")
      return new Response(await view.report.get(), { headers: { ...SAFE, "content-type": "application/json" } });
    if (pathname === "/api/v1/stream") return this.#streamTo(view, request, searchParams.get("changes") === "1");
    if (!this.#limit.allows()) return plain(429, TOO_OFTEN);
    const after = eventIdAfter(searchParams);
    if (after === undefined) return plain(400, "after is the id of an event\n");
    return Response.json(view.events(after), { headers: SAFE });
  }

  #streamTo({ stream: ofView }: View, request: Request, wantsChanges: boolean): Response {
    if (!this.#limit.allows()) return plain(429, TOO_OFTEN);
    const headers = { ...SAFE, "content-type": "text/event-stream", "x-accel-buffering": "no" };
    if (request.method === "HEAD") return new Response(null, { headers });
    const stream = ofView.open(request.headers.get("last-event-id"), { changes: wantsChanges });
    return stream === undefined ? plain(503, "too many listeners\n") : new Response(stream, { headers });
  }
}

// --- internal ---

/** What is served of one virtual server. */
interface View extends WebVirtualServer {
  readonly stream: EventStream;
  readonly report: LastSecond<string>;
}

function viewOf(source: WebVirtualServer, now: () => number): View {
  // Requests at the same time share one look at the table.
  const status = sharePending(() => source.status());
  const events = (after: number): EventReport => source.events(after);
  return {
    named: source.named,
    status,
    events,
    stream: new EventStream({ status, events }),
    report: new LastSecond(async () => JSON.stringify(await status()), now),
  };
}

/** All, where none is named. */
function called(word: string | null, views: readonly View[]): readonly View[] {
  if (word === null) return views;
  const meant = canonical(word);
  return views.filter(({ named }) => isVirtualServerCalled(meant, named));
}

/** By which `?vs=` names it, and no other. */
function wordOf({ named }: View, views: readonly View[]): string {
  return exactWord(
    named,
    views.map((view) => view.named),
  );
}

function listed(views: readonly View[]): string {
  const more = views.length > MOST_NAMED ? `, and ${views.length - MOST_NAMED} more` : "";
  return `${views
    .slice(0, MOST_NAMED)
    .map((view) => wordOf(view, views))
    .join(", ")}${more}`;
}

const MOST_NAMED = 10;

/** Undefined when all are ready. */
function unreadinessOf(statuses: readonly VirtualServerStatus[]): string | undefined {
  const problems = statuses.flatMap((status) => {
    const problem = unreadiness(status);
    if (problem === undefined) return [];
    return [
      statuses.length === 1
        ? problem
        : `${describeVirtualServer({ address: status.address, protocol: status.protocol })}: ${problem}`,
    ];
  });
  return problems.length === 0 ? undefined : problems.join("\n");
}

const listenOnly: Listen = (options) => {
  const listener = Bun.listen(options);
  return { pause: () => undefined, resume: () => undefined, stop: () => listener.stop() };
};

/** Also ends a stream whose listener does not read. */
export const IDLE_TIMEOUT_S = 10;

const TOO_OFTEN = "too many requests\n";

const NO_SUCH_PATH =
  "no such path; there are /, /metrics, /healthz, /readyz, /api/v1/virtual-servers, /api/v1/status, /api/v1/events and /api/v1/stream\n";

const NOT_THIS_HOST =
  "asked for by a name that may be anybody's; ask for an IP address or localhost (a proxy in front: have it send that as Host)\n";

const NOTHING_ELSE = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

const SAFE = {
  "cache-control": "no-store",
  "content-security-policy": NOTHING_ELSE,
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
};

/** Trusted types: a script of ours that wrote markup would be stopped by the browser. */
const PAGE = {
  "content-security-policy": `${NOTHING_ELSE}; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; require-trusted-types-for 'script'; trusted-types 'none'`,
};

function plain(status: number, text: string, headers: Readonly<Record<string, string>> = {}): Response {
  return new Response(text, { status, headers: { ...SAFE, ...headers, "content-type": "text/plain; charset=utf-8" } });
}
