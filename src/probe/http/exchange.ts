import { closeSync } from "node:fs";
import type { Endpoint } from "../../domain/endpoint.ts";
import { formatDuration } from "../../domain/duration.ts";
import type { TlsPolicy } from "./certificate.ts";
import { failureReason, handshakeFailure, isOwnShortage } from "./failure-reasons.ts";
import { startPatientTimer, type PatientTimer } from "./patient-timer.ts";
import { ResponseReader, type Answer, type Reading } from "./response-reader.ts";

/** A non-blocking TCP socket that is already connecting; throws when the kernel refuses at once. */
export type OpenTcpSocket = (target: Endpoint) => number;

export interface ExchangeOptions {
  readonly target: Endpoint;
  readonly method: string;
  readonly request: Uint8Array;
  /** Absent for plain HTTP. */
  readonly tls: TlsPolicy | undefined;
  /** For the TCP connection alone. */
  readonly connectTimeoutMs: number;
  /** What is left for all of it. */
  readonly remainingMs: number;
  /** What to say when that is over. */
  readonly timedOut: string;
}

export type Outcome =
  | { readonly answer: Answer }
  | { readonly failed: string; readonly unreachable?: true }
  /** This host lacked the means to ask: nothing is known about the server. */
  | { readonly unasked: string };

/**
 * One request and its answer over a connection of its own. Never rejects; by the time it resolves the connection is gone, whether
 * the answer came, a timeout did or the signal was aborted.
 */
export function exchange(
  options: ExchangeOptions,
  openTcpSocket: OpenTcpSocket,
  signal: AbortSignal,
): Promise<Outcome> {
  const { promise, resolve } = Promise.withResolvers<Outcome>();
  if (signal.aborted) resolve(ABORTED);
  else new Exchange(options, signal, resolve).start(openTcpSocket);
  return promise;
}

// --- internal ---

const ABORTED: Outcome = { failed: "aborted" };

class Exchange {
  readonly #options: ExchangeOptions;
  readonly #signal: AbortSignal;
  readonly #resolve: (outcome: Outcome) => void;
  readonly #reader: ResponseReader;
  readonly #abort = (): void => this.finish(ABORTED);
  readonly #connectTimer: PatientTimer;
  readonly #timer: PatientTimer;
  #socket: Bun.Socket<Exchange> | undefined;
  #unsent: Uint8Array;
  #established = false;
  /** What the TLS handshake found; undefined before its end. */
  #handshake: { readonly problem: Error | null } | undefined;

  constructor(options: ExchangeOptions, signal: AbortSignal, resolve: (outcome: Outcome) => void) {
    this.#options = options;
    this.#signal = signal;
    this.#resolve = resolve;
    this.#reader = new ResponseReader(options.method);
    this.#unsent = options.request;
    // The connect timer first: with both at the same length it is the one that knows more.
    this.#connectTimer = startPatientTimer(options.connectTimeoutMs, () => this.#connectExpired());
    this.#timer = startPatientTimer(options.remainingMs, () => this.finish({ failed: options.timedOut }));
    signal.addEventListener("abort", this.#abort);
  }

  start(openTcpSocket: OpenTcpSocket): void {
    let fd: number | undefined;
    try {
      fd = openTcpSocket(this.#options.target);
      const tls = this.#options.tls?.options;
      const connecting = adopt({ fd, data: this, socket: HANDLERS, ...(tls && { tls }) });
      connecting.catch((error: unknown) => this.finish({ failed: failureReason(error) }));
    } catch (error) {
      const reason = failureReason(error);
      this.finish(isOwnShortage(error) ? { unasked: reason } : { failed: reason });
    }
    // `open` is called before `adopt` returns, and only then has the runtime taken the descriptor: otherwise it is still ours.
    if (fd !== undefined && this.#socket === undefined) closeSync(fd);
  }

  opened(socket: Bun.Socket<Exchange>): void {
    this.#socket = socket;
  }

  handshaken(authorized: boolean, problem: Error | null): void {
    this.#handshake = { problem: authorized ? null : (problem ?? new Error("not authorized")) };
  }

  /** The first call tells that the connection stands, TLS included; later ones that there is room for more of the request. */
  writable(socket: Bun.Socket<Exchange>): void {
    if (!this.#established && !this.#establish(socket)) return;
    const written = socket.write(this.#unsent);
    if (written > 0) this.#unsent = this.#unsent.subarray(written);
  }

  received(bytes: Uint8Array): void {
    this.#settle(this.#reader.feed(bytes));
  }

  closed(error: Error | undefined): void {
    if (error !== undefined) this.finish({ failed: failureReason(error) });
    else if (this.#established || this.#options.tls === undefined) this.#settle(this.#reader.end());
    else this.finish({ failed: handshakeFailure(this.#handshake?.problem) });
  }

  finish(outcome: Outcome): void {
    const isReached = this.#established || this.#handshake !== undefined || this.#socket?.remotePort !== undefined;
    this.#connectTimer.cancel();
    this.#timer.cancel();
    this.#signal.removeEventListener("abort", this.#abort);
    this.#resolve(
      "failed" in outcome && outcome !== ABORTED && !isReached ? { ...outcome, unreachable: true } : outcome,
    );
    this.#socket?.terminate();
  }

  /** Whether the request may be sent: never before the peer has shown whom it is. */
  #establish(socket: Bun.Socket<Exchange>): boolean {
    const { tls, target } = this.#options;
    if (tls !== undefined) {
      if (this.#handshake === undefined) return false;
      const distrusted = tls.distrust(socket, this.#handshake.problem, target);
      if (distrusted !== undefined) {
        this.finish({ failed: distrusted });
        return false;
      }
    }
    this.#established = true;
    this.#connectTimer.cancel();
    return true;
  }

  #settle(reading: Reading): void {
    if (reading.state === "complete") this.finish({ answer: reading.answer });
    else if (reading.state === "broken") this.finish({ failed: reading.reason });
  }

  /** With TLS nothing tells us when the TCP connection stood; the socket knows its peer's port from then on. */
  #connectExpired(): void {
    if (this.#socket?.remotePort !== undefined) return;
    this.finish({ failed: `connect timed out after ${formatDuration(this.#options.connectTimeoutMs)}` });
  }
}

/** One object for all sockets: `data` tells them apart. What a handler throws comes back as `error`. */
const HANDLERS: Bun.SocketHandler<Exchange> = {
  open: (socket) => socket.data.opened(socket),
  handshake: (socket, authorized, problem) => socket.data.handshaken(authorized, problem),
  drain: (socket) => socket.data.writable(socket),
  data: (socket, bytes) => socket.data.received(bytes),
  error: (socket, error) => socket.data.finish({ failed: failureReason(error) }),
  close: (socket, error) => socket.data.closed(error),
};

/** Bun's types describe these options, but none of the overloads of Bun.connect takes them. */
function adopt(options: Bun.FdSocketOptions<Exchange>): Promise<unknown> {
  return Bun.connect(options as unknown as Bun.TCPSocketConnectOptions<Exchange>);
}
