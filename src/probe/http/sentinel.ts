import type { HttpProbeOptions } from "../../config/care-options.ts";
import type { Endpoint } from "../../domain/endpoint.ts";
import type { TlsPolicy } from "./certificate.ts";
import { IdleLimit } from "./idle-limit.ts";
import { Wire, type Ending, type OpenTcpSocket, type WireListener } from "./wire.ts";

export interface SentinelOptions {
  readonly target: Endpoint;
  readonly options: HttpProbeOptions;
  readonly tls: TlsPolicy | undefined;
  readonly openTcpSocket: OpenTcpSocket;
  readonly watchSilence: (fd: number, timeoutMs: number) => void;
  /** Milliseconds of the clock whose readings `take`, `give` and `keepOne` are given. */
  readonly now: () => number;
  /** The connection ended while it was idle, or a new one could not be made. */
  readonly ended: (kind: Ending["kind"]) => void;
}

/**
 * An idle connection to one real server, whose end tells within milliseconds that the server may be gone. It says no more than that: many
 * servers close what is idle. Their limit is learned, so that the next one is used before it; a server that closes at once is not
 * bothered again for a while.
 */
export class Sentinel implements WireListener {
  readonly #options: SentinelOptions;
  readonly #limit = new IdleLimit();
  /** The connection that the kernel was told to watch. */
  #watched: Wire | undefined;
  #kept: Wire | undefined;
  #keptSinceMs = 0;
  #takesRequests = false;
  /** On its way to become the kept one. */
  #dialed: Wire | undefined;
  /** How long the last one lived that ended by itself, until a check has found the server well or not. */
  #livedMs: number | undefined;
  #earlyEnds = 0;
  #restUntilMs = Number.NEGATIVE_INFINITY;

  constructor(options: SentinelOptions) {
    this.#options = options;
  }

  get renewWithinMs(): number | undefined {
    return this.#kept === undefined ? undefined : this.#limit.renewWithinMs;
  }

  /** The connection, to send a request over; it is given back by `give`. Undefined when there is none, or none that takes requests. */
  take(nowMs: number): Wire | undefined {
    const kept = this.#kept;
    if (kept === undefined || !this.#takesRequests) return undefined;
    this.#limit.stoodFor(nowMs - this.#keptSinceMs);
    this.#kept = undefined;
    return kept;
  }

  /** Keeps a connection on which a check has just passed, in place of the one there was. */
  give(wire: Wire, nowMs: number): void {
    this.#watch(wire, true, nowMs);
  }

  /** After a good check: there shall be a sentinel. Where the check left none, an idle connection without requests serves. */
  keepOne(nowMs: number): void {
    if (this.#livedMs !== undefined) this.#learn(this.#livedMs, nowMs);
    this.#livedMs = undefined;
    if (nowMs < this.#restUntilMs) return this.close();
    if (this.#dialed !== undefined || (this.#kept !== undefined && !this.#mustRenew(nowMs - this.#keptSinceMs))) return;
    const { target, tls, openTcpSocket, now } = this.#options;
    const wire = new Wire(target, tls, {
      established: () => {
        this.#dialed = undefined;
        this.#watch(wire, false, now());
      },
      received: () => undefined,
      writable: () => undefined,
      ended: (ending) => {
        this.#dialed = undefined;
        this.#lost(ending.kind, 0);
      },
    });
    this.#dialed = wire;
    wire.open(openTcpSocket);
  }

  /** Idempotent. */
  close(): void {
    this.#kept?.close();
    this.#dialed?.close();
    this.#kept = undefined;
    this.#dialed = undefined;
    this.#livedMs = undefined;
  }

  // --- what the kept connection tells ---

  established(): void {
    // It stood before it was kept.
  }

  /** Unasked, a server says only goodbye: a 408, or a TLS alert. */
  received(): void {
    this.#kept?.close();
    this.#keptEnded("closed");
  }

  writable(): void {
    // Nothing is written.
  }

  ended({ kind }: Ending): void {
    this.#keptEnded(kind);
  }

  // --- internal ---

  #watch(wire: Wire, takesRequests: boolean, nowMs: number): void {
    if (this.#watched !== wire) {
      const { fd } = wire;
      if (fd !== undefined) this.#options.watchSilence(fd, this.#options.options.sentinelTimeoutMs);
      this.#watched = wire;
    }
    this.#kept?.close();
    this.#kept = wire;
    this.#keptSinceMs = nowMs;
    this.#takesRequests = takesRequests;
    wire.listen(this);
  }

  #keptEnded(kind: Ending["kind"]): void {
    const kept = this.#kept;
    this.#kept = undefined;
    if (kept !== undefined) this.#lost(kind, this.#options.now() - this.#keptSinceMs);
  }

  #lost(kind: Ending["kind"], livedMs: number): void {
    if (kind === "unasked") return;
    this.#livedMs = livedMs;
    this.#options.ended(kind);
  }

  /** The sentinel ended, and the server is well all the same. */
  #learn(livedMs: number, nowMs: number): void {
    if (livedMs >= SHORTEST_MS) this.#limit.closedAfter(livedMs);
    this.#earlyEnds = livedMs < SHORTEST_MS ? this.#earlyEnds + 1 : 0;
    if (this.#earlyEnds < MOST_EARLY_ENDS) return;
    this.#earlyEnds = 0;
    this.#restUntilMs = nowMs + REST_MS;
  }

  /** One without requests is never used, so it is replaced before the server's patience is over. */
  #mustRenew(idleMs: number): boolean {
    return !this.#takesRequests && idleMs >= (this.#limit.renewWithinMs ?? Number.POSITIVE_INFINITY) / 2;
  }
}

// --- internal ---

/** A server that closes idle connections sooner than this is not worth a sentinel. */
const SHORTEST_MS = 1000;
const MOST_EARLY_ENDS = 3;
const REST_MS = 600_000;
