import type { ExecProbeOptions } from "../../config/probe-kinds/exec.ts";
import { formatDuration } from "../../domain/duration.ts";
import { formatEndpoint, type Endpoint } from "../../domain/endpoint.ts";
import type { ProbeOutcome } from "../../domain/health.ts";
import type { Clock } from "../clock.ts";
import type { Probe, Prober } from "../prober.ts";
import type { Standing } from "../../domain/standing.ts";
import { firstLine, readScriptWords, type ScriptWords } from "./script-output.ts";
import { MOST_OUTPUT, type RunningScript, type ScriptResult, type Scripts } from "./scripts.ts";

/** Runs programs: see `Scripts`. */
export type ScriptRunner = Pick<Scripts, "run">;

export interface ExecPorts {
  readonly scripts: ScriptRunner;
  /** The virtual server that is checked for, as it is named to people. */
  readonly virtualServer: string;
  /** How a real server stands at the moment. */
  readonly standingOf: (target: Endpoint) => Pick<Standing, "state" | "weight">;
  readonly clock: Pick<Clock, "now">;
}

/** Probes by a program: it gets what is checked in its environment, and its exit code is the verdict. */
export function createExecProber(options: ExecProbeOptions, ports: ExecPorts): Prober {
  return { open: (target) => new ExecProbe(options, ports, target) };
}

/** What a script's end says of the real server. */
export function verdictOf(
  { exitCode, output, signal, isCut, isLate, lacking }: ScriptResult,
  { exitCode: meaning, output: form, timeoutMs }: Pick<ExecProbeOptions, "exitCode" | "output" | "timeoutMs">,
): Told {
  if (lacking !== undefined) return { passed: undefined, reason: lacking };
  const said = firstLine(output);
  if (isLate) {
    const late = `timed out after ${formatDuration(timeoutMs)}`;
    return { passed: false, reason: said === undefined ? late : `${late}: ${said}` };
  }
  if (exitCode === undefined) {
    const ended = `ended by ${signal ?? "a signal"}`;
    return { passed: false, reason: said === undefined ? ended : `${ended}: ${said}` };
  }
  if (form === "json" && exitCode === 0) {
    if (isCut === true) return { passed: false, reason: `its output is longer than ${MOST_OUTPUT >> 10} KiB` };
    return verdictOfWords(readScriptWords(output));
  }
  const reason = (form === "json" ? undefined : said) ?? `exit code ${exitCode}`;
  if (exitCode === 0) return { passed: true, reason };
  if (meaning === "health" || exitCode === 1) return { passed: false, reason };
  const weight = exitCode - 2;
  return { passed: true, reason: `${reason}, weight ${weight}`, advice: { weight } };
}

// --- internal ---

type WithoutTimes<Outcome> = Outcome extends unknown ? Omit<Outcome, "latencyMs" | "timings"> : never;
type Told = WithoutTimes<ProbeOutcome>;

/** Where programs are looked for that a script starts by their names. */
const PATH = "/usr/sbin:/usr/bin:/sbin:/bin";

function verdictOfWords(words: ScriptWords | string): Told {
  if (typeof words === "string") return { passed: false, reason: words };
  const { isHealthy, reason: said = isHealthy ? "healthy" : "not healthy", advice, slip } = words;
  const reason =
    slip === undefined ? said : `${said}; its output has "${slip.key}", which means nothing: is it ${slip.meant}?`;
  return isHealthy ? { passed: true, reason, ...(advice && { advice }) } : { passed: false, reason };
}

class ExecProbe implements Probe {
  readonly #options: ExecProbeOptions;
  readonly #ports: ExecPorts;
  readonly #target: Endpoint;
  readonly #environment: Readonly<Record<string, string>>;
  #running: RunningScript | undefined;
  /** One that did not end in its time may still run: there are never two of one check. */
  #isRunning = false;
  /** A check that waits for that. */
  #next: ((outcome: ProbeOutcome) => void) | undefined;

  constructor(options: ExecProbeOptions, ports: ExecPorts, target: Endpoint) {
    this.#options = options;
    this.#ports = ports;
    this.#target = target;
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
    const { command, directory, user, timeoutMs } = this.#options;
    const { scripts, standingOf, clock } = this.#ports;
    const startedMs = clock.now();
    const { state, weight } = standingOf(this.#target);
    const environment = { ...this.#environment, LVSCARE_STATE: state, LVSCARE_WEIGHT: String(weight) };
    const script = { argv: command, environment, directory, user, timeoutMs };
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
