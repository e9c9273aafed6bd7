import type { Endpoint } from "../../domain/endpoint.ts";
import type { ProbeTimings } from "../../domain/health.ts";

/** One connection to a real server, with or without TLS. Its users listen to it in turn. */
export interface Connection {
  /**
   * Begins to connect, once; `nowMs`: now. If that fails immediately, the listener hears it before this returns. `begun`
   * gives the socket where it is connecting already, or throws why not.
   */
  open(nowMs: number, begun?: BegunSocket): void;
  readonly isOpen: boolean;
  /** There is, or was, a TCP connection. */
  readonly isReached: boolean;
  /** TLS is up, and the server did not choose a protocol, although it was asked to. */
  readonly agreedOnNothing: boolean;
  /** How long it took to open. */
  readonly timings: Pick<ProbeTimings, "connectMs" | "tlsMs">;
  /** Sets the listener from now on. What happened while the connection was parked is reported before this returns. */
  listen(listener: ConnectionListener): void;
  /** Between two listeners: input is kept for the next one. */
  park(): void;
  /** Returns how many of the bytes were taken; the listener is called when there is room for more. */
  write(bytes: Uint8Array): number;
  /**
   * From now on it ends as `silent` when its peer acknowledges nothing for this long, neither data nor the kernel's
   * keep-alives.
   */
  watchSilence(timeoutMs: number): void;
  /** What its peer's kernel has acknowledged by now, whatever its process does; undefined where that is not known. */
  acknowledgement(): Acknowledgement | undefined;
  /** Closes properly, so that the peer need not take it for a failure, without a call to the listener. Idempotent. */
  close(): void;
  /** Closes by a reset, without a call to the listener: nothing under way matters any more. Idempotent. */
  abort(): void;
}

/** Gives the descriptor of a socket that is connecting, which is owned by the caller then; throws when the kernel refused. */
export type BegunSocket = () => number;

export interface ConnectionListener {
  /** The connection is open, TLS included, and the peer's identity is right. Once, before anything else; `nowMs`: now. */
  established(nowMs: number): void;
  received(bytes: Uint8Array): void;
  /** There is room for more bytes. */
  writable(): void;
  /** Once, and nothing after it; not when we close the connection ourselves. */
  ended(ending: Ending): void;
}

/** What the kernel knows of how a connection's peer acknowledges. */
export interface Acknowledgement {
  /** Something was sent that the peer has not acknowledged yet. */
  readonly isOutstanding: boolean;
  /** A second and some round trips ago it was heard last, and the kernel's keep-alive has no answer. */
  readonly isProbeUnanswered: boolean;
  /** The smoothed round trip as it was seen on this connection. */
  readonly roundTripMs: number;
}

/** How a connection came to its end. */
export type Ending =
  /** The peer closed it in good order. */
  | { readonly kind: "closed" }
  | { readonly kind: "failed"; readonly reason: string }
  /** The peer's host acknowledges nothing any more: the kernel gave up. */
  | { readonly kind: "silent"; readonly reason: string }
  /** This host lacked the means for it: nothing is learned about the peer. */
  | { readonly kind: "unasked"; readonly reason: string };

/** A connection that is not under way before `open`. */
export type NewConnection = (target: Endpoint, listener: ConnectionListener) => Connection;
