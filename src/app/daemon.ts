import { createActor, toPromise } from "xstate";
import { bootClock, openTcpSocket, sendToUnixSocket, watchSilence } from "#native";
import type { DaemonActor } from "../actors/daemon-machine.ts";
import { LatestVerdicts } from "../actors/latest-verdicts.ts";
import { probeEvent } from "../actors/probe-loop.ts";
import { reachStatus, virtualServerStatus, type ProcessFacts } from "../actors/status.ts";
import type { CareOptions } from "../config/care-options.ts";
import { makeRuntimeDirectory, runtimeDirectory, socketPath } from "../control/runtime-directory.ts";
import { serveWeb } from "../control/web-server.ts";
import { serveControl, type AnswerSources, type ControlServer } from "../control/server.ts";
import type { DataPlane } from "../dataplane/data-plane.ts";
import type { Selection } from "../dataplane/select.ts";
import { formatEndpoint, type Endpoint } from "../domain/endpoint.ts";
import { describeError } from "../domain/errors.ts";
import type { EventReport } from "../domain/event-record.ts";
import type { CareEvent } from "../domain/events.ts";
import type { ProbeOutcome } from "../domain/health.ts";
import type { Logger } from "../domain/logger.ts";
import type { VirtualServerStatus } from "../domain/status.ts";
import type { ServiceKey } from "../domain/virtual-server.ts";
import { Metrics } from "../metrics/metrics.ts";
import { CHECK_PACE, CheckScheduler } from "../probe/check-scheduler.ts";
import { createHttpProber } from "../probe/http/http-prober.ts";
import { PathWatch } from "../reach/path-watch.ts";
import { careMachine } from "./care-machine.ts";
import { interfaceNames, likelyCulprit, neighbours } from "./culprit.ts";
import { daemonFolder } from "./daemon-sockets.ts";
import { createEventLog } from "./event-log.ts";
import { EventRing } from "./event-ring.ts";
import { HoldFile } from "./hold-file.ts";
import { Operator } from "./operator.ts";
import type { Reach } from "./reach.ts";
import { serviceManager } from "./service-manager.ts";
import { VERSION } from "./version.ts";

/** Who watches a daemon from inside its process. */
export interface DaemonObserver {
  /** It runs, and can be asked. */
  running?(status: () => Promise<VirtualServerStatus>): void;
  event?(event: CareEvent): void;
}

/** Cares for a virtual server until `stop` is aborted. What stands in the kernel stays when it ends. */
export async function runDaemon(
  options: CareOptions,
  { dataPlane, because }: Selection,
  reach: Reach,
  stop: AbortSignal,
  logger: Logger,
  observer: DaemonObserver = {},
): Promise<void> {
  const now = bootClock();
  const facts: ProcessFacts = {
    version: VERSION,
    pid: process.pid,
    startedAtMs: now(),
    timeOfDay: (ms) => new Date(Date.now() - (now() - ms)),
    dataPlane: { kind: dataPlane.kind, via: dataPlane.via, ...(because !== undefined && { because: because.message }) },
  };
  using paths = options.probe.sentinel ? new PathWatch({ now }) : undefined;
  const watchPath = paths && paths.watch.bind(paths);
  const schedule = new CheckScheduler({
    prober: createHttpProber(options.probe, { openTcpSocket, watchSilence, watchPath }),
    clock: { now, setTimeout, clearTimeout: (timer) => clearTimeout(timer as Timer) },
    random: Math.random,
    ...CHECK_PACE,
    stalled: (forMs) => tell({ type: "process.stalled", forMs }),
  });
  const manager = serviceManager({ environment: process.env, pid: process.pid, send: sendToUnixSocket });
  const verdicts = new LatestVerdicts(now);
  const culprit = (): string => likelyCulprit(options.service.endpoint, neighbours(), interfaceNames());
  const metrics = new Metrics(now);
  const log = createEventLog(logger, culprit);
  const ring = new EventRing(
    (own) => createEventLog(own, culprit),
    () => new Date(),
  );
  const tell = (event: CareEvent): void => {
    log(event);
    ring.note(event);
    metrics.note(event);
    manager.event(event);
    observer.event?.(event);
  };
  const observe = (target: Endpoint, outcome: ProbeOutcome): void => {
    verdicts.note(target, outcome);
    tell(probeEvent(target, outcome));
  };
  const holdFile = new HoldFile(daemonFolder(), options.service);
  const listed = options.realServers.map(({ endpoint }) => formatEndpoint(endpoint));
  const holds = holdFile.readListed(listed, logger);
  const daemon = createActor(careMachine(dataPlane, schedule, observe, reach), {
    input: {
      service: options.service,
      realServers: options.realServers,
      policy: options.policy,
      initState: options.initState,
      holds,
      foreign: options.keepForeign ? "keep" : "remove",
      cleanupOnExit: false,
      now,
    },
  });
  const address = formatEndpoint(options.service.endpoint);
  const startedAt = facts.timeOfDay(facts.startedAtMs).toISOString();
  const sources = {
    status: () => currentStatus(daemon, verdicts, dataPlane, facts, options),
    events: (after: number): EventReport => ({ address, startedAt, events: ring.after(after) }),
    metrics: async (status: VirtualServerStatus) => metrics.render(status, await eventLoopLagMs()),
  };
  // An address that cannot be had is a mistake in the options: nothing has begun yet.
  const web = options.httpListen === undefined ? undefined : serveWeb(options.httpListen, sources);
  const ended = toPromise(daemon);
  daemon.start();
  const { virtualServer, reach: reachActor } = daemon.getSnapshot().children;
  virtualServer?.on("*", tell);
  reachActor?.on("*", tell);
  daemon.on("*", tell);
  observer.running?.(sources.status);
  const operator =
    virtualServer &&
    new Operator(
      {
        supervisor: virtualServer,
        status: sources.status,
        keep: (all) => holdFile.write(all),
        probe: (target, signal) => probeOnce(options.probe, target, signal),
        timeOfDay: () => new Date(),
      },
      holds,
    );
  const control =
    operator &&
    (await openControl(
      options.service,
      {
        ...sources,
        hold: (server, change) => operator.hold(server, change),
        check: (server, signal) => operator.check(server, signal),
      },
      logger,
    ));
  const shutDown = (): void => {
    manager.stopping();
    daemon.send({ type: "shutdown" });
  };
  stop.addEventListener("abort", shutDown, { once: true });
  if (stop.aborted) shutDown();
  try {
    await ended;
    logger.info(
      dataPlane.kind === "ipvs"
        ? "stopped; the virtual server stays in the kernel as it is"
        : "stopped, and with this process the userspace data plane",
    );
  } finally {
    manager.close();
    await web?.close();
    await control?.close();
  }
}

// --- internal ---

/** How late what is due at once gets its turn. */
function eventLoopLagMs(): Promise<number> {
  const dueMs = performance.now();
  return new Promise((resolve) => setImmediate(() => resolve(performance.now() - dueMs)));
}

/** One check over a connection of its own, beside those of the schedule. */
async function probeOnce(options: CareOptions["probe"], target: Endpoint, signal: AbortSignal): Promise<ProbeOutcome> {
  const alone = { ...options, sentinel: false, freshConnection: true };
  const probe = createHttpProber(alone, { openTcpSocket, watchSilence }).open(target, () => undefined);
  try {
    return await probe.run(signal);
  } finally {
    probe.close();
  }
}

/** The table is read afresh, so that weights and connections are those of this moment; where that fails, the last reading serves. */
async function currentStatus(
  daemon: DaemonActor,
  verdicts: LatestVerdicts,
  dataPlane: DataPlane,
  facts: ProcessFacts,
  { service, reach: options }: CareOptions,
): Promise<VirtualServerStatus> {
  const { virtualServer, reach } = daemon.getSnapshot().children;
  if (virtualServer === undefined) throw new Error("the daemon is stopping");
  const table = await dataPlane.read(service).catch(() => virtualServer.getSnapshot().context.observed);
  return {
    ...virtualServerStatus(virtualServer, verdicts, facts, table),
    ...(reach && dataPlane.kind === "ipvs" && { reach: reachStatus(reach, options.mode, facts) }),
  };
}

/** A daemon whose socket cannot be made still does its work: that is worth a warning, not an outage. */
async function openControl(
  key: ServiceKey,
  sources: AnswerSources,
  logger: Logger,
): Promise<ControlServer | undefined> {
  const uid = process.getuid?.() ?? 0;
  const directory = runtimeDirectory(process.env, uid);
  try {
    makeRuntimeDirectory(directory, uid);
    return await serveControl(
      { path: socketPath(directory, key), otherwise: socketPath(directory, key, process.pid) },
      sources,
    );
  } catch (error) {
    logger.warn(`\`lvscare status\` will not find this daemon: ${describeError(error)}`);
    return undefined;
  }
}
