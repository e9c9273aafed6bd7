import { createActor, toPromise } from "xstate";
import type { DaemonActor } from "../actors/daemon-machine.ts";
import { reachStatus, standingOf, virtualServerStatus, wayStatus, type ProcessFacts } from "../actors/status.ts";
import { holdsOf, type VirtualServerActor } from "../actors/virtual-server-machine.ts";
import type { VirtualServerOptions } from "../config/care-options.ts";
import { checkOf } from "../config/combination.ts";
import type { ControlVirtualServer } from "../control/answers.ts";
import type { FailedChecks } from "../control/real-server-report.ts";
import type { DataPlane } from "../dataplane/data-plane.ts";
import { formatEndpoint, type Endpoint } from "../domain/endpoint.ts";
import { describeError } from "../domain/errors.ts";
import type { EventReport } from "../domain/event-record.ts";
import type { CareEvent } from "../domain/events.ts";
import type { ProbeOutcome } from "../domain/health.ts";
import type { Hold, HoldChange } from "../domain/hold.ts";
import type { Logger } from "../domain/logger.ts";
import type { MembersReport } from "../domain/members.ts";
import { withName, type Named } from "../domain/name.ts";
import type { CheckReport, HoldReport } from "../domain/operator.ts";
import type { VirtualServerStatus } from "../domain/status.ts";
import { nameVirtualServer, type NamedVirtualServer } from "../domain/virtual-server-name.ts";
import type { CheckHistory } from "../events/check-history.ts";
import type { RealServer } from "../domain/virtual-server.ts";
import type { EventSource } from "../events/event-bus.ts";
import { Metrics } from "../metrics/metrics.ts";
import { unknownStanding } from "../domain/standing.ts";
import { withCareFacts } from "./care-status.ts";
import { ClientWatch } from "./client-watch.ts";
import { CheckOutcomes } from "./check-outcomes.ts";
import { checkOnce, type CareProcess, type WhoseChecks } from "./care-process.ts";
import { interfaceNames, likelyCulprit, neighbours } from "./culprit.ts";
import { DecidingChecks } from "./deciding-checks.ts";
import { daemonFolder } from "./daemon-sockets.ts";
import { withExpiredAgents } from "./expired-agents.ts";
import { HoldFile, tellHeld, warnOfHeld, type HoldFiles } from "./hold-file.ts";
import { MemberFinding } from "./member-finding.ts";
import { LiveReach } from "./live-reach.ts";
import { Operator } from "./operator.ts";
import type { Preparation } from "./preparation.ts";
import { leavesUnanswered, reachToRetire, type Reach } from "./reach.ts";

/** What each virtual server has of its own: its machines, its holds, its share of reach and its events. */
export class VirtualServerCare implements ControlVirtualServer {
  /** Settles when caring has ended: rejects with what ended it, if it broke. */
  readonly ended: Promise<unknown>;
  readonly metrics: Metrics;
  /** What became of the last checks of each real server. */
  readonly checks: CheckHistory;
  /** By which checks its real servers are judged. */
  readonly deciding: DecidingChecks;
  /** Who finds its members. */
  readonly finding: MemberFinding;
  readonly #process: CareProcess;
  #options: VirtualServerOptions;
  /** The configuration has it no longer. */
  #isLeaving = false;
  readonly #reach: LiveReach;
  readonly #dataPlane: DataPlane;
  readonly #logger: Logger;
  readonly #facts: ProcessFacts;
  readonly #events: EventSource;
  /** How its real servers stand, a check's program, or the real server itself, is told. */
  readonly #whose: WhoseChecks;
  readonly #outcomes: CheckOutcomes;
  readonly #leave: () => void;
  readonly #daemon: DaemonActor;
  readonly #clients: ClientWatch;
  readonly #operator: Operator;

  constructor(
    process: CareProcess,
    options: VirtualServerOptions,
    { selection, reach, logger }: Preparation,
    holdFiles: HoldFiles,
  ) {
    const { dataPlane, because } = selection;
    const { service } = options;
    this.#process = process;
    this.#options = options;
    this.#whose = {
      key: service,
      standingOf: (target) => {
        const supervisor = this.supervisor;
        return supervisor === undefined ? unknownStanding() : standingOf(supervisor, target);
      },
    };
    this.deciding = new DecidingChecks(options, {
      now: process.now,
      checksAs: (one) => process.checksAs(one, this.#whose),
    });
    this.#dataPlane = dataPlane;
    this.#logger = logger;
    this.#facts = {
      ...process.facts,
      dataPlane: {
        kind: dataPlane.kind,
        via: dataPlane.via,
        ...(because !== undefined && { because: because.message }),
      },
    };
    process.listenTo(dataPlane);
    this.metrics = new Metrics();
    this.#events = process.bus.open({
      logger,
      virtualServer: () => this.named,
      nameOf: (address) => this.#options.realServerNames.get(address),
      culprit: () => likelyCulprit(service.endpoint, neighbours(), interfaceNames()),
      letsWait: () => dataPlane.kind === "ipvs" && leavesUnanswered(this.#options),
      count: (event, atMs) => this.metrics.note(event, atMs),
    });
    const { now, certificates } = process;
    this.#outcomes = new CheckOutcomes({
      now,
      events: this.#events,
      certificates,
      impossible: (server) => this.supervisor?.send({ type: "check.impossible", server }),
    });
    this.checks = this.#outcomes.history;
    const holdFile = new HoldFile(daemonFolder(), service);
    const listed = options.realServers.map(({ endpoint }) => formatEndpoint(endpoint));
    const holds = holdFiles.has(holdFile) ? holdFile.read(logger) : new Map<string, Hold>();
    (holdFiles.areLater ? warnOfHeld : tellHeld)(holds, listed, logger);
    this.#reach = new LiveReach(
      reach,
      { looks: process.looks, everyMs: () => this.#options.policy.intervalMs },
      logger,
    );
    const surface = {
      dataPlane,
      schedule: this.deciding.schedule(),
      observe: this.#outcomes.note,
      reach: this.#reach,
    };
    const { machine, leave } = process.machineFor(service, surface);
    this.#leave = leave;
    this.#daemon = createActor(machine, {
      input: { ...options, holds, cleanupOnExit: false, now: process.now },
    });
    this.ended = toPromise(this.#daemon);
    const ports = { status: () => this.status(), events: this.#events, supervisor: () => this.supervisor };
    this.#clients = new ClientWatch({ ...ports, process, daemon: this.#daemon, dataPlane });
    this.finding = new MemberFinding(options, ports);
    this.#operator = new Operator({
      ...ports,
      virtualServer: () => this.named,
      nameOf: (server) => this.#options.realServerNames.get(server),
      keep: (all) => holdFile.write(all),
      probe: (target, signal) => this.#checkOnce(target, signal),
      onTrialFor: (server) => this.deciding.onTrialFor([server]),
      timeOfDay: () => new Date(),
    });
  }

  /** As it is cared for now. */
  get options(): VirtualServerOptions {
    return this.#options;
  }

  /** Decides what stands in the data plane; undefined when it has ended. */
  get supervisor(): VirtualServerActor | undefined {
    return this.#daemon.getSnapshot().children.virtualServer;
  }

  /** How it is called now. */
  get named(): NamedVirtualServer {
    return nameVirtualServer(this.#options.service, this.#options.name);
  }

  get isLeaving(): boolean {
    return this.#isLeaving;
  }

  /** That are listed. */
  get realServers(): readonly Named[] {
    return this.#options.realServers.map(({ endpoint }) =>
      withName({ address: formatEndpoint(endpoint) }, this.#options.realServerNames),
    );
  }

  /** Begins to care. */
  start(): void {
    const emit = (event: CareEvent): void => {
      if (event.type === "probe.accepted") this.deciding.accept();
      this.finding.hear(event);
      this.#events.emit(event);
    };
    const { virtualServer, reach } = this.#daemon.getSnapshot().children;
    // Before they begin: calls into the runtime may let promises settle, and so the table be taken over meanwhile.
    virtualServer?.on("*", emit);
    reach?.on("*", emit);
    this.#daemon.on("*", emit);
    this.#daemon.start();
    this.#clients.follow(this.#options);
  }

  /** Goes on with other options, in place: what is equal in them keeps its state, and causes no write. */
  configure(options: VirtualServerOptions, reach: Reach): void {
    const before = this.#options;
    const returned = returnedIn(this.#isLeaving ? [] : before.realServers, options.realServers);
    this.#options = options;
    this.#isLeaving = false;
    const schedule = this.deciding.configure(options);
    this.#daemon.send({ type: "configure", configuration: options, schedule });
    const supervisor = this.supervisor;
    // Nobody was checked by the one before it.
    if (supervisor?.getSnapshot().context.members.size === 0) this.deciding.accept();
    else if (schedule !== undefined) this.deciding.beginTrial();
    if (!Bun.deepEquals(reachedBy(before), reachedBy(options))) {
      if (reach.remark !== undefined) this.#logger.info(reach.remark);
      this.#reach.change(reach, reachToRetire(before, options, this.#process.reachHost, this.#logger));
    } else if (before.policy.intervalMs !== options.policy.intervalMs) this.#reach.lookAgain();
    this.#clients.follow(options, before);
    if (before.realServers !== options.realServers) {
      const listed = new Set(options.realServers.map(({ endpoint }) => formatEndpoint(endpoint)));
      this.#outcomes.keepOnly(listed, supervisor?.getSnapshot().context.members ?? new Map());
    }
    if (supervisor !== undefined && returned.length > 0) warnOfHeld(holdsOf(supervisor), returned, this.#logger);
  }

  /** Where each of its real servers comes from. */
  members(): MembersReport {
    const { discovery } = this.finding;
    const { networkNamespace } = this.#facts;
    return {
      ...this.named,
      ...(networkNamespace !== undefined && { networkNamespace }),
      ...(discovery && { discovery: discovery.status() }),
      members: this.finding.members(this.#options),
    };
  }

  /** Asks it to drain its real servers, to leave the data plane, and to end. */
  withdraw(): void {
    this.#isLeaving = true;
    this.#daemon.send({ type: "withdraw" });
  }

  /** Asks it to end; the kernel's entries stay. */
  shutDown(): void {
    this.#daemon.send({ type: "shutdown" });
  }

  /** Says what stays behind. */
  tellStopped(): void {
    this.#logger.info(
      this.#dataPlane.kind === "ipvs"
        ? "stopped; the virtual server stays in the kernel as it is"
        : "stopped, and with this process the userspace data plane",
    );
  }

  /** When it has ended: waits for what of its reach is still being made. */
  settled(): Promise<void> {
    return this.#reach.settled();
  }

  /** Forgets its events. */
  close(): void {
    this.finding[Symbol.dispose]();
    this.#clients.close();
    this.#events.close();
    this.#leave();
  }

  /**
   * Reads the table again, so that weights and connections are current. If that fails, the last round's reading is
   * used.
   */
  async status(): Promise<VirtualServerStatus> {
    const { virtualServer, reach } = this.#daemon.getSnapshot().children;
    if (virtualServer === undefined) throw new Error("the daemon is stopping");
    const {
      service,
      reach: { mode },
    } = this.#options;
    const { way } = this.#clients;
    const wayNow = way && wayStatus(way, this.#facts);
    const table = await this.#dataPlane.measure(service).catch(() => virtualServer.getSnapshot().context.table);
    const found = virtualServerStatus(virtualServer, this.#outcomes.last, this.#facts, table, wayNow);
    return withCareFacts(found, {
      options: this.#options,
      isLeaving: this.#isLeaving,
      checks: this.deciding,
      process: this.#process,
      discovery: this.finding.discovery?.status(),
      reach: reach && this.#dataPlane.kind === "ipvs" ? reachStatus(reach, mode, this.#facts) : undefined,
      timeOfDay: this.#facts.timeOfDay,
    });
  }

  /** What happened since the event with this id; `own`: not to the process itself. */
  events(after: number, which: "all" | "own" = "all"): EventReport {
    const { networkNamespace } = this.#facts;
    return {
      ...this.named,
      startedAt: this.#process.run,
      sinceBootMs: this.#process.now(),
      ...(networkNamespace !== undefined && { networkNamespace }),
      events: which === "all" ? this.#events.since(after) : this.#events.ownSince(after),
    };
  }

  /** The last ten times that checks of a real server failed, the last one first. */
  failuresOf(server: string): readonly FailedChecks[] {
    const iso = (ms: number): string => this.#facts.timeOfDay(ms).toISOString();
    return this.checks
      .failuresOf(server)
      .map(({ reason, firstAtMs, lastAtMs, count }) => ({ reason, since: iso(firstAtMs), at: iso(lastAtMs), count }));
  }

  hold(server: string, change: HoldChange, by?: string): Promise<HoldReport> {
    return this.#operator.hold(server, change, by);
  }

  check(server: string, signal: AbortSignal): Promise<CheckReport> {
    return this.#operator.check(server, signal);
  }

  /** Writes down again what is held: its directory may have been made again. */
  keepAgain(): void {
    try {
      this.#operator.keepAgain();
    } catch (error) {
      this.#logger.warn(describeError(error));
    }
  }

  // --- internal ---

  /** As its options say, for whoever asks. */
  #checkOnce(target: Endpoint, signal: AbortSignal): Promise<ProbeOutcome> {
    const server = formatEndpoint(target);
    const options = withExpiredAgents(checkOf(this.#options, server), this.#outcomes.agentsOf(server));
    return checkOnce(options, target, this.#whose, signal);
  }
}

// --- internal ---

/** All that reach depends on. */
function reachedBy({ reach, realServers }: VirtualServerOptions): unknown {
  return [reach, realServers.map(({ endpoint }) => endpoint)];
}

/** Who is listed now and was not before. */
function returnedIn(before: readonly RealServer[], after: readonly RealServer[]): readonly string[] {
  if (before === after) return [];
  const was = new Set(before.map(({ endpoint }) => formatEndpoint(endpoint)));
  return after.map(({ endpoint }) => formatEndpoint(endpoint)).filter((name) => !was.has(name));
}
