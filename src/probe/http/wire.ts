import { closeSync } from "node:fs";
import type { Endpoint } from "../../domain/endpoint.ts";
import type { ProbeTimings } from "../../domain/health.ts";
import type { Clock } from "../clock.ts";
import type { TlsPolicy } from "./certificate.ts";
import { failureReason, handshakeFailure, isOwnShortage, isSilence, isTlsProblem } from "./failure-reasons.ts";

/** A non-blocking TCP socket that is already connecting; throws when the kernel refuses at once. */
export type OpenTcpSocket = (target: Endpoint) => number;

/** How a connection came to its end. */
export type Ending =
  /** The peer closed it in good order. */
  | { readonly kind: "closed" }
  | { readonly kind: "failed"; readonly reason: string }
  /** The peer's host acknowledges nothing any more: the kernel gave up. */
  | { readonly kind: "silent"; readonly reason: string }
  /** This host lacked the means for it: nothing is known about the peer. */
  | { readonly kind: "unasked"; readonly reason: string };

export interface WireListener {
  /** The connection stands, TLS included, and the peer is who it should be. Once, before anything else. */
  established(): void;
  received(bytes: Uint8Array): void;
  /** There is room for more bytes. */
  writable(): void;
  /** Once, and nothing after it; not when we close the wire ourselves. */
  ended(ending: Ending): void;
}

interface Handshake {
  readonly problem: Error | null;
  /** It failed after the server had shown its certificate. */
  readonly afterItsCertificate: boolean;
}

/** One connection to a real server, with TLS or without, that whoever uses it listens to in turn. */
export class Wire {
  readonly #target: Endpoint;
  readonly #tls: TlsPolicy | undefined;
  readonly #clock: Clock;
  /** Undefined while parked. */
  #listener: WireListener | undefined;
  readonly #unheard: Uint8Array[] = [];
  #unheardEnding: Ending | undefined;
  #socket: Bun.Socket<Wire> | undefined;
  #openedAtMs = 0;
  #connectedAtMs: number | undefined;
  #establishedAtMs: number | undefined;
  #state: "connecting" | "established" | "ended" = "connecting";
  /** What the TLS handshake found; undefined before its end. */
  #handshake: Handshake | undefined;

  /** `tls` is absent for plain TCP. */
  constructor(target: Endpoint, tls: TlsPolicy | undefined, clock: Clock, listener: WireListener) {
    this.#target = target;
    this.#tls = tls;
    this.#clock = clock;
    this.#listener = listener;
  }

  /** Begins to connect; when that fails at once, the listener hears it before this returns. */
  open(openTcpSocket: OpenTcpSocket): void {
    let fd: number | undefined;
    this.#openedAtMs = this.#clock.now();
    try {
      fd = openTcpSocket(this.#target);
      // TLS begins once the connection stands, so that it is known which of the two took how long, or did not come to be.
      const connecting = adopt({ fd, data: this, socket: this.#tls === undefined ? HANDLERS : BARE_HANDLERS });
      connecting.catch((error: unknown) => this.fail(error));
    } catch (error) {
      this.fail(error);
    }
    // `open` is called before `adopt` returns, and only then has the runtime taken the descriptor: otherwise it is still ours.
    if (fd !== undefined && this.#socket === undefined) closeSync(fd);
  }

  get isOpen(): boolean {
    return this.#state === "established";
  }

  /** There is, or was, a TCP connection. */
  get isReached(): boolean {
    return this.#connectedAtMs !== undefined;
  }

  /** TLS came to stand, and the server did not say which protocol goes over it, although it was asked. */
  get agreedOnNothing(): boolean {
    return this.#tls !== undefined && this.#establishedAtMs !== undefined && this.#socket?.alpnProtocol === false;
  }

  /** How long it took to stand. */
  get timings(): Pick<ProbeTimings, "connectMs" | "tlsMs"> {
    if (this.#connectedAtMs === undefined) return {};
    const connectMs = this.#connectedAtMs - this.#openedAtMs;
    return this.#tls === undefined || this.#establishedAtMs === undefined
      ? { connectMs }
      : { connectMs, tlsMs: this.#establishedAtMs - this.#connectedAtMs };
  }

  /** The descriptor, to set socket options on; undefined when there is no connection. */
  get fd(): number | undefined {
    return this.isOpen ? (this.#socket as { readonly fd?: number } | undefined)?.fd : undefined;
  }

  /** What happened while it was parked is told before this returns. */
  listen(listener: WireListener): void {
    this.#listener = listener;
    if (this.#unheard.length > 0) for (const bytes of this.#unheard.splice(0)) listener.received(bytes);
    const ending = this.#unheardEnding;
    this.#unheardEnding = undefined;
    if (ending !== undefined) listener.ended(ending);
  }

  /** Between two listeners: what comes is kept for the next one. */
  park(): void {
    this.#listener = undefined;
  }

  /** How many of the bytes were taken; the listener hears when there is room for more. */
  write(bytes: Uint8Array): number {
    return this.isOpen ? (this.#socket?.write(bytes) ?? 0) : 0;
  }

  /** Closes in good order, for the peer need not take it for a failure; without telling the listener. Idempotent. */
  close(): void {
    if (!this.isOpen) return this.abort();
    this.#state = "ended";
    this.#socket?.close();
  }

  /** Closes by a reset, without telling the listener: nothing that is under way matters any more. Idempotent. */
  abort(): void {
    this.#state = "ended";
    this.#socket?.terminate();
  }

  // --- what the socket tells ---

  /** The TCP connection stands, and TLS begins on it: a socket of its own, from which all is heard from now on. */
  connected(bare: Bun.Socket<Wire>): void {
    if (this.#state !== "connecting" || this.#tls === undefined || this.#connectedAtMs !== undefined) return;
    this.#connectedAtMs = this.#clock.now();
    [, this.#socket] = bare.upgradeTLS<Wire>({ data: this, socket: HANDLERS, tls: this.#tls.options });
  }

  bareEnded(error: Error | undefined): void {
    if (this.#connectedAtMs === undefined) this.closed(error);
  }

  opened(socket: Bun.Socket<Wire>): void {
    this.#socket = socket;
    if (this.#state === "ended") socket.terminate();
  }

  handshaken(socket: Bun.Socket<Wire>, authorized: boolean, problem: Error | null): void {
    const afterItsCertificate = isTlsProblem(problem) && Object.keys(socket.getPeerCertificate() ?? {}).length > 0;
    this.#handshake = { problem: authorized ? null : (problem ?? new Error("not authorized")), afterItsCertificate };
  }

  /** The first call tells that the connection stands, TLS included; later ones that there is room for more. */
  drained(socket: Bun.Socket<Wire>): void {
    if (this.#state === "connecting" && !this.#establish(socket)) return;
    if (this.#state === "established") this.#listener?.writable();
  }

  received(bytes: Uint8Array): void {
    // A server that speaks before it is asked may be heard before the socket is told writable.
    if (this.#state === "connecting" && this.#socket !== undefined && !this.#establish(this.#socket)) return;
    if (this.#state !== "established") return;
    if (this.#listener === undefined) this.#unheard.push(bytes.slice());
    else this.#listener.received(bytes);
  }

  closed(error: Error | undefined): void {
    if (error !== undefined) this.fail(error);
    else if (this.#state === "established" || this.#tls === undefined) this.#end({ kind: "closed" });
    else
      this.#end({
        kind: "failed",
        reason: handshakeFailure(this.#handshake?.problem, this.#handshake?.afterItsCertificate === true),
      });
  }

  fail(error: unknown): void {
    const reason = failureReason(error);
    if (this.#state === "connecting" && isOwnShortage(error)) this.#end({ kind: "unasked", reason });
    else this.#end({ kind: this.#state === "established" && isSilence(error) ? "silent" : "failed", reason });
  }

  // --- internal ---

  /** Whether anything may be sent: never before the peer has shown whom it is. */
  #establish(socket: Bun.Socket<Wire>): boolean {
    if (this.#tls !== undefined) {
      if (this.#handshake === undefined) return false;
      const distrusted = this.#tls.distrust(socket, this.#handshake.problem, this.#target);
      if (distrusted !== undefined) {
        this.#end({ kind: "failed", reason: distrusted });
        return false;
      }
    }
    this.#establishedAtMs = this.#clock.now();
    this.#connectedAtMs ??= this.#establishedAtMs;
    this.#state = "established";
    this.#listener?.established();
    return true;
  }

  #end(ending: Ending): void {
    if (this.#state === "ended") return;
    // The listener still sees what was reached.
    if (this.#listener === undefined) this.#unheardEnding = ending;
    else this.#listener.ended(ending);
    this.abort();
  }
}

// --- internal ---

/** One object for all sockets: `data` tells them apart. What a handler throws comes back as `error`. */
const HANDLERS: Bun.SocketHandler<Wire> = {
  open: (socket) => socket.data.opened(socket),
  handshake: (socket, authorized, problem) => socket.data.handshaken(socket, authorized, problem),
  drain: (socket) => socket.data.drained(socket),
  data: (socket, bytes) => socket.data.received(bytes),
  error: (socket, error) => socket.data.fail(error),
  close: (socket, error) => socket.data.closed(error),
};

/** Until TLS begins; after that, the runtime goes on to tell them of the encrypted bytes. */
const BARE_HANDLERS: Bun.SocketHandler<Wire> = {
  open: (socket) => socket.data.opened(socket),
  drain: (socket) => socket.data.connected(socket),
  data: () => undefined,
  error: (socket, error) => socket.data.bareEnded(error),
  close: (socket, error) => socket.data.bareEnded(error),
};

/** Bun's types describe these options, but none of the overloads of Bun.connect takes them. */
function adopt(options: Bun.FdSocketOptions<Wire>): Promise<unknown> {
  return Bun.connect(options as unknown as Bun.TCPSocketConnectOptions<Wire>);
}
