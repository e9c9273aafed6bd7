/** What is counted of one real server's clients, and how many of its new connections wait for an answer. */
export interface ClientTraffic {
  /** Established connections, now. */
  readonly active: number;
  /** Those that are not: half-open, or ended. */
  readonly inactive: number;
  /**
   * Since some moment in the past. IPVS adds them up every two seconds (its estimator), so what comes of them comes
   * late; how many connections there are it knows at any moment.
   */
  readonly inPackets: number;
  readonly outPackets: number;
  /** Connections on which the server has answered nothing yet, now; undefined where they were not counted. */
  readonly halfOpen: number | undefined;
}

/**
 * Judges by the traffic of its clients whether one real server should be looked at. It is suspect when, for `quietMs`,
 * - new connections wait for its first answer, or
 * - connections are established, and none of its clients is done with one; or when
 * - packets go in, and nothing comes out.
 *
 * All of that happens to healthy servers, too: a suspicion condemns nobody, it is a reason to ask. After each one
 * that proved wrong it rests longer, so that slow servers are not asked all the time.
 */
export class TrafficJudge {
  #last: ClientTraffic | undefined;
  #halfOpenSinceMs: number | undefined;
  #grownSinceMs: number | undefined;
  #restsUntilMs = Number.NEGATIVE_INFINITY;
  #restMs = REST_MS;

  /** Whether it is suspect by what is counted at this moment; then it rests for a while. */
  note(traffic: ClientTraffic, nowMs: number, quietMs: number): boolean {
    const last = this.#last;
    this.#last = traffic;
    if (traffic.halfOpen !== undefined)
      this.#halfOpenSinceMs = traffic.halfOpen > 0 ? (this.#halfOpenSinceMs ?? nowMs) : undefined;
    if (last === undefined) return false;
    if (traffic.active < last.active || endedIn(traffic) > endedIn(last)) this.#grownSinceMs = undefined;
    else if (traffic.active > last.active) this.#grownSinceMs ??= nowMs;
    const isOneSided = traffic.inPackets > last.inPackets && traffic.outPackets <= last.outPackets;
    // A count of some time ago says nothing of now.
    const waitsSinceMs = traffic.halfOpen === undefined ? undefined : this.#halfOpenSinceMs;
    const isQuiet = [waitsSinceMs, this.#grownSinceMs].some(
      (sinceMs) => sinceMs !== undefined && nowMs - sinceMs >= quietMs,
    );
    if (!(isOneSided || isQuiet) || nowMs < this.#restsUntilMs) return false;
    // It was suspect for the last time long ago: it is not one of those that always look so.
    if (nowMs - this.#restsUntilMs > FORGOTTEN_MS) this.#restMs = REST_MS;
    this.#restsUntilMs = nowMs + this.#restMs;
    this.#restMs = Math.min(2 * this.#restMs, LONGEST_REST_MS);
    // A connection that stays is no news for ever.
    this.#grownSinceMs = undefined;
    return true;
  }
}

// --- internal ---

function endedIn({ inactive, halfOpen = 0 }: ClientTraffic): number {
  return inactive - halfOpen;
}

const REST_MS = 250;
const LONGEST_REST_MS = 2000;
const FORGOTTEN_MS = 10_000;
