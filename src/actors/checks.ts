import { fromCallback, type ActorRef, type CallbackActorLogic, type Snapshot } from "xstate";
import type { Endpoint } from "../domain/endpoint.ts";
import { throwFailures } from "../domain/errors.ts";
import type { CareEvent } from "../domain/events.ts";
import type { ProbeOutcome, Verdict } from "../domain/health.ts";
import type { Check, CheckSchedule } from "../probe/check-schedule.ts";

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
  | { readonly type: "stop"; readonly server: string };

export type CheckResult =
  | { readonly type: "probe.passed"; readonly verdict: Extract<Verdict, { passed: true }> }
  | { readonly type: "probe.failed"; readonly verdict: Extract<Verdict, { passed: false }> }
  /** It is not checked any more. A listener must not look healthy because of that. */
  | { readonly type: "checks.broke"; readonly error: unknown };

export type CheckListener = ActorRef<Snapshot<unknown>, CheckResult>;

/** Gets the outcome of every probe of a real server, by its formatted endpoint, before a machine decides by it. */
export type ProbeObserver = (server: string, outcome: ProbeOutcome) => void;

/**
 * Has real servers probed for as long as it lasts, and sends each machine the outcomes that matter to it. `observe`
 * gets every outcome: of a thousand good servers' checks, the machines need none. There is one actor for all servers,
 * because one for each would take as much memory as the machine that it serves.
 */
export function checks(schedule: CheckSchedule, observe: ProbeObserver): CallbackActorLogic<CheckCommand> {
  return fromCallback(({ receive }) => {
    const underWay = new Map<string, ServerChecks>();
    const obey = (command: CheckCommand): void => {
      const { server } = command;
      const current = underWay.get(server);
      switch (command.type) {
        case "start":
          current?.stop();
          underWay.set(server, new ServerChecks(command, schedule, observe));
          return;
        case "pace":
          return current?.pace(command.intervalMs, command.tell);
        case "probeNow":
          return current?.probeNow();
        case "stop":
          current?.stop();
          underWay.delete(server);
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

class ServerChecks {
  readonly #server: string;
  readonly #listener: CheckListener;
  readonly #observe: ProbeObserver;
  readonly #check: Check | undefined;
  #tell: Telling = "all";
  #last: VerdictKind | undefined;

  constructor(
    { server, target, intervalMs, listener }: Extract<CheckCommand, { type: "start" }>,
    schedule: CheckSchedule,
    observe: ProbeObserver,
  ) {
    this.#server = server;
    this.#listener = listener;
    this.#observe = observe;
    try {
      this.#check = schedule.add(target, intervalMs, (outcome) => this.#heard(outcome));
    } catch (error) {
      listener.send({ type: "checks.broke", error });
    }
  }

  pace(intervalMs: number, tell: Telling): void {
    this.#tell = tell;
    this.#check?.setInterval(intervalMs);
  }

  probeNow(): void {
    this.#check?.probeNow();
  }

  stop(): void {
    this.#check?.stop();
  }

  #heard(outcome: ProbeOutcome): void {
    this.#observe(this.#server, outcome);
    if (outcome.passed === undefined) return;
    const kind = outcome.passed ? "passed" : outcome.unreachable === true ? "unreachable" : "failed";
    const isNews = kind !== this.#last;
    this.#last = kind;
    if (isNews || this.#tell === "all") this.#listener.send(resultOf(outcome));
  }
}

type VerdictKind = "passed" | "failed" | "unreachable";

function resultOf(outcome: Verdict): CheckResult {
  return outcome.passed ? { type: "probe.passed", verdict: outcome } : { type: "probe.failed", verdict: outcome };
}
