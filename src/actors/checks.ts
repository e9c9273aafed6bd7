import { fromCallback, type ActorRef, type CallbackActorLogic, type Snapshot } from "xstate";
import type { Endpoint } from "../domain/endpoint.ts";
import { throwFailures } from "../domain/errors.ts";
import type { CareEvent } from "../domain/events.ts";
import type { ProbeOutcome, Verdict, WeightAdvice } from "../domain/health.ts";
import type { ServiceKey } from "../domain/virtual-server.ts";
import type { Check, CheckSchedule } from "../probe/schedule/check-schedule.ts";
import { letsServe, ProbeTrial, type ProbeReport, type TriedServer } from "./probe-trial.ts";

/** Which verdicts a real server's machine is sent: all, or only one that differs in kind from the last one. */
export type Telling = "all" | "changes";

/** `server` is the formatted endpoint. For a server that is not being checked, every command but `start` is ignored. */
export type CheckCommand =
  /** The first check starts at the next opportunity. It replaces any checks under the same name. */
  | {
      readonly type: "start";
      readonly server: string;
      readonly target: Endpoint;
      readonly intervalMs: number;
      readonly listener: CheckListener;
    }
  | { readonly type: "pace"; readonly server: string; readonly intervalMs: number; readonly tell: Telling }
  | { readonly type: "probeNow"; readonly server: string }
  | { readonly type: "stop"; readonly server: string }
  /**
   * The probe changed: servers are checked by this schedule once it has proved itself with them, those that join
   * meanwhile, too. `fall`: how many failures in a row count.
   */
  | { readonly type: "reprobe"; readonly schedule: CheckSchedule; readonly fall: number };

export type CheckResult =
  | { readonly type: "probe.passed"; readonly verdict: Extract<Verdict, { passed: true }> }
  | { readonly type: "probe.failed"; readonly verdict: Extract<Verdict, { passed: false }> }
  /** It answers that it is shutting down. */
  | { readonly type: "probe.leaving"; readonly verdict: Extract<Verdict, { passed: false }> }
  /** It is not checked any more. A listener must not look healthy because of that. */
  | { readonly type: "checks.broke"; readonly error: unknown };

export type CheckListener = ActorRef<Snapshot<unknown>, CheckResult>;

/** How the real servers of one virtual server are checked, at first. */
export interface CheckPorts {
  readonly schedule: CheckSchedule;
  readonly observe: ProbeObserver;
}

/** Gets the outcome of every probe of a real server, by its formatted endpoint, before a machine decides by it. */
export type ProbeObserver = (server: string, outcome: ProbeOutcome) => void;

/**
 * Has real servers probed for as long as it lasts, and sends each machine the outcomes that matter to it. `observe`
 * gets every outcome that counts: of a thousand good servers' checks, the machines need none. There is one actor for
 * all servers, because one for each would take as much memory as the machine that it serves. What becomes of a changed
 * probe, its parent is told: see `ProbeReport`.
 */
export function checks(open: (virtualServer: ServiceKey) => CheckPorts): CallbackActorLogic<CheckCommand, ServiceKey> {
  return fromCallback(({ input, receive, sendBack }) => {
    const underWay = new Map<string, ServerChecks>();
    const { schedule: first, observe } = open(input);
    let deciding = first;
    /** A changed probe beside that one. */
    let tried: Tried | undefined;
    const tryWith = ({ schedule, trial }: Tried, server: string, one: ServerChecks): void => {
      if (one.try(schedule, (outcome) => trial.heard(server, outcome))) trial.join(server, one);
    };
    const reprobe = (schedule: CheckSchedule, fall: number): void => {
      if (tried?.trial.isProven === true) deciding = tried.schedule;
      const report = (told: ProbeReport): void => {
        if (told.type === "probe.accepted" && tried === begun) [deciding, tried] = [schedule, undefined];
        sendBack(told);
      };
      const begun = { schedule, trial: new ProbeTrial(fall, report) };
      tried = begun;
      for (const [server, one] of underWay) tryWith(begun, server, one);
      // It changes nothing for those that are checked.
      if (begun.trial.isEmpty) [deciding, tried] = [schedule, undefined];
      if (tried === undefined && underWay.size > 0) sendBack({ type: "probe.accepted", passed: 0, failed: 0 });
    };
    const start = (command: Extract<CheckCommand, { type: "start" }>): void => {
      const { server } = command;
      underWay.get(server)?.stop();
      if (tried?.trial.isProven === true) tried.trial.forget(server);
      // What decides for the others decides for it: one that is not trusted would keep it out.
      const isOnTrial = tried !== undefined && !tried.trial.isProven;
      const one = new ServerChecks(command, isOnTrial ? deciding : (tried?.schedule ?? deciding), observe);
      underWay.set(server, one);
      if (tried !== undefined && isOnTrial) tryWith(tried, server, one);
    };
    const obey = (command: CheckCommand): void => {
      if (command.type === "reprobe") return reprobe(command.schedule, command.fall);
      const { server } = command;
      const current = underWay.get(server);
      switch (command.type) {
        case "start":
          return start(command);
        case "pace":
          return current?.pace(command.intervalMs, command.tell);
        case "probeNow":
          return current?.probeNow();
        case "stop":
          current?.stop();
          underWay.delete(server);
          tried?.trial.forget(server);
      }
    };
    receive((command) => {
      try {
        obey(command);
      } catch (error) {
        // An actor that broke is not told to stop any more: its checks would go on without a listener.
        throwFailures([error, ...stopAll(underWay)]);
      }
    });
    return () => throwFailures(stopAll(underWay));
  });
}

/** The outcome of a probe, as listeners get it. */
export function probeEvent(server: string, outcome: ProbeOutcome): CareEvent {
  if (outcome.passed === undefined) return { type: "realServer.unchecked", server, reason: outcome.reason };
  return { type: "realServer.probed", server, verdict: outcome };
}

// --- internal ---

/** What failed on the way. One that cannot be stopped does not keep the others running. */
function stopAll(underWay: ReadonlyMap<string, ServerChecks>): unknown[] {
  const failures: unknown[] = [];
  for (const one of underWay.values()) {
    try {
      one.stop();
    } catch (error) {
      failures.push(error);
    }
  }
  return failures;
}

/** A changed probe that has not decided for all yet. */
interface Tried {
  readonly schedule: CheckSchedule;
  readonly trial: ProbeTrial;
}

class ServerChecks implements TriedServer {
  readonly #server: string;
  readonly #target: Endpoint;
  readonly #listener: CheckListener;
  readonly #observe: ProbeObserver;
  #check: Check | undefined;
  #by: object | undefined;
  /** By a changed probe, which is on trial; it decides for nothing as long as this is there. */
  #candidate: Check | undefined;
  #candidateBy: object | undefined;
  #intervalMs: number;
  #tell: Telling = "all";
  #last: Verdict | undefined;

  constructor(
    { server, target, intervalMs, listener }: Extract<CheckCommand, { type: "start" }>,
    schedule: CheckSchedule,
    observe: ProbeObserver,
  ) {
    this.#server = server;
    this.#target = target;
    this.#intervalMs = intervalMs;
    this.#listener = listener;
    this.#observe = observe;
    this.#by = schedule.checksBy?.(target);
    this.#check = this.#add(schedule, (outcome) => this.#heard(outcome));
  }

  pace(intervalMs: number, tell: Telling): void {
    this.#intervalMs = intervalMs;
    this.#tell = tell;
    this.#check?.setInterval(intervalMs);
    this.#candidate?.setInterval(intervalMs);
  }

  probeNow(): void {
    this.#check?.probeNow();
    this.#candidate?.probeNow();
  }

  stop(): void {
    this.#check?.stop();
    this.#candidate?.stop();
  }

  get serves(): boolean {
    return this.#last !== undefined && letsServe(this.#last);
  }

  /**
   * Checks it by this schedule, too; `told` gets what it finds until that is accepted. False where that checks it as
   * it is checked already: nothing is to be tried, and its passes tell nothing of what changed.
   */
  try(schedule: CheckSchedule, told: (outcome: ProbeOutcome) => void): boolean {
    this.#candidate?.stop();
    this.#candidate = undefined;
    this.#candidateBy = schedule.checksBy?.(this.#target);
    if (this.#by !== undefined && Bun.deepEquals(this.#by, this.#candidateBy)) return false;
    const candidate = this.#add(schedule, (outcome) => {
      if (this.#candidate === candidate) told(outcome);
      else this.#heard(outcome);
    });
    this.#candidate = candidate;
    return true;
  }

  accept(verdicts: readonly Verdict[]): void {
    this.#check?.stop();
    this.#check = this.#candidate;
    this.#candidate = undefined;
    this.#by = this.#candidateBy;
    for (const verdict of verdicts) {
      this.#observe(this.#server, verdict);
      this.#last = verdict;
      this.#listener.send(resultOf(verdict));
    }
  }

  #add(schedule: CheckSchedule, told: (outcome: ProbeOutcome) => void): Check | undefined {
    try {
      return schedule.add(this.#target, this.#intervalMs, told);
    } catch (error) {
      this.#listener.send({ type: "checks.broke", error });
      return undefined;
    }
  }

  #heard(outcome: ProbeOutcome): void {
    this.#observe(this.#server, outcome);
    if (outcome.passed === undefined) return;
    const isNews = this.#last === undefined || !isAlike(outcome, this.#last);
    this.#last = outcome;
    if (isNews || this.#tell === "all") this.#listener.send(resultOf(outcome));
  }
}

/** Whether two verdicts in a row mean the same for a machine that counts only changes. */
function isAlike(one: Verdict, other: Verdict): boolean {
  if (kindOf(one) !== kindOf(other)) return false;
  if (isDecided(one) !== isDecided(other) || !Bun.deepEquals(one.asked, other.asked)) return false;
  const [advice, before] = [adviceOf(one), adviceOf(other)];
  return one.retryAfterMs === other.retryAfterMs && (advice === before || Bun.deepEquals(advice, before));
}

function kindOf(verdict: Verdict): "passed" | "failed" | "leaving" | "unreachable" {
  if (verdict.passed) return "passed";
  if (verdict.leaving === true) return "leaving";
  return verdict.unreachable === true ? "unreachable" : "failed";
}

function isDecided(verdict: Verdict): boolean {
  return !verdict.passed && verdict.decided === true;
}

function resultOf(outcome: Verdict): CheckResult {
  if (outcome.passed) return { type: "probe.passed", verdict: outcome };
  return { type: outcome.leaving === true ? "probe.leaving" : "probe.failed", verdict: outcome };
}

function adviceOf(verdict: Verdict): WeightAdvice | undefined {
  return verdict.passed ? verdict.advice : undefined;
}
