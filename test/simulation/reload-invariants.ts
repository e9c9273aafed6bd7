import type { HealthCheckOptions } from "../../src/config/combination.ts";
import type { VirtualServerContext } from "../../src/actors/virtual-server-context.ts";
import { isServing, type History } from "../../src/desired/member.ts";
import { memberState } from "../../src/actors/members.ts";
import { formatEndpoint } from "../../src/domain/endpoint.ts";
import type { CareEvent } from "../../src/domain/events.ts";
import { describeOperation, type Operation } from "../../src/domain/plan.ts";
import { configurationChange, type VirtualServerConfiguration } from "../../src/domain/virtual-server-configuration.ts";
import type { Behaviour } from "../../src/simulation/behaviour.ts";
import type { Scenario, ScenarioEvent } from "../../src/simulation/scenario.ts";
import type { Simulation, SimulationObserver } from "../../src/simulation/simulation.ts";
import { DecidingChecks } from "./deciding-checks.ts";
import { checksOf, passesAll } from "./http-probe.ts";
import { isShuttingDown, settlesAtAll, weightsOf } from "./invariants.ts";
import { isWrong } from "./random-reloads.ts";
import { lastDisturbance, settlingTime } from "./settling-time.ts";

/** What must hold while the configuration changes: `violations` says where it did not. */
export class ReloadInvariants implements SimulationObserver {
  readonly violations: string[] = [];
  readonly #simulation: Simulation;
  readonly #scenario: Scenario;
  /** Who is listed no more since the daemon started, and since when. */
  readonly #left = new Map<string, number>();
  /** Whom others touched since it left, or before: nobody can know what that was. */
  readonly #touched = new Set<string>();
  /** Whom others touched since the table was read last. */
  readonly #unread = new Set<string>();
  /** When an entry of the table came to weight 0. */
  readonly #zeroedMs = new Map<string, number>();
  /** Open connections of those that the last reading found at weight 0, and not touched since. */
  readonly #counted = new Map<string, number>();
  readonly #histories = new Map<string, History>();
  readonly #checks: DecidingChecks;
  /** Whom nobody ever has a reason to take out. */
  readonly #blameless: Set<string>;
  /** Who has proved itself since the daemon started: at first, a last resort may hold others for a while. */
  readonly #proven = new Set<string>();
  /** The data plane does not work, or others changed the table: until when that may matter. */
  #disturbedUntilMs = 0;
  #writers = 0;
  #isRoundBegun = false;
  #round: Round = { beganMs: 0, listed: new Set(), well: new Set(), serving: false, isWithdrawn: false };
  /** The daemon was there when the virtual server left the configuration, and since then. */
  #isWithdrawn = false;
  #isQuiet = false;
  #before: { readonly context: VirtualServerContext; readonly configuration: VirtualServerConfiguration } | undefined;

  constructor(simulation: Simulation, promised: Scenario) {
    this.#simulation = simulation;
    this.#scenario = promised;
    this.#checks = new DecidingChecks(promised.checks);
    this.#blameless = blamelessIn(simulation);
    simulation.observe(this);
    const settledMs = lastDisturbance(promised) + settlingTime(promised);
    if (!settlesAtAll(simulation) || settledMs > promised.durationMs) return;
    simulation.clock.setTimeout(() => {
      this.#checkSettled();
      this.#isQuiet = true;
    }, settledMs);
  }

  daemonStarted(): void {
    this.#checks.startAfresh();
    this.#proven.clear();
    this.#left.clear();
    this.#counted.clear();
    this.#writers = 0;
    this.#isRoundBegun = false;
    this.#isWithdrawn = false;
  }

  happening(event: ScenarioEvent): void {
    const context = this.#context;
    const { configuration } = this.#simulation;
    const isAtWork = event.kind === "configuration" && context !== undefined && configuration !== undefined;
    this.#before = isAtWork ? { context, configuration } : undefined;
    this.#histories.clear();
    for (const [key, { ref }] of context?.members ?? []) this.#histories.set(key, ref.getSnapshot().context.history);
  }

  happened(event: ScenarioEvent): void {
    if (event.kind === "data-plane" && event.fault.kind !== "works") this.#disturbedUntilMs = Number.POSITIVE_INFINITY;
    else if (event.kind === "data-plane") this.#disturbedUntilMs = this.#now + this.#repairMs;
    // What others did before the start is no disturbance.
    if (event.kind === "others" && event.atMs > 0) {
      const { change } = event;
      this.#disturbedUntilMs = Math.max(this.#disturbedUntilMs, this.#now + this.#repairMs);
      const touched =
        change.kind === "deleteService" ? this.#simulation.scripts.keys() : [formatEndpoint(change.server)];
      for (const key of touched) {
        this.#touched.add(key);
        this.#blameless.delete(key);
        this.#unread.add(key);
        this.#counted.delete(key);
        this.#zeroedMs.delete(key);
      }
    }
    if (event.kind !== "configuration") return;
    if (event.checks !== undefined) {
      this.#checks.change(event.checks);
      if ((this.#before?.context.members.size ?? 0) === 0) this.#checks.startAfresh();
    }
    this.#noteConfiguration(event.checks !== undefined);
  }

  told(event: CareEvent): void {
    if (event.type === "virtualServer.adopted") {
      this.#isRoundBegun = false;
      for (const [key, state] of Object.entries(event.states)) if (state === "healthy") this.#proven.add(key);
      if (this.#isWithdrawn) for (const key of Object.keys(event.states)) this.#left.set(key, this.#now);
    }
    if (event.type === "plan.failed") this.#isRoundBegun = false;
    if (event.type === "plan.applied") this.#isRoundBegun = !event.complete;
    if (event.type === "realServer.restarted") this.#fail("a machine broke", String(event.error));
    if (event.type === "realServer.healthChanged" && event.to === "healthy") this.#proven.add(event.server);
    if (event.type === "probe.accepted") {
      // With nobody left on trial, the configured one is the only one.
      const isByVerdicts = event.passed + event.failed > 0;
      if (isByVerdicts && isWrong(this.#checks.configured))
        this.#fail("a probe that lets nobody serve was taken over", "");
      this.#checks.accepted(isByVerdicts);
    }
    if (event.type === "probe.suspicious") this.#checks.suspicious();
    if (event.type === "realServer.departed") {
      if (!this.#left.has(event.server)) this.#fail("told to have departed without having left", event.server);
      this.#left.delete(event.server);
    }
  }

  reading(): void {
    this.#beginRound();
  }

  read(): void {
    const { servers, connections } = this.#simulation.plane;
    this.#unread.clear();
    this.#counted.clear();
    for (const [key, { weight }] of servers) if (weight === 0) this.#counted.set(key, connections.get(key) ?? 0);
  }

  refusing(): void {
    this.#beginRound();
  }

  applying(): void {
    this.#beginRound();
    this.#writers++;
    if (this.#writers > 1) this.#fail("two writers at once", "a second round began to write");
  }

  applied(): void {
    this.#writers--;
  }

  writing(operation: Operation): void {
    const what = describeOperation(operation);
    const { plane } = this.#simulation;
    if (this.#isQuiet) this.#fail("written when nothing had changed", what);
    if (operation.kind === "service.delete" && !this.#round.isWithdrawn)
      this.#fail("the virtual server was deleted", what);
    if (operation.kind === "service.create" && plane.service !== undefined && !this.#isDisturbed)
      this.#fail("the virtual server was made twice", what);
    this.#checkBlameless(operation, what);
    if (operation.kind === "server.remove") this.#checkRemoval(formatEndpoint(operation.endpoint), what);
    if (operation.kind !== "server.add" && operation.kind !== "server.update") return;
    const key = formatEndpoint(operation.server.endpoint);
    if (operation.server.weight > 0) this.#checkRaise(key, what);
    else if (this.#left.has(key)) this.#checkFarewell(key, what);
  }

  wrote(operation: Operation): void {
    if (operation.kind !== "server.add" && operation.kind !== "server.update") return;
    const key = formatEndpoint(operation.server.endpoint);
    if (operation.server.weight > 0) this.#zeroedMs.delete(key);
    else if (!this.#zeroedMs.has(key)) this.#zeroedMs.set(key, this.#now);
    if (operation.server.weight > 0) this.#counted.delete(key);
  }

  // --- internal: what a configuration changes at once ---

  #noteConfiguration(isReprobed: boolean): void {
    const { configuration } = this.#simulation;
    const context = this.#context;
    const before = this.#before;
    if (before === undefined || context === undefined) return;
    if (configuration === undefined) {
      for (const key of before.context.members.keys()) this.#left.set(key, this.#now);
      this.#isWithdrawn = true;
      return;
    }
    const [was, is] = [namesOf(before.configuration), namesOf(configuration)];
    // Before the table was taken over, who is listed no more has never been cared for.
    for (const key of was) if (!is.has(key) && before.context.members.has(key)) this.#left.set(key, this.#now);
    for (const key of is) {
      this.#left.delete(key);
      this.#touched.delete(key);
    }
    const change = configurationChange(before.configuration, configuration);
    if (change === undefined) {
      // Who is on trial with another probe is as before.
      const isSame = isReprobed ? context.wanted === before.context.wanted : context === before.context;
      if (!isSame && context.members.size > 0) this.#fail("work for a configuration that changes nothing", "");
      return;
    }
    if (before.context.members.size === 0) return;
    for (const key of is) this.#checkKept(key, before.context, context, was.has(key));
    for (const [key, { isLeaving }] of context.members)
      if (isLeaving === is.has(key)) this.#fail("not listed as configured", key);
  }

  #checkKept(key: string, before: VirtualServerContext, after: VirtualServerContext, wasListed: boolean): void {
    const [was, is] = [before.members.get(key), after.members.get(key)];
    if (is === undefined) return this.#fail("a listed one is cared for by nobody", key);
    if (was === undefined) {
      if (wasListed) this.#fail("a listed one was cared for by nobody", key);
      return;
    }
    if (is.ref !== was.ref) return this.#fail("what was known of one that is listed on was forgotten", key);
    const { passes, failures, history, policy } = is.ref.getSnapshot().context;
    if (!sameValues(policy, after.policy)) this.#fail("a machine that goes by an old policy", key);
    const isClipped = passes < policy.rise && failures < policy.fall;
    if (!sameValues(before.policy, after.policy) && !isClipped)
      this.#fail("a count that its threshold cannot have", key);
    if (is.hold !== was.hold) this.#fail("a hold was lost", key);
    if (history !== this.#histories.get(key)) this.#fail("a history was lost", key);
  }

  // --- internal: what is written ---

  #beginRound(): void {
    const context = this.#context;
    if (this.#isRoundBegun || context === undefined) return;
    this.#isRoundBegun = true;
    const { configuration } = this.#simulation;
    const listed = configuration === undefined ? new Set<string>() : namesOf(configuration);
    const members = [...context.members].filter(([key, member]) => isServing(memberState(key, member)));
    const well = new Set(members.map(([key]) => key));
    const serving = [...well].some((key) => listed.has(key));
    this.#round = { beganMs: this.#now, listed, well, serving, isWithdrawn: this.#isWithdrawn };
  }

  /** Every probe that may decide lets it serve. */
  #checkBlameless(operation: Operation, what: string): void {
    const key = endpointOf(operation);
    // Whom a wrong one took out has to come back first.
    if (this.#checks.mayBeWrong) this.#blameless.clear();
    if (key === undefined || !this.#blameless.has(key) || !this.#proven.has(key) || this.#isWithdrawn) return;
    const isOut = !("server" in operation) || operation.server.weight === 0;
    if (isOut && (this.#simulation.plane.servers.get(key)?.weight ?? 0) > 0)
      this.#fail("a good one was taken out while the probe changed", what);
  }

  #checkRemoval(key: string, what: string): void {
    if (this.#unread.has(key)) return;
    const zeroedMs = this.#zeroedMs.get(key);
    if ((this.#simulation.plane.servers.get(key)?.weight ?? 0) > 0)
      this.#fail("removed without having been drained", what);
    const leftMs = this.#left.get(key);
    // A round that began before it left removes whom its checks want gone.
    if (leftMs === undefined || zeroedMs === undefined || this.#round.listed.has(key)) return;
    // The same if it was listed only since then: it was nobody's, or had left before.
    if (leftMs > this.#round.beganMs) return;
    if (this.#touched.has(key)) return;
    const drainedMs = this.#now - Math.max(leftMs, zeroedMs);
    // Of policies that changed meanwhile, the shortest time will do.
    const longEnough = drainedMs >= this.#shortestDrainMs || this.#counted.get(key) === 0;
    if (!longEnough) this.#fail("one that left was cut off", what);
  }

  #checkRaise(key: string, what: string): void {
    const { listed, serving, isWithdrawn } = this.#round;
    if (listed.has(key) && !isWithdrawn) return;
    if (!this.#left.has(key) || this.#touched.has(key)) return;
    if (isWithdrawn || serving) this.#fail("a weight for one that left, while a listed one serves", what);
  }

  /** It loses its clients: somebody who is listed takes them. */
  #checkFarewell(key: string, what: string): void {
    const { serving, isWithdrawn, listed, well } = this.#round;
    const isThere = this.#context?.members.has(key) === true;
    if (isWithdrawn || this.#touched.has(key)) return;
    if (isThere && well.has(key) && !serving) this.#fail("one that left lost its clients to nobody", what);
    const standsIn = [...this.#simulation.plane.servers].some(([other, { weight }]) => listed.has(other) && weight > 0);
    if (serving && !standsIn && !this.#isDisturbed) this.#fail("nobody listed stands in for one that left", what);
  }

  get #shortestDrainMs(): number {
    const { events, options } = this.#scenario;
    const changed = events.flatMap((event) =>
      event.kind === "configuration" ? (event.change?.policy?.drainTimeoutMs ?? []) : [],
    );
    return Math.min(options.policy.drainTimeoutMs, ...changed);
  }

  // --- internal: how it ends ---

  #checkSettled(): void {
    const { plane, configuration, daemon } = this.#simulation;
    const fail = (what: string): void =>
      this.#fail("not as configured when all was over", `${what}; the table: ${plane.table()}`);
    if (this.#isWithdrawn) {
      if (plane.service !== undefined) fail("the virtual server is still there");
      if (daemon?.getSnapshot().status !== "done") fail("its machine has not ended");
      return;
    }
    const context = this.#context;
    if (configuration === undefined || context === undefined) return;
    const { service, realServers, drained, policy, unlisted } = configuration;
    const table = weightsOf(plane.servers);
    if (plane.service?.scheduler !== service.scheduler) fail(`scheduler ${plane.service?.scheduler}`);
    const names = new Map(realServers.map(({ endpoint, weight }) => [formatEndpoint(endpoint), weight]));
    const deciding = this.#deciding([...names.keys()]);
    if (deciding === undefined) return;
    const good = this.#goodBy(deciding, [...names.keys()]);
    const leaving = new Set([...names.keys()].filter((key) => isShuttingDown(this.#simulation, key, this.#now)));
    const free = [...names.keys()].filter((key) => !drained.has(key) && !leaving.has(key));
    const isOpen = good.filter((key) => !drained.has(key)).length * 100 < policy.panicThreshold * free.length;
    const isServed = good.some((key) => !drained.has(key));
    for (const [key, weight] of names) {
      const stands = table.get(key);
      const expected = drained.has(key) ? 0 : weight;
      if (good.includes(key) && stands !== expected) fail(`${key} has weight ${stands} instead of ${expected}`);
      const mayStand = leaving.has(key) && stands === 0;
      if (!good.includes(key) && isServed && !isOpen && stands !== undefined && !mayStand)
        fail(`${key} has weight ${stands}`);
    }
    if (!isServed) return;
    for (const key of this.#left.keys()) fail(`${key} has not departed`);
    if (context.members.size !== names.size) fail(`${[...context.members.keys()].join(", ")} are cared for`);
    const others = [...table.keys()].filter((key) => !names.has(key));
    if (unlisted === "remove" && others.length > 0) fail(`${others.join(", ")} still stand`);
  }

  #goodBy(checks: HealthCheckOptions, keys: readonly string[]): readonly string[] {
    return keys.filter((key) => passesAll(checks, this.#simulation.scripts.get(key)?.at(this.#now)));
  }

  /** The probe that decides in the end; undefined where that cannot be known. */
  #deciding(keys: readonly string[]): HealthCheckOptions | undefined {
    const { configured, only, isTold } = this.#checks;
    // It proved itself.
    if (this.#goodBy(configured, keys).length > 0) {
      if (!isTold) this.#fail("a probe that lets somebody serve was not taken over", "");
      return configured;
    }
    if (only !== undefined && this.#goodBy(only, keys).length > 0 && !isTold)
      this.#fail("a probe that would take out everybody is not suspicious", "");
    return only;
  }

  get #context(): VirtualServerContext | undefined {
    return this.#simulation.daemon?.getSnapshot().children.virtualServer?.getSnapshot().context;
  }

  /** So long it may take until a disturbance is repaired: two intervals, which may have doubled, and a retry. */
  get #repairMs(): number {
    return 4 * this.#scenario.options.policy.intervalMs + 5000;
  }

  get #isDisturbed(): boolean {
    return this.#now < this.#disturbedUntilMs;
  }

  get #now(): number {
    return this.#simulation.clock.now();
  }

  #fail(rule: string, what: string): void {
    this.violations.push(`${this.#now.toFixed(1)}ms: ${rule}: ${what}`);
  }
}

// --- internal ---

interface Round {
  readonly listed: ReadonlySet<string>;
  readonly beganMs: number;
  /** Who was found to serve when it began. */
  readonly well: ReadonlySet<string>;
  /** Somebody who is listed was found to serve when the round began. */
  readonly serving: boolean;
  readonly isWithdrawn: boolean;
}

/** Always listed and never drained, and by every probe that lets anybody serve always good, and told so without any oddity. */
function blamelessIn({ scenario, scripts }: Simulation): Set<string> {
  const { events, options } = scenario;
  const changes = events.flatMap((event) => (event.kind === "configuration" ? (event.change ?? []) : []));
  const lists = [options.realServers, ...changes.flatMap(({ realServers }) => (realServers ? [realServers] : []))];
  const drained = new Set([...options.drained, ...changes.flatMap((change) => [...(change.drained ?? [])])]);
  const checks = checksOf(scenario).filter((one) => !isWrong(one));
  return new Set(
    [...scripts.keys()].filter((key) => {
      const behaviours = events.flatMap((event) =>
        event.kind === "server" && formatEndpoint(event.server) === key
          ? event.phases.map(({ behaviour }) => behaviour)
          : [],
      );
      return (
        !drained.has(key) &&
        lists.every((list) => list.some(({ endpoint }) => formatEndpoint(endpoint) === key)) &&
        behaviours.every((one) => isPlain(one) && checks.every((probe) => passesAll(probe, one)))
      );
    }),
  );
}

function isPlain(behaviour: Behaviour): boolean {
  if (behaviour.kind !== "answers") return false;
  const { keptStatus, closesIdleMs, oneAtATime, halfOpen, trickles } = behaviour;
  return [keptStatus, closesIdleMs, oneAtATime, halfOpen, trickles].every((odd) => odd === undefined || odd === false);
}

function endpointOf(operation: Operation): string | undefined {
  switch (operation.kind) {
    case "server.add":
    case "server.update":
      return formatEndpoint(operation.server.endpoint);
    case "server.remove":
      return formatEndpoint(operation.endpoint);
    default:
      return undefined;
  }
}

function namesOf({ realServers }: VirtualServerConfiguration): ReadonlySet<string> {
  return new Set(realServers.map(({ endpoint }) => formatEndpoint(endpoint)));
}

function sameValues<T extends object>(a: T, b: T): boolean {
  return (Object.keys(a) as (keyof T)[]).every((key) => a[key] === b[key]);
}
