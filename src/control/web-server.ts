import { errnoOf, LvscareError } from "../domain/errors.ts";
import type { Endpoint } from "../domain/endpoint.ts";
import { formatEndpoint, isLoopback } from "../domain/endpoint.ts";
import { HttpServer, type Listen } from "./http/http-server.ts";
import { WebAnswers, type WebSources } from "./web-answers.ts";

export interface WebServer {
  /** There may be new events: the stream's listeners get them soon. */
  happened(): void;
  close(): Promise<void>;
}

/**
 * A page, metrics, health and status over HTTP at an address of this host, for any client that can connect: `/`,
 * `/metrics`, `/healthz`, `/readyz`, `/api/v1/virtual-servers`, `/api/v1/status`, `/api/v1/real-server`, `/api/v1/events`,
 * `/api/v1/stream`. With several virtual servers, `?vs=` selects one, by its address, its protocol and address
 * (`tcp/IP:port`) or its name. Throws ADDRESS_IN_USE or SOCKET_FAILED; `whoListens` then
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
        remedy: "give another address as http-listen",
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

// --- internal ---

const listenOnly: Listen = (options) => {
  const listener = Bun.listen(options);
  return { pause: () => undefined, resume: () => undefined, stop: () => listener.stop() };
};

/** Also ends a stream whose listener does not read. */
export const IDLE_TIMEOUT_S = 10;
