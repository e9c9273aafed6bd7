import type { Endpoint } from "../../../../src/domain/endpoint.ts";

export type RawSocket = Bun.Socket<Peer>;

interface Peer {
  received: string;
  onDrain: (() => void) | undefined;
  onClose: (() => void) | undefined;
}

export interface RawServer extends Disposable {
  readonly endpoint: Endpoint;
  /** Every complete request, in order of arrival. */
  readonly requests: readonly string[];
  /** Takes no new connections from now on; those that stand go on. */
  refuse(): void;
}

export interface RawServerOptions {
  readonly hostname?: string;
  /** Any free one by default. */
  readonly port?: number;
  readonly tls?: { readonly cert: string; readonly key: string };
  /** What to do with a connection before it has asked for anything. */
  readonly onOpen?: (socket: RawSocket) => void;
}

/** A server that answers each request with whatever bytes the test wants, and does not close unless the test does. */
export function rawServer(
  onRequest: (socket: RawSocket, request: string) => void,
  options: RawServerOptions = {},
): RawServer {
  const requests: string[] = [];
  const hostname = options.hostname ?? "127.0.0.1";
  const listener = Bun.listen<Peer>({
    hostname,
    port: options.port ?? 0,
    ...(options.tls && { tls: options.tls }),
    socket: {
      open: (socket) => {
        socket.data = { received: "", onDrain: undefined, onClose: undefined };
        options.onOpen?.(socket);
      },
      data: (socket, bytes) => {
        socket.data.received += bytes.toString("latin1");
        if (!isComplete(socket.data.received)) return;
        const request = socket.data.received;
        socket.data.received = "";
        requests.push(request);
        onRequest(socket, request);
      },
      drain: (socket) => socket.data.onDrain?.(),
      close: (socket) => socket.data.onClose?.(),
      // A prober that goes away in the middle of an answer is what many of these tests are about.
      error: () => undefined,
    },
  });
  return {
    endpoint: { family: hostname.includes(":") ? "ipv6" : "ipv4", address: hostname, port: listener.port },
    requests,
    refuse: () => listener.stop(),
    [Symbol.dispose]: () => listener.stop(true),
  };
}

/** A server that gives the same bytes to every request and keeps the connection open. */
export function answering(response: string, options: RawServerOptions = {}): RawServer {
  return rawServer((socket) => void socket.write(response), options);
}

/** A server that gives the bytes and closes. */
export function answeringAndClosing(response: string, options: RawServerOptions = {}): RawServer {
  return rawServer((socket) => void socket.end(response), options);
}

/** Where a server was and nobody listens any more. At 127.0.0.1, the kernel might give its port to the next who asks for any. */
export function deserted(): Endpoint {
  using server = answering("", { hostname: "127.77.0.21" });
  return server.endpoint;
}

/** Bytes for ever, as fast as the peer takes them. */
export function flood(socket: RawSocket, piece: string): void {
  const bytes = Buffer.from(piece);
  const pour = (): void => {
    let written = bytes.length;
    while (written === bytes.length) written = socket.write(bytes);
  };
  socket.data.onDrain = pour;
  pour();
}

/** One piece every few milliseconds for as long as the peer stays. */
export function trickle(socket: RawSocket, piece: string): void {
  const timer = setInterval(() => socket.write(piece), 5);
  socket.data.onClose = () => clearInterval(timer);
}

// --- internal ---

function isComplete(request: string): boolean {
  const end = request.indexOf("\r\n\r\n");
  if (end === -1) return false;
  const length = /^content-length: (\d+)$/im.exec(request.slice(0, end))?.[1] ?? "0";
  return request.length >= end + 4 + Number(length);
}
