import type { RealServer } from "../domain/virtual-server.ts";
import type { Behaviour, ServerScript } from "./behaviour.ts";

/** A time without interruption in which requests failed. */
export interface Loss {
  readonly fromMs: number;
  readonly toMs: number;
  readonly requests: number;
  readonly failed: number;
  /** The real servers that failed them; empty when there was none to take them. */
  readonly at: readonly string[];
}

export interface ClientLoadOptions {
  readonly requestsPerSecond: number;
  readonly connectionsLastMs: number;
  /** Whether the scheduler spreads connections by weight, or evenly over all that have one. */
  readonly usesWeights: boolean;
  readonly scripts: ReadonlyMap<string, ServerScript>;
}

/**
 * Calculates how clients fare that ask at a steady rate, from the moment when the first server can take them: each
 * real server with a weight gets its share. A request fails when no server has a weight any more, and at a server
 * that refuses, hangs, has vanished or answers with a status of 500 or more.
 */
export class ClientLoad {
  readonly served = new Map<string, { requests: number; failed: number }>();
  readonly losses: Loss[] = [];
  requests = 0;
  failed = 0;
  readonly #options: ClientLoadOptions;
  #stretches: { readonly server: string; readonly fromMs: number; readonly toMs: number; readonly perMs: number }[] =
    [];
  #loss: { fromMs: number; requests: number; failed: number; at: Set<string> } | undefined;
  #sinceMs = 0;
  #hasBegun = false;

  constructor(options: ClientLoadOptions) {
    this.#options = options;
  }

  /** Accounts for the time since the last call, in which the table was this one. */
  passUntil(nowMs: number, table: ReadonlyMap<string, RealServer>): void {
    const takers = [...table].filter(([, { weight }]) => weight > 0);
    this.#hasBegun ||= takers.length > 0;
    if (!this.#hasBegun) this.#sinceMs = nowMs;
    while (this.#sinceMs < nowMs) {
      const changesMs = takers.map(([key]) => this.#script(key)?.nextChange(this.#sinceMs) ?? nowMs);
      const toMs = Math.min(nowMs, ...changesMs);
      this.#stretch(this.#sinceMs, toMs, takers);
      this.#sinceMs = toMs;
    }
  }

  /** To be called at the end. */
  finish(): void {
    this.#endLoss(this.#sinceMs);
  }

  /** How many connections to a real server are open now, that `passUntil` was called for. */
  openConnections(server: string): number {
    const openSinceMs = this.#sinceMs - this.#options.connectionsLastMs;
    while ((this.#stretches[0]?.toMs ?? Number.POSITIVE_INFINITY) <= openSinceMs) this.#stretches.shift();
    return this.#stretches
      .filter((one) => one.server === server)
      .reduce((sum, { fromMs, toMs, perMs }) => sum + Math.max(0, toMs - Math.max(fromMs, openSinceMs)) * perMs, 0);
  }

  // --- internal ---

  #stretch(fromMs: number, toMs: number, takers: readonly (readonly [string, RealServer])[]): void {
    const perMs = this.#options.requestsPerSecond / 1000;
    const all = takers.reduce((sum, [, server]) => sum + this.#share(server), 0);
    const requests = perMs * (toMs - fromMs);
    let failed = takers.length === 0 ? requests : 0;
    const failedAt: string[] = [];
    for (const [key, server] of takers) {
      const part = (requests * this.#share(server)) / all;
      const script = this.#script(key);
      const behaviour = script?.at(fromMs);
      const isFailing = behaviour !== undefined && fails(behaviour);
      // With the process its connections are gone.
      if (behaviour?.kind === "refuses") this.#stretches = this.#stretches.filter((one) => one.server !== key);
      const served = this.served.get(key) ?? { requests: 0, failed: 0 };
      served.requests += part;
      if (isFailing) {
        served.failed += part;
        failed += part;
        failedAt.push(key);
      } else if (this.#options.connectionsLastMs > 0) {
        this.#stretches.push({ server: key, fromMs, toMs, perMs: (perMs * this.#share(server)) / all });
      }
      this.served.set(key, served);
    }
    this.requests += requests;
    this.failed += failed;
    if (failed > 0) this.#lose(fromMs, requests, failed, failedAt);
    else this.#endLoss(fromMs);
  }

  #lose(fromMs: number, requests: number, failed: number, at: readonly string[]): void {
    this.#loss ??= { fromMs, requests: 0, failed: 0, at: new Set() };
    this.#loss.requests += requests;
    this.#loss.failed += failed;
    for (const server of at) this.#loss.at.add(server);
  }

  #endLoss(toMs: number): void {
    if (this.#loss === undefined) return;
    this.losses.push({ ...this.#loss, toMs, at: [...this.#loss.at] });
    this.#loss = undefined;
  }

  #share({ weight }: RealServer): number {
    return this.#options.usesWeights ? weight : 1;
  }

  /** Undefined for a server without a script: it answers. */
  #script(server: string): ServerScript | undefined {
    return this.#options.scripts.get(server);
  }
}

// --- internal ---

function fails(behaviour: Behaviour): boolean {
  return behaviour.kind !== "answers" || behaviour.status >= 500 || behaviour.says?.kind === "notServing";
}
