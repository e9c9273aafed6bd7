import { markOf, REMEMBERED_CHECKS, type CheckMarks, type RecentChecks } from "../domain/check-marks.ts";
import type { ProbeOutcome } from "../domain/health.ts";

/** Failed checks in a row with the same reason; times on the machines' clock. */
export interface Failures {
  readonly reason: string;
  readonly firstAtMs: number;
  readonly lastAtMs: number;
  readonly count: number;
}

/**
 * The last checks of each real server of a virtual server: a byte for each, and of those that failed why. Bounded for
 * each real server, whatever it answers.
 */
export class CheckHistory implements RecentChecks {
  readonly #rings = new Map<string, Ring>();

  note(server: string, outcome: ProbeOutcome, atMs: number): void {
    let ring = this.#rings.get(server);
    if (ring === undefined) {
      ring = { bytes: new Uint8Array(REMEMBERED_CHECKS), count: 0, failures: NONE, isFailing: false };
      this.#rings.set(server, ring);
    }
    ring.bytes[ring.count++ % REMEMBERED_CHECKS] = markOf(outcome);
    if (outcome.passed === undefined) return;
    if (!outcome.passed) noteFailure(ring, outcome.reason.slice(0, LONGEST_REASON), atMs);
    ring.isFailing = !outcome.passed;
  }

  servers(): Iterable<string> {
    return this.#rings.keys();
  }

  since(server: string, count: number): CheckMarks {
    const ring = this.#rings.get(server);
    if (ring === undefined) return { count: 0, marks: "" };
    let marks = "";
    for (let at = Math.max(count, ring.count - REMEMBERED_CHECKS, 0); at < ring.count; at++) {
      marks += String.fromCharCode(ring.bytes[at % REMEMBERED_CHECKS] ?? 0);
    }
    return { count: ring.count, marks };
  }

  /** The last ten times that its checks failed, the last one first. */
  failuresOf(server: string): readonly Failures[] {
    return this.#rings.get(server)?.failures.toReversed() ?? NONE;
  }

  /** Forgets all others. */
  keepOnly(servers: ReadonlySet<string>): void {
    for (const server of this.#rings.keys()) if (!servers.has(server)) this.#rings.delete(server);
  }
}

// --- internal ---

interface Ring {
  readonly bytes: Uint8Array;
  /** Of all that were noted; the next one takes the place of the oldest. */
  count: number;
  /** In their order. Most servers never fail, and share an empty list. */
  failures: readonly Failures[];
  /** The last check failed. */
  isFailing: boolean;
}

const NONE: readonly Failures[] = [];
const MOST_FAILURES = 10;
/** Servers may say anything, at any length. */
const LONGEST_REASON = 300;

function noteFailure(ring: Ring, reason: string, atMs: number): void {
  const last = ring.failures.at(-1);
  ring.failures =
    ring.isFailing && last?.reason === reason
      ? [...ring.failures.slice(0, -1), { ...last, lastAtMs: atMs, count: last.count + 1 }]
      : [...ring.failures.slice(1 - MOST_FAILURES), { reason, firstAtMs: atMs, lastAtMs: atMs, count: 1 }];
}
