import type { HttpRequestOptions } from "../../../config/care-options.ts";
import type { Endpoint } from "../../../domain/endpoint.ts";
import type { Clock } from "../../clock.ts";
import type { Connection, ConnectionListener, Ending, NewConnection } from "../../connection/connection.ts";
import type { ReusePolicy } from "./reuse-policy.ts";

export interface SentinelOptions {
  readonly target: Endpoint;
  readonly options: HttpRequestOptions;
  readonly newConnection: NewConnection;
  readonly reuse: ReusePolicy;
  /** The clock whose readings `take`, `give` and `keepOne` get. */
  readonly clock: Clock;
  /** The connection ended while it was idle, or a new one could not be made. */
  readonly ended: (kind: Ending["kind"]) => void;
}

/**
 * An idle connection to one real server, whose end shows within milliseconds that the server may be gone. It is no
 * more than a hint: many servers close idle connections. Their limit is learned, so that the next connection is used
 * before it.
 */
export class Sentinel implements ConnectionListener {
  readonly #options: SentinelOptions;
  /** The connection that the kernel is set to watch. */
  #watched: Connection | undefined;
  #kept: Connection | undefined;
  /** Since when nothing happened on it. */
  #keptSinceMs = 0;
  #watchedSinceMs = 0;
  #takesRequests = false;
  /** On its way to become the kept one. */
  #dialed: Connection | undefined;
  /**
   * The age and the idle time of the last connection that ended by itself, until a check finds the server healthy or
   * not.
   */
  #lost: { readonly ageMs: number; readonly idleMs: number } | undefined;

  constructor(options: SentinelOptions) {
    this.#options = options;
  }

  get renewWithinMs(): number | undefined {
    return this.#kept === undefined ? undefined : this.#options.reuse.renewWithinMs;
  }

  /** There is a connection that is not lent for a check, or one on its way. */
  get stands(): boolean {
    return this.#kept !== undefined || this.#dialed !== undefined;
  }

  /** The kernel asks its peer, which does not answer; that may be a lost packet. */
  get isUnheard(): boolean {
    return this.#kept?.acknowledgement()?.isProbeUnanswered === true;
  }

  /**
   * Hands out the connection for a request; `give` returns it. Undefined when there is none, or none that takes
   * requests.
   */
  take(nowMs: number): Connection | undefined {
    const kept = this.#kept;
    if (kept === undefined || !this.#takesRequests) return undefined;
    this.#options.reuse.stoodFor(nowMs - this.#keptSinceMs);
    this.#kept = undefined;
    return kept;
  }

  /** Keeps a connection on which a check has just passed, in place of the one there was. */
  give(connection: Connection, nowMs: number): void {
    if (this.#options.reuse.mayAskAgain(nowMs)) this.#watch(connection, true, nowMs);
    else connection.close();
  }

  /** After a good check: there shall be a sentinel. Where the check left none, an idle connection without requests serves. */
  keepOne(nowMs: number): void {
    if (this.#lost !== undefined) this.#options.reuse.ended(this.#lost, nowMs);
    this.#lost = undefined;
    if (!this.#options.reuse.mayKeep(nowMs)) return this.close();
    if (this.#dialed !== undefined || (this.#kept !== undefined && !this.#mustRenew(nowMs - this.#keptSinceMs))) return;
    const { target, newConnection } = this.#options;
    const connection = newConnection(target, {
      established: (establishedMs) => {
        this.#dialed = undefined;
        this.#watch(connection, false, establishedMs);
      },
      received: () => undefined,
      writable: () => undefined,
      ended: (ending) => {
        this.#dialed = undefined;
        this.#lose(ending.kind, 0, 0);
      },
    });
    this.#dialed = connection;
    connection.open(nowMs);
  }

  /** Idempotent. */
  close(): void {
    this.#kept?.close();
    this.#dialed?.close();
    this.#kept = undefined;
    this.#dialed = undefined;
    this.#lost = undefined;
  }

  // --- what the kept connection tells ---

  established(): void {
    // It was open before it was kept.
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

  #watch(connection: Connection, takesRequests: boolean, nowMs: number): void {
    if (this.#watched !== connection) {
      connection.watchSilence(this.#options.options.sentinelTimeoutMs);
      this.#watched = connection;
      this.#watchedSinceMs = nowMs;
    }
    this.#kept?.close();
    this.#kept = connection;
    this.#keptSinceMs = nowMs;
    this.#takesRequests = takesRequests;
    connection.listen(this);
  }

  #keptEnded(kind: Ending["kind"]): void {
    const kept = this.#kept;
    this.#kept = undefined;
    if (kept === undefined) return;
    const nowMs = this.#options.clock.now();
    this.#lose(kind, nowMs - this.#watchedSinceMs, nowMs - this.#keptSinceMs);
  }

  #lose(kind: Ending["kind"], ageMs: number, idleMs: number): void {
    if (kind === "unasked") return;
    this.#lost = { ageMs, idleMs };
    this.#options.ended(kind);
  }

  /** One without requests is never used, so it is replaced before the server's patience is over. */
  #mustRenew(idleMs: number): boolean {
    return !this.#takesRequests && idleMs >= (this.#options.reuse.renewWithinMs ?? Number.POSITIVE_INFINITY) / 2;
  }
}
