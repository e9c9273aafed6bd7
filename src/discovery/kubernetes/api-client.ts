import type { Endpoint } from "../../domain/endpoint.ts";
import { describeError } from "../../domain/errors.ts";
import { monotonicClock } from "../../probe/clock.ts";
import { tlsPolicy, type TlsMaterial } from "../../probe/connection/certificate.ts";
import type { NewConnection } from "../../probe/connection/connection.ts";
import { SocketConnection } from "../../probe/connection/socket-connection.ts";
import { Deadlines } from "../../probe/deadlines.ts";
import type { SocketPorts } from "../../probe/http/http-prober.ts";
import { encodeRequest, type HeaderList, type RequestStep } from "../../probe/http/request.ts";
import type { Secrets } from "../../probe/http/secret-headers.ts";
import type { Api, ApiFailure, ApiReply, ApiWatch, WatchListener } from "./api.ts";
import { ApiCall } from "./api-call.ts";

/** Who we are to API servers, and whom of them to trust; read anew for each request. */
export interface ApiIdentity extends Secrets {
  material(): TlsMaterial | { readonly lacking: string };
}

export interface ApiClientPorts extends Pick<SocketPorts, "openTcpSocket" | "watchSilence" | "acknowledgementOf"> {
  readonly identity: ApiIdentity;
  /** To be asked in turn. */
  readonly servers: () => Promise<readonly Endpoint[]>;
}

/** Asks API servers over connections of its own, one for each request: there are few. */
export class ApiClient implements Api {
  readonly #ports: ApiClientPorts;
  readonly #newConnection: NewConnection;
  readonly #deadlines = new Deadlines(monotonicClock);
  readonly #calls = new Set<ApiCall>();
  #isClosed = false;

  constructor(ports: ApiClientPorts) {
    const { identity, openTcpSocket, watchSilence, acknowledgementOf } = ports;
    this.#ports = ports;
    const tls = tlsPolicy({
      verify: "full",
      caFile: undefined,
      certFile: undefined,
      keyFile: undefined,
      serverName: undefined,
      alpn: ["http/1.1"],
      material: () => {
        const material = identity.material();
        // The virtual address need not be among the names of a certificate; this one always is.
        return "lacking" in material ? material : { serverName: EVERY_CLUSTERS, ...material };
      },
    });
    // A watch lasts, and clients of this host may be led to the same API server.
    const options = { tls, openTcpSocket, hasOwnPort: true, watchSilence, acknowledgementOf, clock: monotonicClock };
    this.#newConnection = (target, listener) => new SocketConnection(target, options, listener);
  }

  get(path: string): Promise<ApiReply | ApiFailure> {
    return this.#call({ method: "GET", path, body: "" }, WHOLE_MS, undefined).ended;
  }

  write(method: "PATCH" | "POST", path: string, object: object): Promise<ApiReply | ApiFailure> {
    return this.#call({ method, path, body: JSON.stringify(object) }, WHOLE_MS, undefined).ended;
  }

  watch(path: string, timeoutMs: number, listener: WatchListener): ApiWatch {
    return this.#call({ method: "GET", path, body: "" }, timeoutMs, listener);
  }

  [Symbol.dispose](): void {
    this.#isClosed = true;
    for (const call of this.#calls) call.close();
  }

  // --- internal ---

  #call(step: RequestStep, timeoutMs: number, listener: WatchListener | undefined): ApiWatch {
    let call: ApiCall | undefined;
    let isClosed = false;
    const ended = (async (): Promise<ApiReply | ApiFailure> => {
      const secrets = this.#ports.identity.read();
      if ("lacking" in secrets) return { failed: secrets.lacking };
      const headers = [["Accept", "application/json"] as const, ...contentOf(step), ...secrets];
      const request = encodeRequest(step, EVERY_CLUSTERS, headers, false);
      if ("refused" in request) return { failed: request.refused };
      const servers = await this.#ports.servers().catch((error: unknown) => describeError(error));
      if (typeof servers === "string") return { failed: servers };
      if (isClosed || this.#isClosed) return { failed: "called off" };
      const options = {
        servers,
        request,
        newConnection: this.#newConnection,
        deadlines: this.#deadlines,
        timeoutMs,
        listener,
      };
      call = new ApiCall(options);
      this.#calls.add(call);
      call.start();
      const outcome = await call.outcome;
      this.#calls.delete(call);
      return outcome;
    })();
    return {
      ended,
      close: () => {
        isClosed = true;
        call?.close();
      },
    };
  }
}

// --- internal ---

/** A name that the certificate of every API server is made out to. */
const EVERY_CLUSTERS = "kubernetes.default.svc";

const WHOLE_MS = 20_000;

function contentOf({ method }: RequestStep): HeaderList {
  if (method === "GET") return [];
  return [["Content-Type", method === "PATCH" ? "application/merge-patch+json" : "application/json"]];
}
