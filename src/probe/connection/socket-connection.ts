import { adoptDescriptor } from "../../../native/adopt-descriptor.ts";
import type { ProbeOrigin } from "../../config/probe-kinds/target-rows.ts";
import type { Endpoint } from "../../domain/endpoint.ts";
import type { ProbeTimings } from "../../domain/health.ts";
import type { Clock } from "../clock.ts";
import type { TlsPolicy } from "./certificate.ts";
import type { Acknowledgement, BegunSocket, Connection, ConnectionListener, Ending } from "./connection.ts";
import {
  failureReason,
  handshakeFailure,
  inProtocol,
  isOwnShortage,
  isSilence,
  isTlsProblem,
} from "./failure-reasons.ts";
import { ListenerSlot } from "./listener-slot.ts";

/** A non-blocking TCP socket that is already connecting; throws when the kernel refuses immediately. */
export type OpenTcpSocket = (target: Endpoint, origin?: SocketOrigin) => number;

interface SocketOrigin extends ProbeOrigin {
  /** Its local port is nobody else's. */
  readonly hasOwnPort?: boolean;
}

export interface SocketConnectionOptions {
  /** Absent for plain TCP. */
  readonly tls: TlsPolicy | undefined;
  readonly openTcpSocket: OpenTcpSocket;
  /** Its local port is nobody else's: what is to last would be in the way of clients that get the same one. */
  readonly hasOwnPort?: boolean;
  /** Makes the kernel give up on a connection whose peer acknowledges nothing for this long. */
  readonly watchSilence: (fd: number, timeoutMs: number) => void;
  /** What the peer has acknowledged; undefined where the kernel does not tell. */
  readonly acknowledgementOf: (fd: number) => Acknowledgement | undefined;
  readonly clock: Clock;
}

interface Handshake {
  readonly problem: Error | null;
  /** It failed after the server had shown its certificate. */
  readonly afterItsCertificate: boolean;
}

/** A connection over a socket of the kernel. */
export class SocketConnection implements Connection {
  readonly #target: Endpoint;
  readonly #options: SocketConnectionOptions;
  readonly #listener: ListenerSlot;
  #socket: Bun.Socket<SocketConnection> | undefined;
  #openedAtMs = 0;
  #connectedAtMs: number | undefined;
  #establishedAtMs: number | undefined;
  #state: "connecting" | "established" | "ended" = "connecting";
  /** What the TLS handshake found; undefined before its end. */
  #handshake: Handshake | undefined;

  constructor(target: Endpoint, options: SocketConnectionOptions, listener: ConnectionListener) {
    this.#target = target;
    this.#options = options;
    this.#listener = new ListenerSlot(listener);
  }

  open(nowMs: number, begun?: BegunSocket): void {
    const { tls, openTcpSocket, hasOwnPort } = this.#options;
    this.#openedAtMs = nowMs;
    adoptDescriptor<SocketConnection>({
      open: begun ?? (() => openTcpSocket(this.#target, hasOwnPort === true ? OWN_PORT : undefined)),
      // TLS begins once TCP is connected, so that the time or the failure of each is known.
      handlers: tls === undefined ? HANDLERS : BARE_HANDLERS,
      data: this,
      failed: (error) => this.fail(error),
    });
  }

  get isOpen(): boolean {
    return this.#state === "established";
  }

  get isReached(): boolean {
    return this.#connectedAtMs !== undefined;
  }

  get agreedOnNothing(): boolean {
    return (
      this.#options.tls !== undefined && this.#establishedAtMs !== undefined && this.#socket?.alpnProtocol === false
    );
  }

  get timings(): Pick<ProbeTimings, "connectMs" | "tlsMs"> {
    if (this.#connectedAtMs === undefined) return {};
    const connectMs = this.#connectedAtMs - this.#openedAtMs;
    return this.#options.tls === undefined || this.#establishedAtMs === undefined
      ? { connectMs }
      : { connectMs, tlsMs: this.#establishedAtMs - this.#connectedAtMs };
  }

  listen(listener: ConnectionListener): void {
    this.#listener.take(listener);
  }

  park(): void {
    this.#listener.park();
  }

  write(bytes: Uint8Array): number {
    return this.isOpen ? (this.#socket?.write(bytes) ?? 0) : 0;
  }

  watchSilence(timeoutMs: number): void {
    const fd = this.#fd;
    if (fd !== undefined) this.#options.watchSilence(fd, timeoutMs);
  }

  acknowledgement(): Acknowledgement | undefined {
    const fd = this.#fd;
    return fd === undefined ? undefined : this.#options.acknowledgementOf(fd);
  }

  close(): void {
    if (!this.isOpen) return this.abort();
    this.#state = "ended";
    this.#socket?.close();
  }

  abort(): void {
    this.#state = "ended";
    this.#socket?.terminate();
  }

  // --- what the socket tells ---

  /** TCP is connected, and TLS begins on it: with a socket of its own, which reports everything from now on. */
  connected(bare: Bun.Socket<SocketConnection>): void {
    if (this.#state !== "connecting" || this.#options.tls === undefined || this.#connectedAtMs !== undefined) return;
    this.#connectedAtMs = this.#options.clock.now();
    const prepared = this.#options.tls.prepare();
    if ("lacking" in prepared) return this.#lack(bare, prepared.lacking);
    try {
      [, this.#socket] = bare.upgradeTLS<SocketConnection>({ data: this, socket: HANDLERS, tls: prepared.options });
    } catch {
      // Which one, and of what, the library has no words for; a key and its certificate were looked at before.
      this.#lack(bare, "TLS cannot begin: a certificate that is to be trusted or shown is damaged");
    }
  }

  bareEnded(error: Error | undefined): void {
    if (this.#connectedAtMs === undefined) this.closed(error);
  }

  opened(socket: Bun.Socket<SocketConnection>): void {
    this.#socket = socket;
    if (this.#state === "ended") socket.terminate();
  }

  handshaken(socket: Bun.Socket<SocketConnection>, authorized: boolean, problem: Error | null): void {
    const afterItsCertificate = isTlsProblem(problem) && Object.keys(socket.getPeerCertificate() ?? {}).length > 0;
    // With a name that fits, the runtime calls a peer authorized whatever it found wrong with the chain.
    this.#handshake = { problem: problem ?? (authorized ? null : new Error("not authorized")), afterItsCertificate };
  }

  /** The first call means that the connection is open, TLS included; later ones that there is room for more. */
  drained(socket: Bun.Socket<SocketConnection>): void {
    if (this.#state === "connecting" && !this.#establish(socket)) return;
    if (this.#state === "established") this.#listener.writable();
  }

  received(bytes: Uint8Array): void {
    // A server that speaks first may be heard before the socket is reported as writable.
    if (this.#state === "connecting" && this.#socket !== undefined && !this.#establish(this.#socket)) return;
    if (this.#state !== "established") return;
    this.#listener.received(bytes);
  }

  closed(error: Error | undefined): void {
    if (error !== undefined) this.fail(error);
    else if (this.#state === "established" || this.#options.tls === undefined) this.#end({ kind: "closed" });
    else
      this.#end({
        kind: "failed",
        reason: inProtocol(
          handshakeFailure(this.#handshake?.problem, this.#handshake?.afterItsCertificate === true),
          this.#options.tls?.offered ?? [],
        ),
      });
  }

  fail(error: unknown): void {
    const reason = inProtocol(failureReason(error), this.#options.tls?.offered ?? []);
    if (this.#state === "connecting" && isOwnShortage(error)) this.#end({ kind: "unasked", reason });
    else this.#end({ kind: this.#state === "established" && isSilence(error) ? "silent" : "failed", reason });
  }

  // --- internal ---

  get #fd(): number | undefined {
    return this.isOpen ? (this.#socket as { readonly fd?: number } | undefined)?.fd : undefined;
  }

  /** Whether anything may be sent: never before the peer has proved its identity. */
  #establish(socket: Bun.Socket<SocketConnection>): boolean {
    if (this.#options.tls !== undefined) {
      if (this.#handshake === undefined) return false;
      const distrusted = this.#options.tls.distrust(socket, this.#handshake.problem, this.#target);
      if (distrusted !== undefined) {
        this.#end({ kind: "failed", reason: distrusted });
        return false;
      }
    }
    const nowMs = this.#options.clock.now();
    this.#establishedAtMs = nowMs;
    this.#connectedAtMs ??= nowMs;
    this.#state = "established";
    this.#listener.established(nowMs);
    return true;
  }

  /** Nothing is learned about the server. */
  #lack(bare: Bun.Socket<SocketConnection>, reason: string): void {
    this.#end({ kind: "unasked", reason });
    bare.terminate();
  }

  #end(ending: Ending): void {
    if (this.#state === "ended") return;
    // The listener can still see how far it got.
    this.#listener.ended(ending);
    this.abort();
  }
}

// --- internal ---

const OWN_PORT = { hasOwnPort: true } as const;

/** One object for all sockets: `data` tells them apart. What a handler throws comes back as `error`. */
const HANDLERS: Bun.SocketHandler<SocketConnection> = {
  open: (socket) => socket.data.opened(socket),
  handshake: (socket, authorized, problem) => socket.data.handshaken(socket, authorized, problem),
  drain: (socket) => socket.data.drained(socket),
  data: (socket, bytes) => socket.data.received(bytes),
  error: (socket, error) => socket.data.fail(error),
  close: (socket, error) => socket.data.closed(error),
};

/** Until TLS begins; after that, the runtime also reports the encrypted bytes to them. */
const BARE_HANDLERS: Bun.SocketHandler<SocketConnection> = {
  open: (socket) => socket.data.opened(socket),
  drain: (socket) => socket.data.connected(socket),
  data: () => undefined,
  error: (socket, error) => socket.data.bareEnded(error),
  close: (socket, error) => socket.data.bareEnded(error),
};
