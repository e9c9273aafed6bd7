import type { Clock } from "../clock.ts";
import { TrafficJudge, type ClientTraffic } from "./traffic-judge.ts";

/** The counts of one real server, as cheap to read as the rest of a virtual server's. */
export interface CountedServer extends Omit<ClientTraffic, "halfOpen"> {
  /** Its formatted endpoint. */
  readonly server: string;
}

/** A virtual server whose clients' traffic is watched. */
export interface WatchedTraffic {
  /** Its real servers; undefined where they cannot be counted now. */
  read(): readonly CountedServer[] | undefined;
  /** For how long clients may wait for this one's answer before that means anything. */
  quietMs(server: string): number;
  suspect(server: string): void;
}

export interface TrafficWatchOptions {
  readonly clock: Clock;
  /** Processor time of this process, in milliseconds: on a busy host everything takes long, and that costs nothing. */
  readonly spentMs: () => number;
  /**
   * Connections that wait for their first answer, of all virtual servers, by the real server's formatted endpoint.
   * Costs as much as there are connections, so it is asked only when some may be there, and as rarely as that demands.
   */
  readonly countHalfOpen: () => ReadonlyMap<string, number>;
}

/**
 * Looks at the clients' traffic of all virtual servers from one timer. Ten times a second where there is any, more and
 * more seldom where there is none, and for each kind of counts never for more than a hundredth of a processor.
 */
export class TrafficWatch {
  readonly #options: TrafficWatchOptions;
  readonly #all = new Set<Watching>();
  #timer: { readonly handle: unknown; readonly atMs: number } | undefined;
  readonly #counts = new Budget();
  readonly #halfOpen = new Budget();

  constructor(options: TrafficWatchOptions) {
    this.#options = options;
  }

  /** From now on. Returns what ends it; idempotent. */
  watch(traffic: WatchedTraffic): () => void {
    const watching: Watching = { traffic, servers: new Map(), dueMs: this.#options.clock.now(), pauseMs: SHORTEST_MS };
    this.#all.add(watching);
    this.#arm(watching.dueMs);
    return () => {
      this.#all.delete(watching);
      if (this.#all.size === 0) this.#disarm();
    };
  }

  // --- internal ---

  /** For one that is due then, of the others the timer knows already. */
  #arm(dueMs: number): void {
    if (dueMs === Number.POSITIVE_INFINITY) return;
    const { clock } = this.#options;
    const atMs = Math.max(dueMs, this.#counts.opensAtMs);
    if (this.#timer !== undefined && this.#timer.atMs <= atMs) return;
    this.#disarm();
    const handle = clock.setTimeout(() => this.#ring(), Math.max(0, atMs - clock.now()));
    this.#timer = { handle, atMs };
  }

  #disarm(): void {
    if (this.#timer !== undefined) this.#options.clock.clearTimeout(this.#timer.handle);
    this.#timer = undefined;
  }

  #ring(): void {
    this.#timer = undefined;
    const { clock, countHalfOpen, spentMs } = this.#options;
    const beganMs = clock.now();
    const beforeMs = spentMs();
    const due = [...this.#all].filter(({ dueMs }) => dueMs <= beganMs + SLACK_MS);
    const counted = due.map((one) => [one, one.traffic.read() ?? []] as const);
    const mayWait = counted.some(([one, servers]) => servers.some((now) => mayBeHalfOpen(one.servers, now)));
    const countedMs = spentMs();
    const halfOpen = mayWait && beganMs >= this.#halfOpen.opensAtMs ? countHalfOpen() : undefined;
    if (halfOpen !== undefined) this.#halfOpen.spent(spentMs() - countedMs, beganMs);
    const suspects = counted.flatMap(([one, servers]) => judge(one, servers, halfOpen, beganMs));
    this.#counts.spent(countedMs - beforeMs, beganMs);
    let dueMs = Number.POSITIVE_INFINITY;
    for (const one of this.#all) dueMs = Math.min(dueMs, one.dueMs);
    this.#arm(dueMs);
    for (const tell of suspects) tell();
  }
}

// --- internal ---

/** What is done within a share of one processor's time: never again before its last time has become that share. */
class Budget {
  opensAtMs = Number.NEGATIVE_INFINITY;

  spent(ms: number, nowMs: number): void {
    this.opensAtMs = nowMs + ms / SHARE;
  }
}

interface Watching {
  readonly traffic: WatchedTraffic;
  /** As far as they are there now. */
  servers: ReadonlyMap<string, KnownServer>;
  dueMs: number;
  pauseMs: number;
}

interface KnownServer {
  readonly judge: TrafficJudge;
  readonly last: CountedServer;
  /** Connections waited there when they were counted last, or may have begun since. */
  readonly wasHalfOpen: boolean;
}

/** A connection was begun, or ended. */
function mayBeHalfOpen(known: ReadonlyMap<string, KnownServer>, { server, inactive }: CountedServer): boolean {
  const before = known.get(server);
  return before !== undefined && (before.wasHalfOpen || inactive > before.last.inactive);
}

function hasMoved(before: CountedServer, now: CountedServer): boolean {
  return now.active !== before.active || now.inactive > before.inactive || now.inPackets > before.inPackets;
}

function judge(
  one: Watching,
  counted: readonly CountedServer[],
  halfOpen: ReadonlyMap<string, number> | undefined,
  nowMs: number,
): readonly (() => void)[] {
  const { traffic } = one;
  const suspects: (() => void)[] = [];
  const servers = new Map<string, KnownServer>();
  let isMoving = false;
  for (const now of counted) {
    const { server } = now;
    const known = one.servers.get(server);
    const waiting = halfOpen?.get(server) ?? 0;
    const wasHalfOpen = halfOpen === undefined ? mayBeHalfOpen(one.servers, now) : waiting > 0;
    const judge = known?.judge ?? new TrafficJudge();
    isMoving ||= wasHalfOpen || (known !== undefined && hasMoved(known.last, now));
    servers.set(server, { judge, last: now, wasHalfOpen });
    if (judge.note({ ...now, halfOpen: halfOpen && waiting }, nowMs, traffic.quietMs(server)))
      suspects.push(() => traffic.suspect(server));
  }
  one.servers = servers;
  one.pauseMs = isMoving ? SHORTEST_MS : Math.min(2 * one.pauseMs, LONGEST_MS);
  one.dueMs = sharedMoment(nowMs + one.pauseMs, one.pauseMs);
  return suspects;
}

/** Of those without traffic, many are looked at in one turn, a little sooner than they would be by themselves. */
function sharedMoment(atMs: number, pauseMs: number): number {
  const step = pauseMs === SHORTEST_MS ? 1 : pauseMs / MOMENTS;
  return Math.floor(atMs / step) * step;
}

/** In a pause. */
const MOMENTS = 4;

/** Of one processor's time. */
const SHARE = 0.01;
const SHORTEST_MS = 100;
const LONGEST_MS = 2000;
/** Those that are due so soon are looked at together. */
const SLACK_MS = 20;
