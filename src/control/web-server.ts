import { describeError, LvscareError } from "../domain/errors.ts";
import type { Endpoint } from "../domain/endpoint.ts";
import { formatEndpoint } from "../domain/endpoint.ts";
import type { EventReport } from "../domain/event-record.ts";
import { isReady, type VirtualServerStatus } from "../domain/status.ts";
import { LARGEST_REQUEST_BYTES, MOST_ANSWERS_PER_SECOND } from "./protocol.ts";

/** What is told over HTTP; nothing can be changed there. */
export interface WebSources {
  status(): Promise<VirtualServerStatus>;
  events(after: number): EventReport;
  metrics(status: VirtualServerStatus): Promise<string>;
}

export interface WebServer {
  close(): Promise<void>;
}

/**
 * Metrics, health and status over HTTP at an address of this host, to anybody who gets there: `/metrics`, `/healthz`, `/readyz`,
 * `/api/v1/status`, `/api/v1/events`. Throws ADDRESS_IN_USE or SOCKET_FAILED.
 */
export function serveWeb(endpoint: Endpoint, sources: WebSources): WebServer {
  const answers = new WebAnswers(sources);
  try {
    const server = Bun.serve({
      hostname: endpoint.address,
      port: endpoint.port,
      fetch: (request) => answers.answer(request),
      maxRequestBodySize: LARGEST_REQUEST_BYTES,
      idleTimeout: 10,
    });
    return { close: () => server.stop(true) };
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? "unknown";
    throw new LvscareError(
      code === "EADDRINUSE" ? "ADDRESS_IN_USE" : "SOCKET_FAILED",
      `the kernel refused with ${code}`,
      {
        operation: `listen at ${formatEndpoint(endpoint)}`,
        remedy: "give another address with --http-listen",
        errno: code,
        cause,
      },
    );
  }
}

/** Decides about requests. */
export class WebAnswers {
  readonly #sources: WebSources;
  readonly #now: () => number;
  #underWay: Promise<VirtualServerStatus> | undefined;
  #second = { sinceMs: Number.NEGATIVE_INFINITY, answers: 0 };

  constructor(sources: WebSources, now: () => number = () => performance.now()) {
    this.#sources = sources;
    this.#now = now;
  }

  /** Never rejects. */
  async answer(request: Request): Promise<Response> {
    if (request.method !== "GET" && request.method !== "HEAD") return plain(405, "only GET is answered\n");
    // It lives if it answers.
    const { pathname, searchParams } = new URL(request.url);
    if (pathname === "/healthz") return plain(200, "ok\n");
    if (this.#isTooOften()) return plain(429, "too many requests\n");
    try {
      switch (pathname) {
        case "/readyz": {
          const ready = isReady(await this.#status());
          return plain(ready ? 200 : 503, ready ? "ok\n" : "no real server is in service\n");
        }
        case "/metrics":
          return new Response(await this.#sources.metrics(await this.#status()), {
            headers: { ...SAFE, "content-type": "text/plain; version=0.0.4; charset=utf-8" },
          });
        case "/api/v1/status":
          return Response.json(await this.#status(), { headers: SAFE });
        case "/api/v1/events": {
          const after = searchParams.get("after") ?? "0";
          if (!/^\d{1,15}$/.test(after)) return plain(400, "after is the id of an event\n");
          return Response.json(this.#sources.events(Number(after)), { headers: SAFE });
        }
        default:
          return plain(404, "no such path; there are /metrics, /healthz, /readyz, /api/v1/status and /api/v1/events\n");
      }
    } catch (error) {
      return plain(500, `${describeError(error)}\n`);
    }
  }

  // --- internal ---

  /** Those who ask at the same time share one look at the table. */
  #status(): Promise<VirtualServerStatus> {
    this.#underWay ??= this.#sources.status().finally(() => (this.#underWay = undefined));
    return this.#underWay;
  }

  #isTooOften(): boolean {
    const nowMs = this.#now();
    if (nowMs - this.#second.sinceMs >= 1000) this.#second = { sinceMs: nowMs, answers: 0 };
    return ++this.#second.answers > MOST_ANSWERS_PER_SECOND;
  }
}

// --- internal ---

const SAFE = {
  "cache-control": "no-store",
  "content-security-policy": "default-src 'none'",
  "x-content-type-options": "nosniff",
};

function plain(status: number, text: string): Response {
  return new Response(text, { status, headers: { ...SAFE, "content-type": "text/plain; charset=utf-8" } });
}
