import type { ProbeOutcome } from "../../domain/health.ts";
import type { AnswerListener, Report } from "./check-schedule.ts";
import type { Due } from "../due-queue.ts";
import type { Probe } from "../prober.ts";
import type { PacedCheck } from "./server-pace.ts";

/** The checks of one real server as the scheduler keeps them. */
export class ScheduledCheck implements Due, PacedCheck {
  /** Its formatted endpoint. */
  readonly server: string;
  readonly report: Report;
  /** The probe's reports go through this. */
  readonly told: (outcome: ProbeOutcome) => void;
  intervalMs: number;
  /** The part of the interval, 0 to 1, that it waits after its first good probe; undefined after that. */
  spread: number | undefined;
  /** By how much it comes later than its place in the interval. */
  behindMs = 0;
  dueMs = 0;
  /** From this moment on it may start together with others that are due. */
  earliestMs = 0;
  position = -1;
  startedAtMs: number | undefined;
  /** When its last one ended, with whatever result. */
  resultAtMs: number | undefined;
  /** In a row, up to now. */
  failures = 0;
  /** Since when it waits for others to end; undefined while it does not. */
  waitsSinceMs: number | undefined;
  /** The moment that its server's pace gave it. */
  slotMs: number | undefined;
  isRunning = false;
  /** See `Prober`. */
  isBeside = false;
  discarded = 0;
  stopped = false;
  /** Clients got no answer. `isAsked`: a probe began after that. `wells`: who waits for one that passes. */
  doubt: { readonly wells: readonly (() => void)[]; isAsked: boolean } | undefined;

  /** How long its good answers take, on average of the last ones; undefined before the first. */
  usualMs: number | undefined;
  /** Its answer is waited for since then. `isMissingAfterMs`: it took too long, and that was told. */
  awaited:
    | {
        readonly by: Set<AnswerListener>;
        readonly sinceMs: number;
        timer: unknown;
        isMissingAfterMs: number | undefined;
      }
    | undefined;

  readonly #open: () => Probe;
  #probe: Probe | undefined;

  constructor(
    server: string,
    open: () => Probe,
    intervalMs: number,
    report: Report,
    told: (outcome: ProbeOutcome) => void,
    spread: number,
  ) {
    this.server = server;
    this.#open = open;
    this.intervalMs = intervalMs;
    this.report = report;
    this.told = told;
    this.spread = spread;
  }

  /** Opened at its first check: ten thousand of them would keep a start from writing what is to be served. */
  get probe(): Probe {
    return (this.#probe ??= this.#open());
  }

  close(): void {
    this.#probe?.close();
  }
}

/**
 * The place of the n-th check in the interval: multiples of the golden ratio spread evenly for any number of checks.
 */
export function spread(index: number, phase: number): number {
  return (phase + (index + 1) * 0.618_033_988_749_895) % 1;
}
