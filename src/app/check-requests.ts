import type { TimedRequest } from "../actors/status.ts";
import { describeRequest, isNewRequest, requestAfter, type CheckRequest } from "../domain/check-request.ts";
import type { Verdict } from "../domain/health.ts";

interface Known {
  readonly request: CheckRequest | undefined;
  readonly told: CheckRequest | undefined;
  readonly last: TimedRequest | undefined;
}

/** Notices, verdict by verdict, what the checks of each real server ask for: what is told of it, by events and status. */
export class CheckRequests {
  readonly #known = new Map<string, Known>();

  get(server: string): TimedRequest | undefined {
    return this.#known.get(server)?.last;
  }

  /** What is to be told; undefined where nothing is. */
  note(server: string, verdict: Verdict, atMs: number): TimedRequest | undefined {
    const { request: before, told, last } = this.#known.get(server) ?? NOTHING;
    const request = requestAfter(before, verdict);
    // As it mostly is.
    if (request === undefined && told === undefined) return undefined;
    if (!isNewRequest(told, request)) {
      this.#known.set(server, { request, told, last });
      return undefined;
    }
    const isSameHold = (told?.hold === undefined) === (request?.hold === undefined);
    const next = {
      asks: describeRequest(request),
      reason: verdict.reason,
      atMs,
      heldOrNotSinceMs: isSameHold ? last?.heldOrNotSinceMs : atMs,
    };
    this.#known.set(server, { request, told: request, last: next });
    return next;
  }

  /** Forgets all others. */
  keepOnly(servers: ReadonlySet<string>): void {
    for (const server of this.#known.keys()) if (!servers.has(server)) this.#known.delete(server);
  }
}

// --- internal ---

const NOTHING: Known = { request: undefined, told: undefined, last: undefined };
