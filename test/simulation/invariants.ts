import type { HttpProbeOptions } from "../../src/config/care-options.ts";
import { formatEndpoint } from "../../src/domain/endpoint.ts";
import type { CareEvent } from "../../src/domain/events.ts";
import type { RealServerState, Verdict } from "../../src/domain/health.ts";
import { describeOperation, type Operation } from "../../src/domain/plan.ts";
import type { RealServer } from "../../src/domain/virtual-server.ts";
import { CHECK_PACE } from "../../src/probe/schedule/check-scheduler.ts";
import { hasSentinel, httpProbesOf, passesAll, saysGoodbye } from "./http-probe.ts";
import type { Behaviour } from "../../src/simulation/behaviour.ts";
import type { Scenario, ScenarioEvent } from "../../src/simulation/scenario.ts";
import type { Simulation, SimulationObserver } from "../../src/simulation/simulation.ts";
import { startPosition, step, tenths, type ChartEvent, type ChartPosition } from "../support/health-chart.ts";
import { lastDisturbance, settlingTime } from "./settling-time.ts";

/**
 * What must hold at every write and at every moment of a simulation, known from verdicts, reads and writes alone: `violations` says
 * where it did not. The state chart in here is the test's own.
 */
export class Invariants implements SimulationObserver {
  readonly violations: string[] = [];
  readonly #simulation: Simulation;
  readonly #scenario: Scenario;
  /** As configured, by formatted endpoint. */
  readonly #weights: ReadonlyMap<string, number>;
  /** Who took an entry of the table to weight 0, and when. */
  readonly #zeroed = new Map<string, Zeroing>();
  /** The weights that others gave to those whom nobody lists. */
  readonly #strangers = new Map<string, number>();
  /** Strangers that were sent away, with the weights they had since and may get back. */
  readonly #departing = new Map<string, Set<number>>();
  /** What others touched since a round last read the table: nobody can know of that. */
  readonly #touched = new Set<string>();
  /** Strangers whose last change nobody could have read: written over at once, or to the weight 0 that we had given them. */
  readonly #unseen = new Set<string>();
  #writers = 0;
  /** When the last verdict came. */
  #verdictAtMs = 0;
  #life = newLife();
  /** What a round seems to have missed that began at the very moment of a verdict; it counts once that round has read. */
  #doubtful: string[] = [];
  /** Our own writes since a round last began, by formatted endpoint; undefined: removed. */
  readonly #written = new Map<string, number | undefined>();
  /** Since a round last ended: one that reads begins with that, others with their first write. */
  #isRoundBegun = false;
  #round: Round = { members: new Map(), held: undefined, holder: "fail-open", table: new Map(), isProven: false };
  #isQuiet = false;

  /** `promised`: what is to hold, where that is not what the simulation was told. */
  constructor(simulation: Simulation, promised: Scenario = simulation.scenario) {
    this.#simulation = simulation;
    this.#scenario = promised;
    const { realServers } = this.#scenario.options;
    this.#weights = new Map(realServers.map(({ endpoint, weight }) => [formatEndpoint(endpoint), weight]));
    simulation.observe(this);
    const settledMs = lastDisturbance(this.#scenario) + settlingTime(this.#scenario);
    if (!settlesAtAll(simulation) || settledMs > this.#scenario.durationMs) return;
    simulation.clock.setTimeout(() => {
      this.#checkSettled();
      this.#isQuiet = true;
    }, settledMs);
  }

  daemonStarted(): void {
    this.#life = newLife();
    this.#departing.clear();
    this.#writers = 0;
    this.#isRoundBegun = false;
  }

  happened(event: ScenarioEvent): void {
    if (event.kind !== "others") return;
    const { change } = event;
    if (change.kind === "deleteService") {
      for (const key of [...this.#weights.keys(), ...this.#strangers.keys()]) this.#touched.add(key);
      this.#zeroed.clear();
      this.#strangers.clear();
      return;
    }
    const key = formatEndpoint(change.server);
    this.#touched.add(key);
    this.#unseen.delete(key);
    this.#zeroed.delete(key);
    if (change.kind === "put" && change.weight === 0) this.#unseen.add(key);
    if (change.kind === "put" && change.weight === 0) this.#zeroed.set(key, { byUs: false, atMs: this.#now });
    if (change.kind === "delete") this.#strangers.delete(key);
    else if (!this.#weights.has(key)) this.#strangers.set(key, change.weight);
  }

  told(event: CareEvent): void {
    switch (event.type) {
      case "virtualServer.adopted":
        return this.#adopt(event.states, event.existed);
      case "realServer.probed":
        return this.#noteVerdict(event.server, event.verdict);
      case "realServer.healthChanged":
        return this.#noteTransition(event.server, event.from, event.to);
      case "failOpen.entered":
        this.#forgetLetGo();
        if (!this.#isBelow() || !this.#mayFailOpen(this.#life.letGo.size > 0)) this.#failOpenFailed("without need");
        this.#checkHeld(event.retained);
        this.#life.held = new Set(event.retained);
        return;
      case "failOpen.left":
        if (this.#isBelow()) this.#failOpenFailed("ended too early");
        this.#letGo();
        return;
      case "lastResort.entered":
        this.#life.isLastResort = true;
        if (this.#life.held !== undefined) this.#fail("a last resort without need", "fail-open decides");
        if (!sameKeys(event.retained, this.#lastOnes()))
          this.#fail("the last resort held the wrong ones", event.retained.join(", "));
        return;
      case "lastResort.left":
        this.#life.isLastResort = false;
        return;
      case "plan.failed":
        // Of two verdicts of one moment it may have known the first, and it changed nothing.
        this.#doubtful = [];
        // It may have ended with its first write.
        if (this.#life.isAdopted && !this.#isRoundBegun) this.#beginRound();
        this.#isRoundBegun = false;
        this.#life.counted.clear();
        return;
      case "plan.applied":
        if (!this.#isRoundBegun) this.#beginRound(this.#verdictAtMs === this.#now);
        // That it failed is told besides.
        this.#isRoundBegun = !event.complete;
        this.#noteCounts(event.complete);
        // Kept and seen with a weight, they are their owners' again.
        if (!this.#sendsAway())
          for (const [key, weight] of this.#round.table) if (weight > 0) this.#departing.delete(key);
        return;
      case "realServer.restarted":
        return this.#fail("a machine broke", String(event.error));
      default:
    }
  }

  reading(): void {
    if (!this.#life.isAdopted || this.#isRoundBegun) return;
    const before = this.violations.length;
    this.#beginRound();
    if (this.#verdictAtMs === this.#now) this.#doubtful = this.violations.splice(before);
  }

  read(): void {
    this.violations.push(...this.#doubtful.splice(0));
    const { counted, isAdopted } = this.#life;
    const { service, servers, connections } = this.#simulation.plane;
    this.#life.lastRead = { existed: service !== undefined, weights: weightsOf(servers) };
    if (!isAdopted) return;
    counted.clear();
    for (const [key, { weight }] of servers) counted.set(key, weight === 0 && (connections.get(key) ?? 0) === 0);
    for (const key of this.#life.letGo.keys()) if (!servers.has(key)) this.#life.letGo.set(key, "gone");
    this.#touched.clear();
    this.#written.clear();
    this.#round = { ...this.#round, table: weightsOf(servers) };
    this.#sendAway();
  }

  applying(operations: readonly Operation[]): void {
    if (!this.#isRoundBegun) this.#beginRound();
    this.#writers++;
    if (this.#writers > 1) this.#fail("two writers at once", "a second round began to write");
    for (const operation of operations)
      if ("server" in operation && operation.server.weight > 0) this.#invite(formatEndpoint(operation.server.endpoint));
  }

  /** It began with what was known then: by the time that it is told to have failed, more may be. */
  refusing(): void {
    if (!this.#isRoundBegun) this.#beginRound();
  }

  applied(): void {
    this.#writers--;
  }

  writing(operation: Operation): void {
    const what = describeOperation(operation);
    if (this.#isQuiet) this.#fail("written when nothing had changed", what);
    if (operation.kind === "service.delete") this.#fail("the virtual server was deleted", what);
    if (operation.kind === "server.remove") this.#checkRemoval(formatEndpoint(operation.endpoint), what);
    if (operation.kind === "server.add") this.#checkAddition(formatEndpoint(operation.server.endpoint), what);
    if (operation.kind === "server.add" || operation.kind === "server.update")
      this.#checkWeight(operation.server, what);
  }

  wrote(operation: Operation): void {
    if (operation.kind === "server.remove") {
      this.#written.set(formatEndpoint(operation.endpoint), undefined);
      this.#zeroed.delete(formatEndpoint(operation.endpoint));
      this.#life.letGo.delete(formatEndpoint(operation.endpoint));
    }
    if (operation.kind !== "server.add" && operation.kind !== "server.update") return;
    const key = formatEndpoint(operation.server.endpoint);
    this.#written.set(key, operation.server.weight);
    if (this.#touched.has(key)) this.#unseen.add(key);
    if (operation.server.weight > 0) this.#zeroed.delete(key);
    else if (!this.#zeroed.has(key)) this.#zeroed.set(key, { byUs: true, atMs: this.#now });
  }

  // --- internal: what is written ---

  /** What it is to establish is settled now; or was, before the last of several verdicts of one moment came. */
  #beginRound(mayBeOlder = false): void {
    this.#isRoundBegun = true;
    const { members, held } = this.#life;
    for (const [key, { due, position }] of members)
      if (due !== undefined) this.#fail("a transition did not come", `${key} stays ${position.state}`);
    this.#forgetLetGo();
    if (!mayBeOlder) {
      this.#checkFailOpen();
      this.#checkLastResort();
    }
    for (const [key, { position }] of members)
      if (position.state === "healthy" || position.state === "draining") held?.add(key);
    const table = new Map(this.#round.table);
    for (const [key, weight] of this.#written) {
      if (weight === undefined) table.delete(key);
      else table.set(key, weight);
    }
    this.#written.clear();
    this.#round = {
      members: new Map([...members].map(([key, member]) => [key, this.#standing(member)])),
      held: held === undefined ? this.#life.lastOnes : new Set(held),
      holder: held === undefined ? "the last resort" : "fail-open",
      table,
      isProven: this.#isProven(),
    };
    this.#sendAway();
  }

  /** Strangers with a weight, as far as this round knows. */
  #sendAway(): void {
    if (!this.#sendsAway()) return;
    for (const [key, weight] of this.#round.table)
      if (weight > 0 && !this.#weights.has(key))
        this.#departing.set(key, (this.#departing.get(key) ?? new Set()).add(weight));
  }

  /** What a reading found is known when its round has ended; of one that did not do all that it should, it need not be. */
  #noteCounts(isComplete: boolean): void {
    const { members, counted } = this.#life;
    for (const [key, isEmpty] of counted) {
      const member = members.get(key);
      if (member !== undefined) member.isEmpty = isEmpty || (!isComplete && member.isEmpty);
    }
    counted.clear();
  }

  /** From now on it may have clients, whether or not the write arrives. */
  #invite(key: string): void {
    const { members, counted } = this.#life;
    const member = members.get(key);
    if (member !== undefined) member.isEmpty = false;
    if (counted.has(key)) counted.set(key, false);
  }

  #checkRemoval(key: string, what: string): void {
    if (this.#touched.has(key)) return;
    const { members, held, holder, table } = this.#round;
    const zeroed = this.#zeroed.get(key);
    if ((table.get(key) ?? 0) > 0 || zeroed === undefined) this.#fail("removed without having been drained", what);
    if (!this.#weights.has(key)) {
      this.#checkStranger(what);
      // The rounds are an interval apart at the most, and timers may be early: half of one is asked for.
      const isOurDrain = zeroed?.byUs === true && zeroed.atMs >= this.#life.startedAtMs;
      if (isOurDrain && this.#now - zeroed.atMs < this.#policy.intervalMs / 2)
        this.#fail("a stranger went too early", what);
      return;
    }
    if (members.get(key)?.tenths.length !== 0) this.#fail("removed although it should stand there", what);
    if (held?.has(key)) this.#fail(`${holder} did not hold`, what);
    this.#checkLetGo(key, zeroed, what);
  }

  /** Whom fail-open held has clients: it drains like one that has just failed. */
  #checkLetGo(key: string, zeroed: Zeroing | undefined, what: string): void {
    const member = this.#round.members.get(key);
    if (this.#life.letGo.get(key) !== "stands" || member === undefined || zeroed?.byUs !== true) return;
    const forMs = this.#now - zeroed.atMs;
    if (forMs < this.#policy.intervalMs / 2) this.#fail("one that fail-open had held went too early", what);
    const isWaitedFor = this.#policy.drain === "connections" && !member.isUnreachable;
    if (isWaitedFor && !member.isEmpty && forMs < this.#policy.drainTimeoutMs)
      this.#fail("one that fail-open had held was cut off", what);
  }

  #checkAddition(key: string, what: string): void {
    const { members, held } = this.#round;
    if (!this.#touched.has(key) && members.get(key)?.tenths.length === 0 && held?.has(key) !== true)
      this.#fail("made although it should be absent", what);
  }

  #checkWeight({ endpoint, weight }: RealServer, what: string): void {
    const key = formatEndpoint(endpoint);
    if (this.#touched.has(key)) return;
    if (this.#simulation.plane.servers.get(key)?.weight === weight)
      this.#fail("written when nothing had changed", what);
    const full = this.#weights.get(key);
    if (full === undefined) return this.#checkStrangersWeight(key, weight, what);
    const { members, held, holder } = this.#round;
    if (held?.has(key)) {
      if (weight !== full) this.#fail(`${holder} did not hold`, what);
      return;
    }
    const { state = "nothing", tenths = [] } = members.get(key) ?? {};
    const asked = tenths.length === 0 ? [0] : tenths.map((part) => Math.ceil((full * part) / 10));
    if (!asked.includes(weight)) this.#fail(`a weight that ${state} does not ask for`, what);
  }

  #checkStrangersWeight(key: string, weight: number, what: string): void {
    if (!this.#simulation.plane.servers.has(key)) this.#fail("a stranger was made", what);
    if (weight === 0) this.#checkStranger(what);
    else if (this.#departing.get(key)?.has(weight) !== true)
      this.#fail("a stranger got a weight that was not its own", what);
  }

  #sendsAway(): boolean {
    return this.#round.isProven && this.#scenario.options.unlisted !== "keep";
  }

  #checkStranger(what: string): void {
    if (this.#scenario.options.unlisted === "keep") this.#fail("a stranger was touched that is to be kept", what);
    if (!this.#round.isProven) this.#fail("a stranger was sent away before one of ours had proven itself", what);
  }

  #isProven(): boolean {
    const isTrusted = this.#scenario.options.initState === "up";
    return [...this.#life.members.values()].some(
      ({ position, everPassed }) => position.state === "healthy" && (everPassed || isTrusted),
    );
  }

  // --- internal: what is decided ---

  #adopt(states: Readonly<Record<string, RealServerState>>, existed: boolean): void {
    const life = this.#life;
    const { lastRead } = life;
    const { initState } = this.#scenario.options;
    if (lastRead?.existed !== existed) this.#fail("adopted what was not read", `existed: ${existed}`);
    for (const [key, state] of Object.entries(states)) {
      const weight = lastRead?.weights.get(key);
      const standing = weight === undefined ? "removed" : weight === 0 ? "draining" : "healthy";
      const expected = initState === "up" ? "healthy" : existed ? standing : "recovering";
      if (state !== expected) this.#fail("adopted wrongly", `${key} as ${state} instead of ${expected}`);
      life.members.set(key, {
        position: startPosition(state, initState === "down" && !existed),
        due: undefined,
        sinceMs: this.#now,
        everPassed: false,
        isJudged: state !== "recovering",
        isEmpty: false,
        mayGo: false,
        isUnreachable: false,
        isSayingGoodbye: false,
        isTakenAtItsWord: false,
        isChecked: false,
        hasServed: state === "healthy",
        out: undefined,
      });
    }
    life.isAdopted = true;
    life.startedAtMs = this.#now;
  }

  #noteVerdict(server: string, verdict: Verdict): void {
    const member = this.#life.members.get(server);
    if (member === undefined) return this.#fail("a check of nobody", server);
    if (!verdict.passed && isAlwaysGood(this.#simulation, server)) {
      this.#fail("a good server failed its check", `${server}: ${verdict.reason}`);
    }
    this.#verdictAtMs = this.#now;
    member.isJudged = true;
    member.isChecked = true;
    member.everPassed ||= verdict.passed;
    member.hasServed ||= verdict.passed;
    const before = member.position;
    const isLate = this.#now - member.sinceMs >= this.#policy.drainTimeoutMs;
    const isUnreachable = !verdict.passed && verdict.unreachable === true;
    member.isUnreachable = isUnreachable;
    member.isSayingGoodbye = !verdict.passed && verdict.leaving === true;
    member.isTakenAtItsWord = !verdict.passed && (verdict.leaving === true || verdict.atOnce === true);
    member.position = step(before, chartEvent(verdict, isLate), this.#policy);
    // Who has nobody left to wait for may go; that it must is not said, for whoever counts may forget.
    member.mayGo = !verdict.passed && member.isEmpty;
    if (member.position.step === 1 && before.step === 0) member.sinceMs = this.#now;
    if (member.position.state !== before.state) member.due = { from: before.state, to: member.position.state };
  }

  #noteTransition(server: string, from: RealServerState, to: RealServerState): void {
    const member = this.#life.members.get(server);
    if (member === undefined) return this.#fail("a transition of nobody", server);
    const { position, due } = member;
    const hasClimbed =
      position.step > 0 && to === "healthy" && this.#now - member.sinceMs >= 0.9 * this.#policy.slowStartMs - 1;
    const mayGo = position.state === "draining" && to === "removed" && member.mayGo;
    if (hasClimbed) member.position = { ...position, state: to, step: 0 };
    else if (mayGo) member.position = { ...position, state: to };
    else if (due?.from !== from || due.to !== to) {
      this.#fail(
        "a transition that the state chart does not know",
        `${server} ${from} → ${to}, ${position.passes} passed, ${position.failures} failed`,
      );
    }
    member.due = undefined;
    member.mayGo = false;
    member.sinceMs = this.#now;
    if (to === "draining") this.#checkPace(server, member, from);
  }

  /** From one time out of service to the next there are so many checks, and each but one has its pause before it. */
  #checkPace(server: string, member: Member, from: RealServerState): void {
    const { rise, intervalMs, fastIntervalMs, downIntervalMs } = this.#policy;
    // While it climbs, the first failed check takes it out.
    const fall = from === "recovering" ? 1 : this.#policy.fall;
    // A check may start with one that is due a twentieth of its interval earlier.
    const pauseMs = Math.min(intervalMs, fastIntervalMs, downIntervalMs) * (1 - CHECK_PACE.jitter);
    if (member.out !== undefined && !losesConnections(this.#scenario, server)) {
      // A kept connection that ends hurries the next check, and the first good check ever is followed by a part of its pause only.
      const hurried = hasSentinel(this.#scenario) ? 1 : 0;
      const spread = member.out.everPassed ? 0 : 1;
      const leastMs = (fall + rise - 1 - hurried - spread) * pauseMs - 1;
      const tookMs = this.#now - member.out.atMs;
      // One word of the server's is enough for that: see `Verdict`.
      if (tookMs < leastMs && !member.isTakenAtItsWord)
        this.#fail("out of service again too soon", `${server} after ${tookMs}ms instead of ${leastMs}ms`);
    }
    member.out = { atMs: this.#now, everPassed: member.everPassed };
  }

  #checkFailOpen(): void {
    const isOpen = this.#life.held !== undefined;
    if (isOpen && !this.#isBelow()) this.#failOpenFailed("without need");
    if (!isOpen && this.#isBelow() && this.#mayFailOpen(false)) this.#failOpenFailed("did not begin");
  }

  #isBelow(): boolean {
    // Who says that it shuts down has not failed.
    const counted = [...this.#life.members.values()].filter(({ isSayingGoodbye }) => !isSayingGoodbye).length;
    return this.#inState("healthy").length * 100 < this.#policy.panicThreshold * counted;
  }

  /** Whether enough is known for that. `hasOthers`: somebody is in service whom no check has there. */
  #mayFailOpen(hasOthers: boolean): boolean {
    const members = [...this.#life.members.values()];
    const isSomebody = hasOthers || this.#inService().length > 0 || this.#stillHeld().length > 0;
    return members.every(({ isJudged, isChecked }) => isJudged && (isSomebody || isChecked));
  }

  /** Those that the last resort held until now; one that climbs is in service by neither. */
  #stillHeld(): string[] {
    return [...this.#life.lastOnes].filter((key) => {
      const position = this.#life.members.get(key)?.position;
      return position !== undefined && tenths(position) === undefined;
    });
  }

  #failOpenFailed(how: string): void {
    const healthy = this.#inState("healthy").length;
    this.#fail(`fail-open ${how}`, `${healthy} of ${this.#life.members.size} healthy`);
  }

  #checkHeld(held: readonly string[]): void {
    const everyone = [...this.#life.members.keys()];
    const inService = this.#inService();
    // Whoever still drains from the last time is in service, too; when that is over is for the supervisor to know.
    const may = new Set([...inService, ...this.#life.letGo.keys(), ...this.#life.lastOnes]);
    // Who says that it shuts down drains on purpose.
    const isStaying = (key: string): boolean => this.#life.members.get(key)?.isSayingGoodbye !== true;
    const must = [...inService, ...this.#stillHeld()].filter(isStaying);
    const isRight = held.length > 0 && must.every((key) => held.includes(key)) && held.every((key) => may.has(key));
    const isEveryone = must.length === 0 && held.length === everyone.filter(isStaying).length;
    if (!isRight && !isEveryone) this.#fail("fail-open held the wrong ones", held.join(", "));
    this.#life.letGo.clear();
  }

  /** Those that are better than nobody, by their checks alone; none while somebody is good. */
  #lastOnes(): ReadonlySet<string> {
    const { members, held } = this.#life;
    const all = [...members];
    const isAnybodyGood = all.some(([, { position }]) => position.state === "healthy" || position.step > 0);
    if (!this.#policy.lastResort || held !== undefined || isAnybodyGood) return new Set();
    const last = all.filter(([, { hasServed, isChecked, isUnreachable }]) => hasServed && isChecked && !isUnreachable);
    return new Set(last.map(([key]) => key));
  }

  #checkLastResort(): void {
    const life = this.#life;
    const before = life.lastOnes;
    life.lastOnes = this.#lastOnes();
    for (const key of before) {
      const position = life.members.get(key)?.position;
      const isHeld = life.lastOnes.has(key) || life.held?.has(key) === true;
      if (!isHeld && position !== undefined && isUnwell(position)) life.letGo.set(key, "stands");
    }
    for (const key of life.lastOnes) life.letGo.delete(key);
    const isExpected = life.lastOnes.size > 0;
    if (life.isLastResort === isExpected) return;
    this.#fail(
      isExpected ? "the last resort did not begin" : "a last resort without need",
      [...life.lastOnes].join(", ") || "there is nobody, or somebody is good",
    );
  }

  #inService(): readonly string[] {
    return this.#inState("healthy", "draining");
  }

  #inState(...states: readonly RealServerState[]): readonly string[] {
    const members = [...this.#life.members];
    return members.filter(([, { position }]) => states.includes(position.state)).map(([key]) => key);
  }

  #letGo(): void {
    const life = this.#life;
    for (const key of life.held ?? []) {
      const position = life.members.get(key)?.position;
      if (position !== undefined && isUnwell(position)) life.letGo.set(key, "stands");
    }
    life.held = undefined;
  }

  /** Whom a round finds well: who is so only until the next one begins gets no weight by that. */
  #forgetLetGo(): void {
    const { members, letGo } = this.#life;
    for (const key of letGo.keys()) {
      const member = members.get(key);
      if (member === undefined || !isUnwell(member.position)) letGo.delete(key);
    }
  }

  #standing(member: Member): Standing {
    const { position, isEmpty, isUnreachable } = member;
    return { state: position.state, tenths: this.#parts(member), isEmpty, isUnreachable };
  }

  #parts({ position, sinceMs }: Member): readonly number[] {
    const part = tenths(position);
    if (part === undefined) return [];
    if (position.step === 0) return [part];
    // Timers of a process that is held up are late: any step that there was time for will do.
    const steps = 1 + Math.floor((this.#now - sinceMs) / (this.#policy.slowStartMs / 10) + 1e-6);
    return Array.from({ length: Math.min(9, steps) }, (_, index) => index + 1);
  }

  // --- internal: how it ends ---

  #checkSettled(): void {
    const { service, servers } = this.#simulation.plane;
    const { options } = this.#scenario;
    const table = weightsOf(servers);
    const fail = (what: string): void =>
      this.#fail("not as desired when all was over", `${what}; the table: ${this.#simulation.plane.table()}`);
    if (service?.scheduler !== options.service.scheduler) fail("no virtual server");
    const good = [...this.#weights.keys()].filter((key) => isGood(this.#simulation, key, this.#now));
    const leaving = new Set(
      [...this.#weights.keys()].filter((key) => isShuttingDown(this.#simulation, key, this.#now)),
    );
    const isOpen = good.length * 100 < this.#policy.panicThreshold * (this.#weights.size - leaving.size);
    for (const [key, full] of this.#weights) {
      const isLast = !isOpen && good.length === 0 && this.#isLastOne(key);
      const isHeld = isLast || (isOpen && this.#life.held?.has(key) === true);
      const expected = good.includes(key) || isHeld ? full : undefined;
      // It stays where it was, at weight 0, for as long as it says so.
      if (leaving.has(key) && !isLast && [undefined, 0, isHeld ? full : 0].includes(table.get(key))) continue;
      if (table.get(key) !== expected) fail(`${key} has weight ${table.get(key)} instead of ${expected}`);
    }
    if (isOpen && table.size === 0) fail("fail-open with nobody in service");
    for (const [key, weight] of this.#strangers) {
      const stands = table.get(key);
      if (options.unlisted === "keep" && stands !== weight)
        fail(`the kept ${key} has weight ${stands} instead of ${weight}`);
      if (options.unlisted === "remove" && good.length > 0 && stands !== undefined)
        fail(`the stranger ${key} still stands`);
      // One that an earlier life of the daemon drained is not known any more for what it was.
      const isForgotten = (this.#zeroed.get(key)?.atMs ?? Number.POSITIVE_INFINITY) < this.#life.startedAtMs;
      const isKnown = !isForgotten && !this.#unseen.has(key);
      if (good.length === 0 && stands !== undefined && stands !== weight && isKnown) {
        fail(`the stranger ${key} did not get its weight back`);
      }
    }
  }

  /** By what the server does, and not by what its checks say. */
  #isLastOne(key: string): boolean {
    const kind = this.#simulation.scripts.get(key)?.at(this.#now).kind;
    const hasServed = this.#life.members.get(key)?.hasServed === true;
    return this.#policy.lastResort && hasServed && (kind === "answers" || kind === "hangs");
  }

  get #now(): number {
    return this.#simulation.clock.now();
  }

  get #policy(): Scenario["options"]["policy"] {
    return this.#scenario.options.policy;
  }

  #fail(rule: string, what: string): void {
    this.violations.push(`${this.#now.toFixed(1)}ms: ${rule}: ${what}`);
  }
}

// --- internal ---

function chartEvent(verdict: Verdict, isLate: boolean): ChartEvent {
  if (verdict.passed) return { type: "passes", isAtOnce: verdict.atOnce === true };
  if (verdict.leaving === true) return { type: "leaves" };
  const { unreachable, atOnce } = verdict;
  return { type: "fails", isUnreachable: unreachable === true, isLate, isAtOnce: atOnce === true };
}

interface Zeroing {
  readonly byUs: boolean;
  readonly atMs: number;
}

interface Member {
  position: ChartPosition;
  /** What must be reported before anything else happens. */
  due: { readonly from: RealServerState; readonly to: RealServerState } | undefined;
  /** Of its state, or of its climb. */
  sinceMs: number;
  everPassed: boolean;
  isJudged: boolean;
  /**
   * The last reading that found it found it at weight 0 without connections, and nobody set out to give it a weight since. That is so of
   * what stands in the table, not of a state: who is well for a moment that no round writes down has no clients of that.
   */
  isEmpty: boolean;
  mayGo: boolean;
  /** By its last check. */
  isUnreachable: boolean;
  /** The same: it says that it shuts down. */
  isSayingGoodbye: boolean;
  /** The same, or its failure counts at once. */
  isTakenAtItsWord: boolean;
  isChecked: boolean;
  /** A check found it good, or it stood with a weight when the daemon came. */
  hasServed: boolean;
  /** When it was taken out the last time. */
  out: { readonly atMs: number; readonly everPassed: boolean } | undefined;
}

/** From one start of the daemon to its end. */
interface Life {
  readonly members: Map<string, Member>;
  /** Whom the reading of the running round found, and whether at weight 0 without connections. */
  readonly counted: Map<string, boolean>;
  isAdopted: boolean;
  startedAtMs: number;
  lastRead: { readonly existed: boolean; readonly weights: ReadonlyMap<string, number> } | undefined;
  held: Set<string> | undefined;
  /**
   * Those that fail-open held until it ended, as long as rounds find that they are to have no new clients: whether they have stood all
   * the time since. Of one that has not the supervisor need not know, as long as it cannot write.
   */
  readonly letGo: Map<string, "stands" | "gone">;
  /** As told. */
  isLastResort: boolean;
  /** Whom the last resort is to hold, since the running round began. */
  lastOnes: ReadonlySet<string>;
}

interface Standing {
  readonly state: RealServerState;
  /** Parts of its weight that it may have, in tenths; empty: it is to be absent. */
  readonly tenths: readonly number[];
  readonly isEmpty: boolean;
  readonly isUnreachable: boolean;
}

/** Each end of a kept connection hurries a check: of a server that loses or closes them there may be many. */
function losesConnections({ events }: Scenario, server: string): boolean {
  return events.some(
    (event) =>
      event.kind === "server" &&
      formatEndpoint(event.server) === server &&
      event.phases.some(
        ({ behaviour }) =>
          behaviour.kind === "answers" && (behaviour.halfOpen === true || behaviour.closesIdleMs !== undefined),
      ),
  );
}

/** What was known when the running round began. */
interface Round {
  readonly members: ReadonlyMap<string, Standing>;
  readonly held: ReadonlySet<string> | undefined;
  readonly holder: "fail-open" | "the last resort";
  readonly table: ReadonlyMap<string, number>;
  readonly isProven: boolean;
}

/** It is to have no new clients. */
function isUnwell(position: ChartPosition): boolean {
  return (tenths(position) ?? 0) === 0;
}

function newLife(): Life {
  return {
    members: new Map(),
    counted: new Map(),
    isAdopted: false,
    startedAtMs: 0,
    lastRead: undefined,
    held: undefined,
    letGo: new Map(),
    isLastResort: false,
    lastOnes: new Set(),
  };
}

function sameKeys(keys: readonly string[], others: ReadonlySet<string>): boolean {
  return keys.length === others.size && keys.every((key) => others.has(key));
}

export function weightsOf(servers: ReadonlyMap<string, RealServer>): Map<string, number> {
  return new Map([...servers].map(([key, { weight }]) => [key, weight]));
}

/** Whether there is an end of all disturbance: servers that go on as they are, and a data plane that works. */
export function settlesAtAll({ scenario, scripts }: Simulation): boolean {
  const lastFault = scenario.events.findLast((event) => event.kind === "data-plane");
  const endMs = lastDisturbance(scenario);
  const areSteady = [...scripts.values()].every(
    (script) =>
      script.nextChange(endMs) === Number.POSITIVE_INFINITY &&
      httpProbesOf(scenario).every((probe) => isSteady(script.at(endMs), probe)),
  );
  return areSteady && (lastFault === undefined || lastFault.fault.kind === "works");
}

function isAlwaysGood(simulation: Simulation, server: string): boolean {
  const script = simulation.scripts.get(server);
  return (
    script?.nextChange(0) === Number.POSITIVE_INFINITY &&
    isGood(simulation, server, 0) &&
    httpProbesOf(simulation.scenario).every((probe) => isSteady(script.at(0), probe))
  );
}

type Told = Pick<Simulation, "scripts" | "scenario">;

/** By what the server does: it says so, at the first request of a connection. */
export function isShuttingDown({ scripts, scenario }: Told, server: string, ms: number): boolean {
  const behaviour = scripts.get(server)?.at(ms);
  // Several checks together are not told such words here.
  return scenario.checks.type === "http" && saysGoodbye(scenario.checks, behaviour);
}

export function isGood({ scripts, scenario }: Told, server: string, ms: number): boolean {
  return passesAll(scenario.checks, scripts.get(server)?.at(ms));
}

/** Whether its checks have the same end each time: a check that must ask twice, or wait for another connection to end, may run out of time. */
function isSteady(behaviour: Behaviour, { sentinel, connectTimeoutMs, timeoutMs }: HttpProbeOptions): boolean {
  if (behaviour.kind !== "answers" || !sentinel) return true;
  const { afterMs, keptStatus, oneAtATime } = behaviour;
  if (oneAtATime === true && connectTimeoutMs / 2 + afterMs + 2 >= timeoutMs) return false;
  return keptStatus === undefined || 2 * (afterMs + 1) < timeoutMs;
}
