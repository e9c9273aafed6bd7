import type { HttpProbeOptions } from "../../config/care-options.ts";
import type { Clock } from "../clock.ts";
import type { Deadline, Deadlines } from "./deadlines.ts";
import type { ReusePolicy } from "./reuse-policy.ts";
import type { Sentinel } from "./sentinel.ts";

export interface ReuseLessonsOptions {
  readonly options: HttpProbeOptions;
  readonly clock: Clock;
  readonly deadlines: Deadlines;
}

/** What checks show of keeping connections to one real server, for the reuse policy to go by. */
export class ReuseLessons {
  readonly #shared: ReuseLessonsOptions;
  readonly #reuse: ReusePolicy;
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

  constructor(shared: ReuseLessonsOptions, reuse: ReusePolicy, sentinel: Sentinel | undefined) {
    this.#shared = shared;
    this.#reuse = reuse;
    this.#sentinel = sentinel;
  }

  /** How long a good answer over a new connection took the last time, connecting included. */
  get newTookMs(): number {
    return this.#newTookMs;
  }

  begin(): void {
    this.#isKeptWrong = false;
  }

  /** Whether a new connection has answered, or is to, while the kept one has not. */
  keptIsWrong(isWrong: boolean): void {
    this.#isKeptWrong = isWrong;
  }

  /** A new connection is asked: a server that serves one at a time, TLS or not, may be waiting for the sentinel to end. */
  askedAnew(nowMs: number, endsAtMs: number): void {
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
}

// --- internal ---

/** Of the time for a check. */
const SOON = 0.1;
