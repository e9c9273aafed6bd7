import type { ExecProbeOptions } from "../../config/probe-kinds/exec.ts";
import { formatDuration } from "../../domain/duration.ts";
import { formatEndpoint, type Endpoint } from "../../domain/endpoint.ts";
import type { ProbeOutcome } from "../../domain/health.ts";
import type { Clock } from "../clock.ts";
import type { Probe, Prober } from "../prober.ts";
import type { RunningScript, ScriptResult, Scripts } from "./scripts.ts";

export interface ExecPorts {
  readonly scripts: Scripts;
  /** The virtual server that is checked for, as it is named to people. */
  readonly virtualServer: string;
  readonly clock: Pick<Clock, "now">;
}

/** Probes by a program: it gets what is checked in its environment, and its exit code is the verdict. */
export function createExecProber(options: ExecProbeOptions, ports: ExecPorts): Prober {
  return { open: (target) => new ExecProbe(options, ports, target) };
}

/** What a script's end says of the real server. */
export function verdictOf(
  { exitCode, output, isLate, lacking }: ScriptResult,
  { exitCode: meaning, timeoutMs }: Pick<ExecProbeOptions, "exitCode" | "timeoutMs">,
): Told {
  if (lacking !== undefined) return { passed: undefined, reason: lacking };
  const said = firstLine(output);
  if (isLate) {
    const late = `timed out after ${formatDuration(timeoutMs)}`;
    return { passed: false, reason: said === undefined ? late : `${late}: ${said}` };
  }
  if (exitCode === undefined) return { passed: false, reason: said ?? "ended by a signal" };
  const reason = said ?? `exit code ${exitCode}`;
  if (exitCode === 0) return { passed: true, reason };
  if (meaning === "health" || exitCode === 1) return { passed: false, reason };
  return { passed: true, reason, advice: { weight: exitCode - 2 } };
}

// --- internal ---

type WithoutTimes<Outcome> = Outcome extends unknown ? Omit<Outcome, "latencyMs" | "timings"> : never;
type Told = WithoutTimes<ProbeOutcome>;

/** Where programs are looked for that a script starts by their names. */
const PATH = "/usr/sbin:/usr/bin:/sbin:/bin";

const LONGEST_REASON = 200;

class ExecProbe implements Probe {
  readonly #options: ExecProbeOptions;
  readonly #ports: ExecPorts;
  readonly #environment: Readonly<Record<string, string>>;
  #running: RunningScript | undefined;
  /** One that did not end in its time may still run: there are never two of one check. */
  #isRunning = false;
  /** A check that waits for that. */
  #next: ((outcome: ProbeOutcome) => void) | undefined;

  constructor(options: ExecProbeOptions, ports: ExecPorts, target: Endpoint) {
    this.#options = options;
    this.#ports = ports;
    this.#environment = {
      PATH,
      ...Object.fromEntries(options.environment),
      LVSCARE_VIRTUAL_SERVER: ports.virtualServer,
      LVSCARE_REAL_SERVER: formatEndpoint(target),
      LVSCARE_ADDRESS: target.address,
      LVSCARE_PORT: String(target.port),
    };
  }

  check(tell: (outcome: ProbeOutcome) => void): void {
    if (this.#isRunning) this.#next = tell;
    else this.#start(tell);
  }

  close(): void {
    this.#next = undefined;
    this.#running?.kill();
  }

  // --- internal ---

  #start(tell: (outcome: ProbeOutcome) => void): void {
    const { command, directory, timeoutMs } = this.#options;
    const { scripts, clock } = this.#ports;
    const startedMs = clock.now();
    const script = { argv: command, environment: this.#environment, directory, timeoutMs };
    const done = (result: ScriptResult): void => {
      const latencyMs = clock.now() - startedMs;
      tell({ ...verdictOf(result, this.#options), latencyMs });
    };
    this.#isRunning = true;
    this.#running = scripts.run(script, done, () => {
      this.#isRunning = false;
      const next = this.#next;
      this.#next = undefined;
      if (next !== undefined) this.#start(next);
    });
  }
}

/** The first line with something in it, as it may stand in a log. */
function firstLine(output: string): string | undefined {
  const line = output
    .split("\n")
    .map((text) => text.replaceAll(/\p{Cc}+/gu, " ").trim())
    .find((text) => text !== "");
  return line === undefined || line.length <= LONGEST_REASON ? line : `${line.slice(0, LONGEST_REASON)}…`;
}
