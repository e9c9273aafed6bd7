import { probeEvent, type ProbeObserver } from "../actors/checks.ts";
import type { LastChecks, TimedLack, TimedVerdict } from "../actors/status.ts";
import type { CheckPart, Verdict } from "../domain/health.ts";
import { CheckHistory } from "../events/check-history.ts";
import type { EventSource } from "../events/event-bus.ts";
import type { CertificateNews } from "./certificate-news.ts";
import { CheckRequests } from "./check-requests.ts";
import type { KnownAgents } from "./expired-agents.ts";

export interface CheckOutcomesPorts {
  readonly now: () => number;
  readonly events: Pick<EventSource, "emit">;
  readonly certificates: Pick<CertificateNews, "note">;
  /** A real server could not be checked twice in a row, and nothing is known of it yet. */
  readonly impossible: (server: string) => void;
}

/**
 * What the checks of each real server of a virtual server found, by its formatted endpoint. It is kept beside the
 * machines, which only get verdicts that may change something: for status, for operators and for events.
 */
export class CheckOutcomes {
  /** What became of the last ones of each. */
  readonly history = new CheckHistory();
  readonly #ports: CheckOutcomesPorts;
  readonly #verdicts = new Map<string, TimedVerdict>();
  /** Those that could not be checked the last time. */
  readonly #lacking = new Map<string, TimedLack>();
  /** What each check of those found that are checked by several. */
  readonly #parts = new Map<string, readonly CheckPart[]>();
  readonly #requests = new CheckRequests();
  /** Real servers with agents that are not heard any more. */
  readonly #unheardAgents = new Set<string>();

  constructor(ports: CheckOutcomesPorts) {
    this.#ports = ports;
  }

  readonly note: ProbeObserver = (server, outcome) => {
    const { now, events, certificates } = this.#ports;
    const atMs = now();
    this.history.note(server, outcome, atMs);
    if (outcome.checks !== undefined) this.#parts.set(server, outcome.checks);
    else if (outcome.passed !== undefined) this.#parts.delete(server);
    if (outcome.passed === undefined) this.#noteLack(server, outcome.reason, atMs);
    else {
      this.#lacking.delete(server);
      this.#verdicts.set(server, { verdict: outcome, atMs });
      this.#noteAgent(server, outcome, atMs);
      this.#noteRequest(server, outcome, atMs);
      if (outcome.certificate !== undefined) certificates.note(server, outcome.certificate);
    }
    events.emit(probeEvent(server, outcome), atMs);
  };

  get last(): LastChecks {
    return { verdicts: this.#verdicts, lacking: this.#lacking, checks: this.#parts, requests: this.#requests };
  }

  agentsOf(server: string): KnownAgents {
    return { isUnheard: this.#unheardAgents.has(server), parts: this.#parts.get(server) ?? [] };
  }

  /**
   * Only these are listed: what others asked for, and what became of their checks, is forgotten. What was found last is
   * kept of those in `staying`, too, which are not listed but still in service.
   */
  keepOnly(listed: ReadonlySet<string>, staying: { has(server: string): boolean }): void {
    this.#requests.keepOnly(listed);
    this.history.keepOnly(listed);
    for (const found of [this.#verdicts, this.#lacking, this.#parts, this.#unheardAgents])
      for (const server of found.keys()) if (!listed.has(server) && !staying.has(server)) found.delete(server);
  }

  // --- internal ---

  #noteLack(server: string, reason: string, atMs: number): void {
    const known = this.#lacking.get(server);
    // The first time may be the last.
    if (known !== undefined && !this.#verdicts.has(server)) this.#ports.impossible(server);
    this.#lacking.set(server, { reason, sinceMs: known?.sinceMs ?? atMs });
  }

  #noteAgent(server: string, { expired }: Verdict, atMs: number): void {
    const { events } = this.#ports;
    if (expired === undefined) {
      if (this.#unheardAgents.delete(server)) events.emit({ type: "agent.heard", server }, atMs);
    } else if (!this.#unheardAgents.has(server)) {
      this.#unheardAgents.add(server);
      events.emit({ type: "agent.expired", server, reason: expired }, atMs);
    }
  }

  #noteRequest(server: string, verdict: Verdict, atMs: number): void {
    const news = this.#requests.note(server, verdict, atMs);
    if (news === undefined) return;
    const { asks, reason } = news;
    this.#ports.events.emit({ type: "realServer.asked", server, asks, reason }, atMs);
  }
}
