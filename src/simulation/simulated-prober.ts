import type { HttpProbeOptions } from "../config/care-options.ts";
import { formatEndpoint, type Endpoint } from "../domain/endpoint.ts";
import type { ProbeOutcome } from "../domain/health.ts";
import type { Clock } from "../probe/clock.ts";
import type { Probe, Prober } from "../probe/prober.ts";
import type { ServerScript } from "./behaviour.ts";
import { checkServer, endOfConnection, type Finding, type Suspicion } from "./check-server.ts";

/** Checks scripted servers as the HTTP prober would check real ones, with a kept connection where the options say so. */
export class SimulatedProber implements Prober {
  readonly #scripts: ReadonlyMap<string, ServerScript>;
  readonly #options: HttpProbeOptions;
  readonly #clock: Clock;
  readonly #endMs: number;

  /** Nothing after `endMs` is looked at. */
  constructor(scripts: ReadonlyMap<string, ServerScript>, options: HttpProbeOptions, clock: Clock, endMs: number) {
    this.#scripts = scripts;
    this.#options = options;
    this.#clock = clock;
    this.#endMs = endMs;
  }

  open(target: Endpoint, suspect: () => void): Probe {
    const script = this.#scripts.get(formatEndpoint(target));
    if (script === undefined) throw new Error(`no script for ${formatEndpoint(target)}`);
    return new SimulatedProbe(script, this.#options, this.#clock, this.#endMs, suspect);
  }
}

// --- internal ---

class SimulatedProbe implements Probe {
  readonly #script: ServerScript;
  readonly #options: HttpProbeOptions;
  readonly #clock: Clock;
  readonly #endMs: number;
  readonly #suspect: () => void;
  /** Rings when the check under way is answered. */
  #answer: unknown;
  /** Rings when the kept connection ends. */
  #sentinel: unknown;
  #suspicion: Suspicion | undefined;

  constructor(script: ServerScript, options: HttpProbeOptions, clock: Clock, endMs: number, suspect: () => void) {
    this.#script = script;
    this.#options = options;
    this.#clock = clock;
    this.#endMs = endMs;
    this.#suspect = suspect;
  }

  check(tell: (outcome: ProbeOutcome) => void): void {
    const startedAtMs = this.#clock.now();
    this.close();
    const finding = checkServer(this.#script, startedAtMs, this.#options, this.#suspicion);
    this.#suspicion = undefined;
    this.#answer = this.#clock.setTimeout(() => this.#finish(finding, startedAtMs, tell), finding.afterMs);
  }

  close(): void {
    this.#clock.clearTimeout(this.#answer);
    this.#clock.clearTimeout(this.#sentinel);
    this.#answer = undefined;
    this.#sentinel = undefined;
  }

  // --- internal ---

  #finish(
    { passed, reason, isUnreachable }: Finding,
    startedAtMs: number,
    tell: (outcome: ProbeOutcome) => void,
  ): void {
    this.#answer = undefined;
    if (passed && this.#options.sentinel) this.#keepConnection();
    const latencyMs = this.#clock.now() - startedAtMs;
    if (passed) tell({ passed, reason, latencyMs });
    else tell({ passed, reason, latencyMs, ...(isUnreachable && { unreachable: true }) });
  }

  #keepConnection(): void {
    const nowMs = this.#clock.now();
    const end = endOfConnection(this.#script, nowMs, this.#options, this.#endMs);
    if (end === undefined) return;
    this.#sentinel = this.#clock.setTimeout(() => {
      this.#sentinel = undefined;
      this.#suspicion = end.suspicion;
      this.#suspect();
    }, end.atMs - nowMs);
  }
}
