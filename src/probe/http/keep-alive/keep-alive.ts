import type { HttpRequestOptions } from "../../../config/care-options.ts";
import type { Endpoint } from "../../../domain/endpoint.ts";
import type { Clock } from "../../clock.ts";
import type { Connection, Ending, NewConnection } from "../../connection/connection.ts";
import type { OwnPorts } from "../../own-ports.ts";
import type { Deadline, Deadlines } from "../../deadlines.ts";
import { ReconnectSchedule } from "./reconnect-schedule.ts";
import { ReusePolicy } from "./reuse-policy.ts";
import { Sentinel } from "./sentinel.ts";

/** The same for all real servers. */
export interface KeepAliveOptions {
  readonly options: HttpRequestOptions;
  readonly newConnection: NewConnection;
  /** How a connection is made that may be kept, for those real servers that there are ports for; absent: as any other. */
  readonly lasting?: { readonly newConnection: NewConnection; readonly ports: OwnPorts };
  readonly clock: Clock;
  readonly deadlines: Deadlines;
  /** Whether real servers are asked no more than a budget allows: then connections are spared. */
  readonly isPaced?: (() => boolean) | undefined;
}

/**
 * The connection to one real server that stays open between checks, and what checks have shown of keeping one. It
 * decides whether a check may go over it, when a new one is due, and when none is kept because that does harm. Where
 * the options ask for none, it has none.
 *
 * Of what lies behind it, `Sentinel` holds the connection and notices its end, `ReusePolicy` remembers what was
 * learned, and `ReconnectSchedule` says when a new connection is due.
 */
export class KeepAlive {
  readonly #shared: KeepAliveOptions;
  readonly #reuse: ReusePolicy;
  readonly #reconnects: ReconnectSchedule;
  readonly #sentinel: Sentinel | undefined;
  /** In this check the kept connection gave no good answer, where a new one may. */
  #isKeptWrong = false;
  /**
   * Until when a new connection may leave the sentinel unharmed, and when it was released; undefined where there is
   * none.
   */
  #patience: { readonly deadline: Deadline; readonly letGoAtMs: number | undefined } | undefined;
  #askedAnewAtMs = 0;
  #newTookMs = 0;
  /** Undefined: there were none left, or none are wanted. Given back once. */
  #ports: OwnPorts | undefined;
  /** The last connection was kept, so the next may be. One that is not must leave no port behind that others lack for a minute. */
  #isKeeping: boolean;

  /** `ended`: the connection ended while no check used it, or the next one could not be made. */
  constructor(target: Endpoint, shared: KeepAliveOptions, ended: (kind: Ending["kind"]) => void) {
    this.#shared = shared;
    this.#reconnects = new ReconnectSchedule(shared.isPaced);
    const reuse = new ReusePolicy(shared.options.sentinelWorthMs);
    this.#reuse = reuse;
    const { lasting, options } = shared;
    this.#isKeeping = !options.freshConnection;
    if (!options.sentinel) return;
    if (lasting?.ports.take() === true) this.#ports = lasting.ports;
    this.#sentinel = new Sentinel({ ...shared, newConnection: this.#newLasting, target, reuse, ended });
  }

  /** For a request over a new connection. */
  get newConnection(): NewConnection {
    return this.#isKeeping ? this.#newLasting : this.#shared.newConnection;
  }

  /** The next check should come within this many milliseconds, or the server may close the connection. */
  get renewWithinMs(): number | undefined {
    return this.#sentinel?.renewWithinMs;
  }

  /**
   * Hands out the kept connection for a request; `give` returns it. Undefined when there is none, or when a new one is
   * to be made. `isHop`: it follows another request of the same check.
   */
  take(isHop: boolean, nowMs: number): Connection | undefined {
    if (this.#shared.options.freshConnection) return undefined;
    const isSpared = isHop || (this.#reuse.isHarmless && !this.#reconnects.isDue(nowMs));
    const kept = isSpared ? this.#sentinel?.take(nowMs) : undefined;
    if (kept !== undefined && !isHop) this.#reconnects.spared(nowMs);
    return kept;
  }

  /** The connection that is kept, and not lent for a check, seems to be dead. */
  get isUnheard(): boolean {
    return this.#sentinel?.isUnheard === true;
  }

  /** Keeps a connection that has just carried a good answer, or closes it where that is better. */
  give(connection: Connection, nowMs: number): void {
    if (this.#sentinel === undefined || this.#shared.options.freshConnection) return connection.close();
    this.#isKeeping = true;
    this.#sentinel.give(connection, nowMs);
  }

  /** A check passed: from now on there shall be a kept connection, if it does no harm. */
  passed(nowMs: number): void {
    this.#sentinel?.keepOne(nowMs);
  }

  /** Idempotent. */
  close(): void {
    this.#sentinel?.close();
  }

  /** The same, and there will be no other. Idempotent. */
  end(): void {
    this.close();
    this.#ports?.giveBack();
    this.#ports = undefined;
  }

  // --- what a check shows of keeping connections ---

  /** How long a good answer over a new connection took the last time, connecting included. */
  get newTookMs(): number {
    return this.#newTookMs;
  }

  checkBegan(): void {
    this.#isKeptWrong = false;
  }

  /** Whether a new connection has answered, or is to, while the kept one has not. */
  keptIsWrong(isWrong: boolean): void {
    this.#isKeptWrong = isWrong;
  }

  /** A new connection is asked: a server that serves one at a time, TLS or not, may be waiting for the sentinel to end. */
  askedAnew(nowMs: number, endsAtMs: number): void {
    this.#reconnects.made(nowMs);
    this.#isKeeping = false;
    this.endPatience();
    this.#askedAnewAtMs = nowMs;
    const sentinel = this.#sentinel;
    if (sentinel?.stands !== true) return;
    const { deadlines, options, clock } = this.#shared;
    const deadline = deadlines.after(Math.min(endsAtMs - nowMs, options.connectTimeoutMs) / 2, () => {
      this.#patience = { deadline, letGoAtMs: clock.now() };
      sentinel.close();
    });
    this.#patience = { deadline, letGoAtMs: undefined };
  }

  endPatience(): void {
    this.#patience?.deadline.cancel();
    this.#patience = undefined;
  }

  /** A good answer came; `hasPassed`: it was the last of the check. */
  answered(hasPassed: boolean, isOverKept: boolean, nowMs: number): void {
    const reuse = this.#reuse;
    if (hasPassed && this.#isKeptWrong) reuse.keptAnsweredWrong(nowMs);
    else if (hasPassed && isOverKept) reuse.keptAnsweredWell();
    if (isOverKept) return;
    this.#newTookMs = nowMs - this.#askedAnewAtMs;
    if (this.#patience === undefined) return;
    const { letGoAtMs } = this.#patience;
    if (letGoAtMs === undefined) reuse.servedBesideKept();
    // Otherwise it may be slow, and have answered by then for another reason.
    else if (nowMs - letGoAtMs <= SOON * this.#shared.options.timeoutMs) reuse.blockedByKept(nowMs);
  }

  // --- internal ---

  get #newLasting(): NewConnection {
    const { lasting, newConnection } = this.#shared;
    return this.#ports === undefined ? newConnection : (lasting?.newConnection ?? newConnection);
  }
}

// --- internal ---

/** Of the time for a check. */
const SOON = 0.1;
