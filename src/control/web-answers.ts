import { describeError } from "../domain/errors.ts";
import { describeVirtualServer } from "../domain/virtual-server-name.ts";
import { unreadiness } from "../domain/in-service.ts";
import type { MetricsFormat } from "../domain/metrics-format.ts";
import type { VirtualServerStatus } from "../domain/status.ts";
import { acceptsGzip, gzipOf, gzipped } from "./gzip.ts";
import { meansThisHost } from "./host-header.ts";
import { LastSecond } from "./last-second.ts";
import { MetricsAnswer } from "./metrics-answer.ts";
import { PAGE_FILES, type PageFile } from "./page-files.ts";
import { MOST_ANSWERS_PER_SECOND } from "./protocol.ts";
import { realServerReport } from "./real-server-report.ts";
import { eventIdAfter, RateLimit, urlOf } from "./requests.ts";
import type { EventStream } from "./event-stream.ts";
import type { StreamWish } from "./stream-listener.ts";
import { called, listed, overviewStream, viewOf, wordOf, type View, type WebVirtualServer } from "./web-view.ts";

/** What is served over HTTP; nothing can be changed there. */
export interface WebSources {
  /** Those of this moment: they may come and go. */
  virtualServers(): readonly WebVirtualServer[];
  /** Of all that could be asked. */
  metrics(statuses: readonly VirtualServerStatus[], format: MetricsFormat): string;
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
  readonly #overview = overviewStream(() => this.#current());
  readonly #ready: LastSecond<string | undefined>;
  readonly #metrics: MetricsAnswer;
  readonly #limit: RateLimit;

  constructor(sources: WebSources, { isLoopback, now = () => performance.now() }: WebAnswersOptions) {
    this.#isLoopback = isLoopback;
    this.#sources = sources;
    this.#now = now;
    this.#limit = new RateLimit(MOST_ANSWERS_PER_SECOND, now);
    const all = (): Promise<VirtualServerStatus[]> => Promise.all(this.#current().map(({ status }) => status()));
    this.#ready = new LastSecond(
      () => unreadinessOf(this.#current(), async ({ status }) => unreadiness(await status())),
      now,
    );
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
    if (file !== undefined) return fileAnswer(file, request);
    try {
      switch (pathname) {
        case "/readyz": {
          const meant = searchParams.getAll("vs").map((word) => called(word, views));
          if (meant.some(({ length }) => length !== 1)) return plain(400, unclear(views));
          const problem = await (meant.length === 0
            ? this.#ready.get()
            : unreadinessOf(meant.flat(), (view) => view.unreadiness.get()));
          return plain(problem === undefined ? 200 : 503, `${problem ?? "ok"}\n`);
        }
        case "/metrics":
          return await this.#metrics.answer(request, SAFE);
        case "/api/v1/virtual-servers":
          return Response.json(
            views.map((view) => wordOf(view, views)),
            { headers: SAFE },
          );
        case "/api/v1/stream":
        case "/api/v1/status":
        case "/api/v1/real-server":
        case "/api/v1/events": {
          // The page of a daemon with several shows them all.
          if (pathname === "/api/v1/stream" && isOfAll(searchParams) && views.length !== 1)
            return this.#streamTo(this.#overview, request, "brief");
          const [view, ...others] = called(searchParams.get("vs"), views);
          if (view === undefined || others.length > 0) return plain(400, unclear(views));
          return await this.#answerOf(view, request, url);
        }
        default:
          return plain(404, NO_SUCH_PATH);
      }
    } catch (error) {
      return plain(500, `${describeError(error)}\n`);
    }
  }

  /** There may be new events. */
  happened(): void {
    for (const { stream } of this.#current()) stream.happened();
  }

  /** Ends the streams. */
  close(): void {
    this.#overview.close();
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
    if (pathname === "/api/v1/stream") return this.#streamTo(view.stream, request, wishIn(searchParams));
    if (!this.#limit.allows()) return plain(429, TOO_OFTEN);
    if (pathname === "/api/v1/real-server") return realServerAnswer(view, searchParams.get("server"));
    const after = eventIdAfter(searchParams);
    if (after === undefined) return plain(400, "after is the id of an event\n");
    return Response.json(view.events(after), { headers: SAFE });
  }

  #streamTo(source: Pick<EventStream<object, object>, "open">, request: Request, wish: StreamWish): Response {
    if (!this.#limit.allows()) return plain(429, TOO_OFTEN);
    const headers = { ...SAFE, "content-type": "text/event-stream", "x-accel-buffering": "no" };
    if (request.method === "HEAD") return new Response(null, { headers });
    const stream = source.open(request.headers.get("last-event-id"), wish);
    if (stream === undefined) return plain(503, "too many listeners\n");
    return acceptsGzip(request)
      ? new Response(gzipped(stream), { headers: { ...headers, ...IN_GZIP } })
      : new Response(stream, { headers });
  }
}

// --- internal ---

function isOfAll(query: URLSearchParams): boolean {
  return wishIn(query) === "brief" && !query.has("vs");
}

function wishIn(query: URLSearchParams): StreamWish {
  if (query.get("brief") === "1") return "brief";
  return query.get("changes") === "1" ? "changes" : "whole";
}

function fileAnswer(file: PageFile, request: Request): Response {
  const headers = { ...SAFE, ...PAGE, "content-type": file.type };
  return acceptsGzip(request)
    ? new Response(gzipOf(file.text), { headers: { ...headers, ...IN_GZIP } })
    : new Response(file.text, { headers });
}

async function realServerAnswer(view: View, server: string | null): Promise<Response> {
  if (server === null) return plain(400, NAMES_A_SERVER);
  const report = realServerReport(server, await view.status(), view.events(0), (address) => view.failuresOf(address));
  return report === undefined ? plain(404, NAMES_A_SERVER) : Response.json(report, { headers: SAFE });
}

/** Undefined when all are ready. */
async function unreadinessOf(
  views: readonly View[],
  ask: (view: View) => Promise<string | undefined>,
): Promise<string | undefined> {
  const problems = await Promise.all(
    views.map(async (view) => {
      const { protocol, address } = view.named;
      const problem = await ask(view);
      if (problem === undefined || views.length === 1) return problem;
      return `${describeVirtualServer({ address, protocol })}: ${problem}`;
    }),
  );
  const told = problems.filter((one) => one !== undefined);
  return told.length === 0 ? undefined : told.join("\n");
}

function unclear(views: readonly View[]): string {
  return `?vs= names one of ${listed(views)}\n`;
}

const NAMES_A_SERVER = "?server= names a real server of this virtual server, by its address or its name\n";

const TOO_OFTEN = "too many requests\n";

const NO_SUCH_PATH =
  "no such path; there are /, /metrics, /healthz, /readyz, /api/v1/virtual-servers, /api/v1/status, /api/v1/real-server, /api/v1/events and /api/v1/stream\n";

const NOT_THIS_HOST =
  "asked for by a name that may be anybody's; ask for an IP address or localhost (a proxy in front: have it send that as Host)\n";

/** A cache in between must not give it to others. */
const IN_GZIP = { "content-encoding": "gzip", vary: "accept-encoding" };

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
