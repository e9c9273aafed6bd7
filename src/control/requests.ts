import { LvscareError } from "../domain/errors.ts";
import { parseVirtualServerWord } from "../domain/virtual-server-name.ts";

/** Null where it cannot be read. Without a host, or with an impossible one, the runtime gives the path alone. */
export function urlOf(request: Request): URL | null {
  return URL.parse(request.url, "http://localhost");
}

/** What `?vs=` may name, in canonical text; what it may not, as it is: nobody is called so. */
export function canonical(word: string): string {
  try {
    return parseVirtualServerWord(word);
  } catch (error) {
    if (error instanceof LvscareError) return word;
    throw error;
  }
}

/** The id of an event in `?after=<id>`, 0 without one; undefined for anything else. */
export function eventIdAfter(query: URLSearchParams): number | undefined {
  const after = query.get("after") ?? "0";
  return /^\d{1,15}$/.test(after) ? Number(after) : undefined;
}

/** Callers share an answer that is under way; later callers get a new one. */
export function sharePending<T>(ask: () => Promise<T>): () => Promise<T> {
  let pending: Promise<T> | undefined;
  return () => (pending ??= ask().finally(() => (pending = undefined)));
}

/** Allows a number of something in a second, counted from the first one. */
export class RateLimit {
  readonly #most: number;
  readonly #now: () => number;
  #second = { sinceMs: Number.NEGATIVE_INFINITY, count: 0 };

  constructor(mostPerSecond: number, now: () => number) {
    this.#most = mostPerSecond;
    this.#now = now;
  }

  /** Counts one more; false when that is one too many. */
  allows(): boolean {
    const nowMs = this.#now();
    if (nowMs - this.#second.sinceMs >= 1000) this.#second = { sinceMs: nowMs, count: 0 };
    return ++this.#second.count <= this.#most;
  }
}
