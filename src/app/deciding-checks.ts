import type { HealthCheckOptions, HealthChecks, VirtualServerOptions } from "../config/care-options.ts";
import { checkOf, checksAlike } from "../config/combination.ts";
import { describeChecksChange } from "../config/describe-checks-change.ts";
import { formatEndpoint, type Endpoint } from "../domain/endpoint.ts";
import type { CheckSchedule } from "../probe/schedule/check-schedule.ts";
import { listedInBoth } from "./describe-options-change.ts";

export interface DecidingChecksPorts {
  readonly now: () => number;
  /** Checks by these options, with all who do so, too. */
  readonly checksAs: (options: HealthCheckOptions) => CheckSchedule;
}

/**
 * By which checks the real servers of a virtual server are judged: those of its options or, while these are on trial,
 * those before them. When that is over, the machines find out (`actors/probe-trial.ts`).
 */
export class DecidingChecks {
  readonly #ports: DecidingChecksPorts;
  /** By which the newest schedule checks: one that it replaces goes on by those before. */
  #newest: CheckedAs;
  #deciding: HealthChecks;
  /** Of the options' checks, while others decide. */
  #trialSinceMs: number | undefined;

  constructor(options: VirtualServerOptions, ports: DecidingChecksPorts) {
    this.#ports = ports;
    this.#newest = checkedAs(options);
    this.#deciding = checksIn(options);
  }

  /** Those that decide. */
  get current(): HealthChecks {
    return this.#deciding;
  }

  /** Since when those of the options are on trial; undefined where they decide. */
  get trialSinceMs(): number | undefined {
    return this.#trialSinceMs;
  }

  /** How those of the options differ from those that decide; empty where they decide themselves. */
  get onTrial(): readonly string[] {
    return this.onTrialFor(this.#newest.listed);
  }

  /** The same for these real servers, by their formatted endpoints. */
  onTrialFor(servers: Iterable<string>): readonly string[] {
    if (this.#trialSinceMs === undefined) return [];
    return describeChecksChange(this.#deciding, this.#newest.options, [...servers]);
  }

  /** Each real server is checked as the options say when its checks begin, until another schedule is tried. */
  schedule(): CheckSchedule {
    const known = new WeakMap<HealthCheckOptions, CheckSchedule>();
    const as = this.#newest;
    const checksBy = (target: Endpoint): HealthCheckOptions => {
      const server = formatEndpoint(target);
      // Who joins with a check of its own has none before it.
      const own = as.listed.has(server) ? undefined : this.#newest.options.realServerProbes?.get(server);
      return own ?? checkOf(as.options, server);
    };
    return {
      checksBy,
      add: (target, intervalMs, report) => {
        const options = checksBy(target);
        const schedule = known.get(options) ?? this.#ports.checksAs(options);
        known.set(options, schedule);
        return schedule.add(target, intervalMs, report);
      },
    };
  }

  /** Goes on with other options. The schedule that is to be tried for them; undefined where they check alike. */
  configure(options: VirtualServerOptions): CheckSchedule | undefined {
    const before = this.#newest.options;
    const as = checkedAs(options);
    if (checksAlike(before, options, listedInBoth(before, options))) {
      Object.assign(this.#newest, as);
      // Who joins with a check of its own is judged by that.
      if (this.#trialSinceMs === undefined) this.#deciding = checksIn(options);
      return undefined;
    }
    this.#newest = as;
    return this.schedule();
  }

  /** Those of the options have yet to prove themselves. */
  beginTrial(): void {
    this.#trialSinceMs = this.#ports.now();
  }

  /** Those of the options decide from now on. */
  accept(): void {
    this.#deciding = checksIn(this.#newest.options);
    this.#trialSinceMs = undefined;
  }
}

// --- internal ---

/** What a schedule goes by. */
interface CheckedAs {
  options: VirtualServerOptions;
  listed: ReadonlySet<string>;
}

function checkedAs(options: VirtualServerOptions): CheckedAs {
  return { options, listed: new Set(options.realServers.map(({ endpoint }) => formatEndpoint(endpoint))) };
}

function checksIn({ probe, realServerProbes }: HealthChecks): HealthChecks {
  return { probe, ...(realServerProbes && { realServerProbes }) };
}
