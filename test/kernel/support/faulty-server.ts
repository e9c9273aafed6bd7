import { parseEndpoint, type Endpoint } from "../../../src/domain/endpoint.ts";
import { OwnTime } from "./own-time.ts";

/** How a server treats whoever connects to it. */
export type Behaviour =
  | "healthy"
  /** Nothing listens: the kernel refuses. */
  | "dead"
  /** Accepts, never answers. */
  | "hanging"
  | "resetting"
  /** Closes whatever connects, without waiting for a request. */
  | "closing"
  | "garbage"
  /** A body without end, as fast as it is taken. */
  | "endless"
  /** A body without end, drop by drop. */
  | "trickling"
  | { readonly status: number }
  /** Its health check at /healthz goes so, and everybody else is served. */
  | { readonly checks: "status 500" | "hanging" | "leaving" }
  /** It was told to end, as an API server is: it says so at /readyz, serves everybody else, and ends after that time. */
  | { readonly endsAfterMs: number }
  | { readonly redirectsTo: string };

export interface SeenRequest {
  readonly path: string;
  /** In the time of the process that saw it. */
  readonly atMs: number;
}

type Connection = Bun.Socket<Visit>;

interface Visit {
  received: string;
  onDrain: (() => void) | undefined;
  onClose: (() => void) | undefined;
}

/** A real server that can be made to misbehave while it runs. A healthy one answers with its own address. */
export class FaultyServer {
  /** As the server saw them come, newest last. */
  requests: SeenRequest[] = [];
  readonly #address: string;
  readonly #endpoint: Endpoint;
  readonly #tls: Bun.TLSOptions | undefined;
  #behaviour: Behaviour = "dead";
  #listener: Bun.TCPSocketListener<Visit> | undefined;

  constructor(address: string, tls?: Bun.TLSOptions) {
    this.#address = address;
    this.#endpoint = parseEndpoint(address);
    this.#tls = tls;
  }

  behave(behaviour: Behaviour): void {
    this.#behaviour = behaviour;
    if (typeof behaviour === "object" && "endsAfterMs" in behaviour)
      ownTime.after(behaviour.endsAfterMs, () => this.#end());
    if (behaviour !== "dead") this.#listener ??= this.#listen();
    else {
      this.#listener?.stop(true);
      this.#listener = undefined;
    }
  }

  /** Who has connected is served to the end. */
  #end(): void {
    this.#listener?.stop();
    this.#listener = undefined;
  }

  #listen(): Bun.TCPSocketListener<Visit> {
    return Bun.listen<Visit>({
      hostname: this.#endpoint.address,
      port: this.#endpoint.port,
      ...(this.#tls && { tls: this.#tls }),
      socket: {
        open: (connection) => {
          connection.data = { received: "", onDrain: undefined, onClose: undefined };
          if (this.#behaviour === "closing") connection.end();
        },
        data: (connection, bytes) => this.#receive(connection, bytes),
        drain: (connection) => connection.data.onDrain?.(),
        close: (connection) => connection.data.onClose?.(),
        // A prober that has seen enough goes away in the middle of our answer.
        error: () => undefined,
      },
    });
  }

  #receive(connection: Connection, bytes: Uint8Array): void {
    connection.data.received += Buffer.from(bytes).toString("latin1");
    const path = /^\S+ (\S+) [^]*\r\n\r\n/.exec(connection.data.received)?.[1];
    if (path === undefined) return;
    connection.data.received = "";
    this.requests.push({ path, atMs: ownTime.now() });
    if (path === "/readyz" && typeof this.#behaviour === "object" && "endsAfterMs" in this.#behaviour)
      connection.end(response("500 Internal Server Error", SHUTDOWN));
    else answer(connection, behaviourAt(path, this.#behaviour), this.#address);
  }
}

// --- internal ---

const ownTime = new OwnTime();

/** Of the API server of Kubernetes, shortened. */
const SHUTDOWN = "[+]ping ok\n[+]etcd ok\n[-]shutdown failed: reason withheld\nreadyz check failed\n";

type Plain = Exclude<Behaviour, { readonly checks: unknown } | { readonly endsAfterMs: number }>;

function behaviourAt(path: string, behaviour: Behaviour): Plain {
  if (typeof behaviour === "object" && "endsAfterMs" in behaviour) return "healthy";
  if (typeof behaviour !== "object" || !("checks" in behaviour)) return behaviour;
  if (path !== "/healthz") return "healthy";
  if (behaviour.checks === "hanging") return "hanging";
  return { status: behaviour.checks === "leaving" ? 404 : 500 };
}

function answer(connection: Connection, behaviour: Plain, address: string): void {
  if (typeof behaviour === "object") {
    if ("status" in behaviour) connection.end(response(`${behaviour.status} As It Is`, address));
    else connection.end(response(`302 Found\r\nLocation: ${behaviour.redirectsTo}`, ""));
  } else if (behaviour === "healthy") connection.end(response("200 OK", address));
  // It connected before that was asked of us.
  else if (behaviour === "closing") connection.end();
  else if (behaviour === "resetting") connection.terminate();
  else if (behaviour === "garbage") connection.end("\x00\x01\x02 who are you?\n");
  else if (behaviour === "endless") flood(connection);
  else if (behaviour === "trickling") trickle(connection);
}

function response(statusAndHeaders: string, body: string): string {
  return `HTTP/1.1 ${statusAndHeaders}\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`;
}

const UNBOUNDED = "HTTP/1.1 200 OK\r\n\r\n";

function flood(connection: Connection): void {
  const wave = Buffer.alloc(16 * 1024, "x");
  const pour = (): void => {
    let written = wave.length;
    while (written === wave.length) written = connection.write(wave);
  };
  connection.data.onDrain = pour;
  connection.write(UNBOUNDED);
  pour();
}

function trickle(connection: Connection): void {
  connection.write(UNBOUNDED);
  const timer = setInterval(() => connection.write("x"), 50);
  connection.data.onClose = () => clearInterval(timer);
}
