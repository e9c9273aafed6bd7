import { createActor, toPromise } from "xstate";
import { bootClock, descriptorLimit, dialTcpSocket, listenPausably, sendToUnixSocket, watchSilence } from "#native";
import type { DaemonActor } from "../actors/daemon-machine.ts";
import { LatestVerdicts } from "../actors/latest-verdicts.ts";
import { probeEvent } from "../actors/checks.ts";
import type { VirtualServerActor } from "../actors/virtual-server-machine.ts";
import { reachStatus, virtualServerStatus, wayStatus, type ProcessFacts } from "../actors/status.ts";
import type { WayActor } from "../actors/way-machine.ts";
import type { CareOptions } from "../config/care-options.ts";
import type { WebSources, WebServer } from "../control/web-server.ts";
import { webUrl } from "../control/web-url.ts";
import type { DataPlane } from "../dataplane/data-plane.ts";
import type { Selection } from "../dataplane/select.ts";
import { formatEndpoint, type Endpoint } from "../domain/endpoint.ts";
import { describeError } from "../domain/errors.ts";
import type { EventReport } from "../domain/event-record.ts";
import type { CareEvent } from "../domain/events.ts";
import type { ProbeOutcome } from "../domain/health.ts";
import type { Logger } from "../domain/logger.ts";
import type { VirtualServerStatus } from "../domain/status.ts";
import { CHECK_PACE, CheckScheduler } from "../probe/check-scheduler.ts";
import { createHttpProber } from "../probe/http/http-prober.ts";
import { PathWatch } from "../reach/path-watch.ts";
import { Audience } from "./audience.ts";
import { careMachine } from "./care-machine.ts";
import { openControlSocket } from "./control-socket.ts";
import { interfaceNames, likelyCulprit, neighbours } from "./culprit.ts";
import { daemonFolder } from "./daemon-sockets.ts";
import { descriptorBudget } from "./descriptor-budget.ts";
import { HoldFile, tellHeld } from "./hold-file.ts";
import { networkNamespace } from "./network-namespace.ts";
import { Operator } from "./operator.ts";
import type { Reach } from "./reach.ts";
import { serviceManager } from "./service-manager.ts";
import { listenerOnPort } from "./socket-owner.ts";
import { timeOfDay } from "./time-of-day.ts";
import { VERSION } from "./version.ts";
import { watchWay } from "./way.ts";

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
    networkNamespace: networkNamespace(),
    startedAtMs: now(),
    timeOfDay: timeOfDay(now),
    dataPlane: { kind: dataPlane.kind, via: dataPlane.via, ...(because !== undefined && { because: because.message }) },
  };
  using paths = options.probe.sentinel ? new PathWatch({ now }) : undefined;
  const watchPath = paths && paths.watch.bind(paths);
  const schedule = new CheckScheduler({
    prober: createHttpProber(options.probe, { openTcpSocket: dialTcpSocket, watchSilence, watchPath }),
    clock: { now, setTimeout, clearTimeout: (timer) => clearTimeout(timer as Timer) },
    random: Math.random,
    ...CHECK_PACE,
    stalled: (forMs) => tell({ type: "process.stalled", forMs }),
    late: (byMs) => audience.noteLag(byMs),
  });
  dataPlane.onSilence?.((server, isWell) => schedule.suspect(server, isWell));
  const manager = serviceManager({ environment: process.env, pid: process.pid, send: sendToUnixSocket });
  const culprit = (): string => likelyCulprit(options.service.endpoint, neighbours(), interfaceNames());
  const audience = new Audience({ logger, culprit, now, timeOfDay: facts.timeOfDay });
  const tell = (event: CareEvent, atMs?: number): void => audience.tell(event, atMs);
  audience.join((event) => manager.event(event));
  audience.join((event) => observer.event?.(event));
  const verdicts = new LatestVerdicts();
  const observe = (server: string, outcome: ProbeOutcome): void => {
    const atMs = now();
    verdicts.note(server, outcome, atMs);
    tell(probeEvent(server, outcome), atMs);
  };
  const holdFile = new HoldFile(daemonFolder(), options.service);
  const listed = options.realServers.map(({ endpoint }) => formatEndpoint(endpoint));
  const holds = holdFile.readListed(listed, logger);
  tellHeld(holds, listed, logger);
  const daemon = createActor(careMachine(dataPlane, schedule, observe, reach), {
    input: {
      service: options.service,
      realServers: options.realServers,
      policy: options.policy,
      initState: options.initState,
      holds,
      unlisted: options.keepForeign ? "keep" : "remove",
      cleanupOnExit: false,
      now,
    },
  });
  const address = formatEndpoint(options.service.endpoint);
  const startedAt = facts.timeOfDay(facts.startedAtMs).toISOString();
  // Until the daemon has begun, there is none.
  let way: WayActor | undefined;
  const sources = {
    status: () => currentStatus(daemon, way, verdicts, dataPlane, facts, options),
    events: (after: number): EventReport => ({
      address,
      startedAt,
      sinceBootMs: now(),
      ...(facts.networkNamespace !== undefined && { networkNamespace: facts.networkNamespace }),
      events: audience.events(after),
    }),
    metrics: (status: VirtualServerStatus) => audience.metrics(status),
  };
  // An address that cannot be had is a mistake in the options: nothing has begun yet.
  const web = options.httpListen && (await openWeb(options.httpListen, sources, options.realServers.length, logger));
  audience.join(() => web?.happened());
  const ended = toPromise(daemon);
  daemon.start();
  way =
    options.checkWay && options.service.protocol === "tcp"
      ? watchWay(daemon, options.service, sources.status, now)
      : undefined;
  way?.on("*", tell);
  const { virtualServer, reach: reachActor } = daemon.getSnapshot().children;
  virtualServer?.on("*", tell);
  reachActor?.on("*", tell);
  daemon.on("*", tell);
  observer.running?.(sources.status);
  const operator = virtualServer && operatorOf(virtualServer, sources.status, holdFile, options);
  const closeControl =
    operator &&
    openControlSocket(
      {
        key: options.service,
        intervalMs: options.policy.intervalMs,
        logger,
        remade: () => {
          try {
            operator.keepAgain();
          } catch (error) {
            logger.warn(describeError(error));
          }
        },
      },
      {
        ...sources,
        hold: (server, change, by) => operator.hold(server, change, by),
        check: (server, signal) => operator.check(server, signal),
      },
    );
  const shutDown = (): void => {
    manager.stopping();
    daemon.send({ type: "shutdown" });
  };
  stop.addEventListener("abort", shutDown, { once: true });
  if (stop.aborted) shutDown();
  try {
    await ended;
    audience.catchUp();
    logger.info(
      dataPlane.kind === "ipvs"
        ? "stopped; the virtual server stays in the kernel as it is"
        : "stopped, and with this process the userspace data plane",
    );
  } finally {
    audience.catchUp();
    manager.close();
    await web?.close();
    await closeControl?.();
  }
}

// --- internal ---

/** Most daemons serve none, and start without its code and its page. */
async function openWeb(
  endpoint: Endpoint,
  sources: WebSources,
  realServers: number,
  logger: Logger,
): Promise<WebServer> {
  const { serveWeb } = await import("../control/web-server.ts");
  const limit = descriptorLimit();
  const server = serveWeb(endpoint, sources, {
    listen: listenPausably,
    whoListens: () => {
      const owner = listenerOnPort(endpoint);
      return owner === undefined ? "another process" : `pid ${owner.pid} (${owner.name})`;
    },
    ...(limit !== undefined && { mostConnections: descriptorBudget(limit, realServers).web }),
  });
  logger.info(`page, metrics and health are at ${webUrl(endpoint)}`);
  return server;
}

function operatorOf(
  supervisor: VirtualServerActor,
  status: () => Promise<VirtualServerStatus>,
  holdFile: HoldFile,
  { probe }: CareOptions,
): Operator {
  return new Operator({
    supervisor,
    status,
    keep: (all) => holdFile.write(all),
    probe: (target, signal) => probeOnce(probe, target, signal),
    timeOfDay: () => new Date(),
  });
}

/** One check over a connection of its own, beside those of the schedule. */
function probeOnce(options: CareOptions["probe"], target: Endpoint, signal: AbortSignal): Promise<ProbeOutcome> {
  const alone = { ...options, sentinel: false, freshConnection: true };
  const probe = createHttpProber(alone, { openTcpSocket: dialTcpSocket, watchSilence }).open(target, () => undefined);
  return new Promise((resolve) => {
    const callOff = (): void => {
      probe.close();
      resolve({ passed: undefined, reason: "called off", latencyMs: 0 });
    };
    if (signal.aborted) return callOff();
    signal.addEventListener("abort", callOff, { once: true });
    probe.check((outcome) => {
      signal.removeEventListener("abort", callOff);
      probe.close();
      resolve(outcome);
    });
  });
}

/** The table is read afresh, so that weights and connections are those of this moment; where that fails, the last round's reading serves. */
async function currentStatus(
  daemon: DaemonActor,
  way: WayActor | undefined,
  verdicts: LatestVerdicts,
  dataPlane: DataPlane,
  facts: ProcessFacts,
  { service, reach: options }: CareOptions,
): Promise<VirtualServerStatus> {
  const { virtualServer, reach } = daemon.getSnapshot().children;
  if (virtualServer === undefined) throw new Error("the daemon is stopping");
  const wayNow = way && wayStatus(way, facts);
  const table = await dataPlane.measure(service).catch(() => virtualServer.getSnapshot().context.table);
  return {
    ...virtualServerStatus(virtualServer, verdicts, facts, table),
    ...(wayNow && { way: wayNow }),
    ...(reach && dataPlane.kind === "ipvs" && { reach: reachStatus(reach, options.mode, facts) }),
  };
}
