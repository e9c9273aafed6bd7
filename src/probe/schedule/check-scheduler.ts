import { formatEndpoint, type Endpoint } from "../../domain/endpoint.ts";
import type { ProbeOutcome } from "../../domain/health.ts";
import type { CheckBudget } from "../../config/care-options.ts";
import { formatDuration } from "../../domain/duration.ts";
import type { AnswerListener, Check, CheckSchedule, Report } from "./check-schedule.ts";
import type { Clock } from "../clock.ts";
import { DueQueue } from "../due-queue.ts";
import type { Probe, Prober } from "../prober.ts";
import { ServerPace } from "./server-pace.ts";
import { ScheduledCheck, spread } from "./scheduled-check.ts";
import { StallWatch } from "./stall-watch.ts";
import { StartPace } from "./start-pace.ts";

export interface CheckSchedulerOptions {
  readonly clock: Clock;
  /**
   * How much of its interval a check may come early, 0 to 1. Up to half of it by chance, so that many servers and
   * nodes do not fall into step. Up to all of it when others are due at that moment, so that one wake-up serves
   * several.
   */
  readonly jitter: number;
  /** From 0 to 1, as Math.random. */
  readonly random: () => number;
  readonly budget: CheckBudget;
  /**
   * Called once for each stall in which this process got no turn for so long that checks may have failed or came
   * late.
   */
  readonly stalled?: (forMs: number) => void;
  /** Called when checks were due, with the delay of this process. */
  readonly late?: (byMs: number) => void;
  /** Called when a check starts that had to wait for others to end, and for how long. */
  readonly waited?: (forMs: number) => void;
}

/** How the daemon paces its checks, unless it is told otherwise. */
export const CHECK_PACE = {
  jitter: 0.1,
  budget: { mostAtOnce: 256, perServer: undefined },
} as const satisfies Partial<CheckSchedulerOptions>;

/**
 * Probes all real servers from one timer, spread over their intervals, so that neither a thousand servers nor a stall
 * of this process makes a burst in which each makes the others late.
 *
 * A failure while this process was stalled is no verdict: our lateness looks like the server's. The server is probed
 * again at once, and if the stalls go on, failures count after a while.
 *
 * Where more are due than may be under way, who has waited longest for a result comes next; whom checks have found gone
 * for a while lets others go first, since a thousand silent servers would keep all the room. What waits is not late: its
 * interval counts from its start.
 */
export class CheckScheduler {
  readonly #options: CheckSchedulerOptions;
  readonly #queue = new DueQueue<ScheduledCheck>();
  /** Those that are due and wait for others to end, by the age of their last result. */
  readonly #waiting = new DueQueue<ScheduledCheck>();
  #mostAtOnce: number;
  /** Since there was no room left, it was not seen yet that nobody waits. */
  #isCrowded = false;
  readonly #servers: ServerPace;
  #timer: { readonly handle: unknown; readonly atMs: number; readonly ringsMs: number } | undefined;
  /** Checks are being started: the timer is set once that is over. */
  #isStarting = false;
  #added = 0;
  /** Of the same real server there is one for each virtual server. */
  readonly #checks = new Map<string, Set<ScheduledCheck>>();
  /** Random for each process: nodes that start at the same moment should not check at the same moments. */
  readonly #phase: number;
  #underWay = 0;
  readonly #pace: StartPace;
  readonly #stalls: StallWatch;
  /** Those that were added and are not to begin yet; undefined while each begins at once. */
  #heldBack: Set<ScheduledCheck> | undefined;

  constructor(options: CheckSchedulerOptions) {
    this.#options = options;
    this.#mostAtOnce = options.budget.mostAtOnce;
    this.#phase = options.random();
    this.#servers = new ServerPace(options.random);
    this.#servers.keep(options.budget.perServer);
    this.#pace = new StartPace(options.clock);
    this.#stalls = new StallWatch({
      clock: options.clock,
      stalled: (forMs) => options.stalled?.(forMs),
    });
  }

  /** From now on. */
  keepTo({ mostAtOnce, perServer }: CheckBudget): void {
    this.#mostAtOnce = mostAtOnce;
    this.#servers.keep(perServer);
    for (const check of [...this.#checks.values()].flatMap((checks) => [...checks])) {
      const isPutOff = check.slotMs !== undefined && !check.isRunning;
      check.slotMs = undefined;
      if (isPutOff) this.#plan(check, (check.startedAtMs ?? this.#options.clock.now()) + check.intervalMs);
    }
    if (this.#waits) this.#arm();
  }

  /** Each real server is asked no more than a budget allows. */
  get isPaced(): boolean {
    return this.#servers.gapMs !== undefined;
  }

  /** From one check of a real server to the next, by that budget; undefined where there is none. */
  get serverGapMs(): number | undefined {
    return this.#servers.gapMs;
  }

  /** Checks by this prober, among all others. */
  with(prober: Prober): CheckSchedule {
    return { add: (target, intervalMs, report) => this.#add(prober, target, intervalMs, report) };
  }

  /**
   * Until this is disposed of, checks that are added do not begin, unless they are asked for: while many virtual
   * servers are set up, the first checks of some would keep the others from that.
   */
  holdBackNew(): Disposable {
    const held = new Set<ScheduledCheck>();
    this.#heldBack = held;
    return {
      [Symbol.dispose]: () => {
        if (this.#heldBack === held) this.#heldBack = undefined;
        for (const check of held) {
          const hasBegun = check.isRunning || check.startedAtMs !== undefined;
          if (!check.stopped && !hasBegun) this.#plan(check, FIRST);
        }
      },
    };
  }

  /**
   * A client got no answer from this server: probes it at once over its own connection, after a probe that is under
   * way. `isWell` is called when a probe has passed since, and never for a server that is not checked.
   */
  suspect(target: Endpoint, isWell: () => void): void {
    for (const check of this.#asking(target)) {
      // Each virtual server has clients of its own.
      check.doubt = { wells: [...(check.doubt?.wells ?? []), isWell], isAsked: false };
      this.#hurry(check);
    }
  }

  /**
   * Its clients seem to get no answer: checks it at once, unless a check is under way. `hear` is told if there is no
   * good answer within eight times the time that this server usually takes, 100 ms at least; at once where that is
   * known already. Nothing happens while it waits, or for a server that is not checked.
   */
  await(target: Endpoint, hear: AnswerListener): void {
    const [check] = this.#asking(target);
    if (check === undefined) return;
    const { awaited } = check;
    if (awaited?.by.has(hear) === true) return;
    awaited?.by.add(hear);
    if (awaited?.isMissingAfterMs !== undefined) hear.missing(awaited.isMissingAfterMs);
    const nowMs = this.#options.clock.now();
    // Nobody waits for an answer to what is not asked yet.
    const isPutOff = !check.isRunning && this.#servers.slotOf(check, nowMs) > nowMs;
    if (awaited !== undefined || isPutOff) return;
    check.awaited = { by: new Set([hear]), sinceMs: nowMs, timer: undefined, isMissingAfterMs: undefined };
    this.#await(check, check.awaited, MOST_DISCARDED);
    this.#hurry(check);
  }

  /** How long this server's good answers take; undefined as long as that is not known. */
  usualMs(target: Endpoint): number | undefined {
    const [check] = this.#asking(target);
    return check?.usualMs;
  }

  // --- internal ---

  /** The checks by which a real server's own port is judged: those beside it where there are no others. */
  #asking(target: Endpoint): readonly ScheduledCheck[] {
    const all = [...(this.#checks.get(formatEndpoint(target)) ?? [])];
    const own = all.filter(({ isBeside }) => !isBeside);
    return own.length === 0 ? all : own;
  }

  /** If this process is late itself, so is what it would hear of an answer: it waits once more. */
  #await(check: ScheduledCheck, awaited: NonNullable<ScheduledCheck["awaited"]>, moreTimes: number): void {
    const { clock } = this.#options;
    const patienceMs = Math.max(LEAST_PATIENCE_MS, PATIENCE * (check.usualMs ?? 0));
    const dueMs = clock.now() + patienceMs;
    awaited.timer = clock.setTimeout(() => {
      const isLate = clock.now() - dueMs > patienceMs / 4;
      if (isLate && moreTimes > 0) return this.#await(check, awaited, moreTimes - 1);
      // It waited until there was room for it, or does so still.
      const { startedAtMs = FIRST, isRunning } = check;
      const isAsked = isRunning || startedAtMs >= awaited.sinceMs;
      if (!isAsked || clock.now() - startedAtMs < patienceMs) return this.#await(check, awaited, moreTimes);
      awaited.isMissingAfterMs = patienceMs;
      for (const hear of awaited.by) hear.missing(patienceMs);
    }, patienceMs);
  }

  /** It answered, or nobody asks any more. */
  #endAwaiting(check: ScheduledCheck): void {
    const { awaited } = check;
    if (awaited === undefined) return;
    check.awaited = undefined;
    this.#options.clock.clearTimeout(awaited.timer);
    if (awaited.isMissingAfterMs !== undefined) for (const hear of awaited.by) hear.came();
  }

  #noteAnswer(check: ScheduledCheck, latencyMs: number): void {
    const { usualMs = latencyMs } = check;
    check.usualMs = usualMs + (latencyMs - usualMs) / 8;
    this.#endAwaiting(check);
  }

  #add(prober: Prober, target: Endpoint, intervalMs: number, report: Report): Check {
    const open = (): Probe => prober.open(target, () => this.#hurry(check));
    const told = (outcome: ProbeOutcome): void => this.#finish(check, outcome);
    const key = formatEndpoint(target);
    const check = new ScheduledCheck(key, open, intervalMs, report, told, spread(this.#added++, this.#phase));
    check.isBeside = prober.isBeside === true;
    const ofTarget = this.#checks.get(key) ?? new Set();
    this.#checks.set(key, ofTarget.add(check));
    this.#pace.ask(1 / intervalMs);
    // Only after the caller has finished: a virtual server is set up before the first check of its real servers
    // begins.
    if (this.#heldBack === undefined) this.#plan(check, FIRST);
    else this.#heldBack.add(check);
    return {
      setInterval: (ms) => this.#setInterval(check, ms),
      probeNow: () => this.#hurry(check),
      stop: () => {
        ofTarget.delete(check);
        if (ofTarget.size === 0 && this.#checks.get(key) === ofTarget) {
          this.#checks.delete(key);
          this.#servers.forget(key);
        }
        this.#stop(check);
      },
    };
  }

  #setInterval(check: ScheduledCheck, intervalMs: number): void {
    if (check.stopped || check.intervalMs === intervalMs) return;
    this.#pace.ask(1 / intervalMs - 1 / check.intervalMs);
    check.intervalMs = intervalMs;
    const { startedAtMs } = check;
    if (!check.isRunning && startedAtMs !== undefined) this.#plan(check, startedAtMs + intervalMs);
  }

  #hurry(check: ScheduledCheck): void {
    if (check.stopped || check.isRunning) return;
    const nowMs = this.#options.clock.now();
    this.#move(check, FIRST);
    // Not by the timer, which would wait for a turn of the event loop: this may be the first sign of a server's
    // death. When hundreds die at once, though, the others wait, so that decisions are written in between.
    if (this.#pace.mayHurry(nowMs)) this.#startDue(nowMs);
    else this.#arm();
  }

  #stop(check: ScheduledCheck): void {
    if (check.stopped) return;
    check.stopped = true;
    this.#endAwaiting(check);
    this.#pace.ask(-1 / check.intervalMs);
    this.#leave(check);
    check.close();
    if (check.isRunning) this.#over(check, this.#options.clock.now());
    if (this.#queue.first() === undefined && !this.#waits) this.#disarm();
    else this.#arm();
  }

  get #waits(): boolean {
    return this.#waiting.first() !== undefined;
  }

  get #isFull(): boolean {
    return this.#underWay >= this.#mostAtOnce;
  }

  #leave(check: ScheduledCheck): void {
    this.#queue.remove(check);
    this.#waiting.remove(check);
  }

  /** All that are due by now wait in one line. */
  #lineUp(nowMs: number): void {
    for (let next = this.#queue.first(); next !== undefined && next.dueMs <= nowMs; next = this.#queue.first()) {
      this.#queue.remove(next);
      const isFirst = next.dueMs === FIRST;
      next.waitsSinceMs ??= isFirst ? nowMs : next.dueMs;
      const yieldsMs = next.failures >= GONE ? YIELDS_MS : 0;
      next.dueMs = isFirst || next.resultAtMs === undefined ? FIRST : next.resultAtMs + yieldsMs;
      this.#waiting.push(next);
    }
    this.#isCrowded = this.#isFull || this.#waits;
  }

  #plan(check: ScheduledCheck, dueMs: number, earliestMs = dueMs): void {
    this.#move(check, dueMs, earliestMs);
    this.#arm();
  }

  #move(check: ScheduledCheck, dueMs: number, earliestMs = dueMs): void {
    this.#leave(check);
    check.dueMs = dueMs;
    check.earliestMs = Math.max(earliestMs, dueMs - MOST_SLACK_MS);
    this.#queue.push(check);
  }

  /** Sees to it that the timer rings no later than the next check can start. */
  #arm(): void {
    if (this.#isStarting) return;
    const dueMs = this.#waits ? FIRST : this.#queue.first()?.dueMs;
    if (dueMs === undefined || this.#isFull) return;
    const { clock } = this.#options;
    const atMs = Math.max(dueMs, this.#pace.opensAtMs);
    if (this.#timer !== undefined && this.#timer.atMs <= atMs) return;
    this.#disarm();
    const nowMs = clock.now();
    const handle = clock.setTimeout(() => this.#ring(), Math.min(LONGEST_MS, Math.max(0, atMs - nowMs)));
    this.#timer = { handle, atMs, ringsMs: Math.max(nowMs, atMs) };
  }

  /** A timer keeps the process alive, perhaps for a long interval: not when nothing is checked any more. */
  #disarm(): void {
    if (this.#timer !== undefined) this.#options.clock.clearTimeout(this.#timer.handle);
    this.#timer = undefined;
  }

  #ring(): void {
    const nowMs = this.#options.clock.now();
    const lateMs = Math.max(0, nowMs - (this.#timer?.ringsMs ?? nowMs));
    this.#options.late?.(lateMs);
    this.#stalls.startedLate(lateMs, nowMs);
    this.#timer = undefined;
    this.#startDue(nowMs);
  }

  #startDue(nowMs: number): void {
    // One that is over at once may hurry others.
    const isInner = this.#isStarting;
    this.#isStarting = true;
    try {
      this.#start(nowMs);
    } finally {
      this.#isStarting = isInner;
    }
    this.#arm();
  }

  #start(nowMs: number): void {
    this.#pace.enter(nowMs);
    if (this.#isCrowded) this.#lineUp(nowMs);
    for (;;) {
      const waiting = this.#waiting.first();
      const next = waiting ?? this.#queue.first();
      if (next === undefined || this.#isFull || this.#pace.isFull) break;
      // Timers may fire a fraction early.
      if (waiting === undefined && next.earliestMs > nowMs + 1) break;
      const slotMs = this.#servers.slotOf(next, nowMs);
      if (slotMs > nowMs + 1) {
        next.waitsSinceMs = undefined;
        this.#move(next, slotMs);
        continue;
      }
      this.#leave(next);
      if (waiting !== undefined) this.#endWaiting(next, nowMs);
      this.#pace.started();
      this.#probe(next, nowMs);
      // It is over already, and much may have been decided by it: the next turn goes on.
      if (!next.isRunning && this.#pace.isTurnOver(nowMs)) break;
    }
    if (this.#isFull) this.#lineUp(nowMs);
  }

  #endWaiting(check: ScheduledCheck, nowMs: number): void {
    const { waitsSinceMs = nowMs } = check;
    check.waitsSinceMs = undefined;
    check.behindMs = 0;
    if (check.dueMs !== FIRST) check.dueMs = nowMs;
    this.#options.waited?.(nowMs - waitsSinceMs);
  }

  #probe(check: ScheduledCheck, nowMs: number): void {
    check.isRunning = true;
    check.startedAtMs = nowMs;
    check.slotMs = undefined;
    this.#underWay++;
    this.#isCrowded ||= this.#isFull;
    this.#stalls.begin(nowMs);
    try {
      if (check.doubt !== undefined) {
        check.doubt.isAsked = true;
        check.probe.distrust?.();
      }
      check.probe.check(check.told);
    } catch (error) {
      // A probe never throws. If one does anyway, its server has not proved that it works.
      this.#finish(check, { passed: false, reason: `probe broke: ${String(error)}`, latencyMs: 0 });
    }
  }

  #finish(check: ScheduledCheck, outcome: ProbeOutcome): void {
    const { startedAtMs } = check;
    if (!check.isRunning || startedAtMs === undefined) return;
    const nowMs = this.#options.clock.now();
    const stalledMs = this.#stalls.stalledSince(startedAtMs, nowMs);
    check.resultAtMs = nowMs;
    this.#over(check, nowMs);
    const isFailure = outcome.passed === false && outcome.leaving !== true;
    if (outcome.passed !== undefined) check.failures = isFailure ? check.failures + 1 : 0;
    if (isFailure && stalledMs > 0 && check.discarded < MOST_DISCARDED) {
      check.discarded++;
      this.#plan(check, FIRST);
      const reason = `this process was held up for ${formatDuration(stalledMs)}, so this does not count: ${outcome.reason}`;
      return check.report({ passed: undefined, reason, latencyMs: outcome.latencyMs }, nowMs);
    }
    check.discarded = 0;
    this.#planNext(check, startedAtMs, outcome);
    this.#settleDoubt(check, outcome);
    if (outcome.passed === true) this.#noteAnswer(check, outcome.latencyMs);
    check.report(outcome, nowMs);
  }

  #settleDoubt(check: ScheduledCheck, { passed }: ProbeOutcome): void {
    const { doubt } = check;
    // The probe that was under way when the doubt came up says nothing about it.
    if (doubt !== undefined && !doubt.isAsked) return this.#plan(check, FIRST);
    if (passed !== true) return;
    check.doubt = undefined;
    for (const isWell of doubt?.wells ?? []) isWell();
  }

  #over(check: ScheduledCheck, nowMs: number): void {
    check.isRunning = false;
    if (--this.#underWay === 0) this.#stalls.end(nowMs);
  }

  #planNext(check: ScheduledCheck, startedAtMs: number, { passed }: ProbeOutcome): void {
    const { jitter, random } = this.#options;
    const intervalMs = Math.min(check.intervalMs, check.probe.renewWithinMs ?? Number.POSITIVE_INFINITY);
    const pauseMs = intervalMs * (1 - (jitter / 2) * random());
    const { spread: part, dueMs } = check;
    if (passed === true && part !== undefined) {
      // Once, after its first good probe, a check waits only for its own part of the interval: this spreads all
      // checks over it.
      check.spread = undefined;
      return this.#plan(check, startedAtMs + pauseMs * part);
    }
    // The checks after a late one come sooner, each as far as the jitter goes. Otherwise a process that is always a
    // little late would not keep the interval, and checks that a stall brought together would stay together. Many
    // checks may be hurried at the same moment, so they get new places.
    const placeAnewMs = part === undefined ? intervalMs * random() : 0;
    const behindMs = dueMs === FIRST ? placeAnewMs : Math.max(0, check.behindMs + startedAtMs - dueMs) % intervalMs;
    const earliestMs = startedAtMs + intervalMs * (1 - jitter);
    const nextMs = Math.max(earliestMs, startedAtMs + pauseMs - behindMs);
    check.behindMs = Math.max(0, behindMs - (startedAtMs + pauseMs - nextMs));
    this.#plan(check, nextMs, earliestMs);
  }
}

// --- internal ---

/**
 * Failures in a row that are blamed on ourselves: a host that stalls for ever must not keep dead servers in service.
 */
const MOST_DISCARDED = 2;

/** So many failures in a row, and nobody waits for the next one to take a server out. */
const GONE = 5;
/** By so much later a server that is gone comes, no more: others may never leave any room. */
const YIELDS_MS = 60_000;

/** Of a server's usual answer. */
const PATIENCE = 8;
const LEAST_PATIENCE_MS = 100;

/** Longer than this, a timer of the runtime fires immediately. */
const LONGEST_MS = 2 ** 31 - 1;

/**
 * Servers under suspicion come before all that are merely due: there may be more of those than this process can keep
 * up with.
 */
const FIRST = Number.NEGATIVE_INFINITY;

/** Checks that are due later than this do not start with those that are due now. */
const MOST_SLACK_MS = 250;
