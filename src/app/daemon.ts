import type { CareConfig, CheckBudget, LogOptions } from "../config/care-options.ts";
import { LvscareError } from "../domain/errors.ts";
import type { CareEvent } from "../domain/events.ts";
import type { Logger } from "../domain/logger.ts";
import type { ReloadReport } from "../domain/reload.ts";
import type { VirtualServerStatus } from "../domain/status.ts";
import { formatServiceKey } from "../domain/virtual-server.ts";
import type { EventBus } from "../events/event-bus.ts";
import { CareProcess } from "./care-process.ts";
import { afterStart } from "./after-start.ts";
import { Caretaker } from "./caretaker.ts";
import { CaredFile } from "./cared-file.ts";
import { prepareBeside } from "./prepare-beside.ts";
import { daemonFolder } from "./daemon-sockets.ts";
import type { ReadConfig } from "./config-reload.ts";
import { openControlSocket } from "./control-socket.ts";
import { DaemonWeb } from "./daemon-web.ts";

/** An observer of a daemon from inside its process. */
export interface DaemonObserver {
  /** It runs, and can be asked. */
  running?(status: () => Promise<VirtualServerStatus>): void;
  event?(event: CareEvent): void;
}

/** The files that a configuration comes from. */
export interface ConfigSource {
  /** The whole path of the configuration's own file. */
  readonly path: string;
  /** As it was read for the start. */
  readonly first: ReadConfig;
  /** Reads it again; rejects with everything that is wrong with it. */
  read(): Promise<ReadConfig>;
  /** Has the log be written so from now on. */
  takeLog(log: LogOptions): void;
  /** Calls back when somebody asks for another reading by a signal; returns a function that ends that. */
  onHangup(listener: () => void): () => void;
}

/** A daemon as the program around it works with it, until it has ended. */
export interface EmbeddedDaemon {
  readonly caretaker: Caretaker;
  readonly bus: EventBus;
  /**
   * Serves the page and metrics where this configuration has them. Rejects with ADDRESS_IN_USE or SOCKET_FAILED, and
   * then nothing has changed.
   */
  listen(config: CareConfig): Promise<void>;
  /** Checks no more than this from now on. */
  keepTo(budget: CheckBudget): void;
}

export interface DaemonOptions {
  readonly observer?: DaemonObserver | undefined;
  readonly source?: ConfigSource | undefined;
  /** Has the program around it be asked, and not a control socket; and tells systemd nothing of its own. */
  readonly embedded?: ((daemon: EmbeddedDaemon) => void) | undefined;
}

/**
 * Cares for the virtual servers of a configuration until `stop` is aborted. The kernel's entries stay when it ends.
 * Rejects with the reason when it cannot begin, and then leaves nothing behind.
 */
export async function runDaemon(
  config: CareConfig,
  stop: AbortSignal,
  logger: Logger,
  { observer = {}, source, embedded }: DaemonOptions = {},
): Promise<void> {
  using process = new CareProcess(logger, embedded === undefined ? globalThis.process.env : {});
  process.keepTo(config.budget);
  process.bus.join((event) => observer.event?.(event));
  const isAlone = source === undefined && embedded === undefined && config.virtualServers.length === 1;
  const [anyone] = config.virtualServers;
  const identity = source === undefined ? anyone && formatServiceKey(anyone.service) : source.path;
  const cared = identity === undefined ? undefined : new CaredFile(daemonFolder(), identity, process.now);
  const orphans = source === undefined ? [] : ((await cared?.orphans(config.virtualServers, logger)) ?? []);
  const caretaker = new Caretaker(process, logger, isAlone, undefined, cared);
  const shutDown = (): void => {
    process.manager.stopping();
    caretaker.shutDown();
  };
  stop.addEventListener("abort", shutDown, { once: true });
  if (stop.aborted) shutDown();
  const preparing =
    orphans.length === 0 ? caretaker.prepare(config) : prepareBeside(orphans, config, caretaker, logger);
  await using prepared = await unlessStopped(preparing, stop);
  if (prepared === undefined) return logger.info(STOPPED_EARLY);
  await using web = new DaemonWeb(caretaker, process, logger);
  // An address that is not available is a mistake in the configuration: nothing has begun yet.
  await web.listen(config.httpListen, countRealServers(config));
  try {
    if (stop.aborted) return logger.info(STOPPED_EARLY);
    const opened = tellReadyAfter(config.virtualServers.length + orphans.length, process);
    const applying = unlessStopped(prepared.apply(), stop);
    // It may break before anybody waits for it.
    applying.catch(() => undefined);
    const [first] = caretaker.virtualServers;
    if (first === undefined) throw new Error("there is no virtual server to care for");
    observer.running?.(() => first.status());
    embedded?.({
      caretaker,
      bus: process.bus,
      listen: (other) => web.listen(other.httpListen, countRealServers(other)),
      keepTo: (budget) => process.keepTo(budget),
    });
    await using reload = source && (await reloadFrom(source, caretaker, web, process));
    using _settling = embedded ? undefined : afterStart();
    await using _control = embedded
      ? undefined
      : openControl(config, source, reload, caretaker, process, opened, logger);
    await Promise.all([applying, caretaker.ended]);
    process.bus.catchUp();
    caretaker.tellStopped();
  } finally {
    process.bus.catchUp();
    await caretaker.close();
  }
}

// --- internal ---

const STOPPED_EARLY = "stopped before anything began";

interface Reloading extends AsyncDisposable {
  request(waitMs?: number): Promise<ReloadReport>;
}

/** Undefined where it was stopped before that was done. */
async function unlessStopped<T>(work: Promise<T>, stop: AbortSignal): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (stop.aborted && error instanceof LvscareError && error.code === "NOT_RUNNING") return undefined;
    throw error;
  }
}

/**
 * Tells systemd once so many virtual servers are cared for and what it returns was called: what is ordered after this
 * unit may ask at once. Virtual servers of a later configuration are part of its reload.
 */
function tellReadyAfter(virtualServers: number, { bus, manager }: CareProcess): () => void {
  let left = virtualServers + 1;
  const step = (): void => {
    if (--left === 0) manager.ready();
  };
  bus.join(({ type }) => {
    if (type === "virtualServer.adopted") step();
  });
  return step;
}

/** Answers at the control socket of this process until it is disposed of. */
function openControl(
  { virtualServers }: CareConfig,
  source: ConfigSource | undefined,
  reload: Reloading | undefined,
  caretaker: Caretaker,
  { facts: { networkNamespace } }: CareProcess,
  opened: () => void,
  logger: Logger,
): AsyncDisposable {
  const close = openControlSocket(
    {
      keys: virtualServers.map(({ service }) => service),
      intervalMs: Math.min(...virtualServers.map(({ policy }) => policy.intervalMs)),
      logger,
      opened,
      remade: () => {
        for (const care of caretaker.virtualServers) care.keepAgain();
      },
    },
    {
      ...(networkNamespace !== undefined && { networkNamespace }),
      ...(source !== undefined && { configFile: source.path }),
      ...(reload !== undefined && { reload: (waitMs: number) => reload.request(waitMs) }),
      virtualServers: () => caretaker.virtualServers,
    },
  );
  return { [Symbol.asyncDispose]: close };
}

/** Has the files read again when they change and when somebody asks for it. */
async function reloadFrom(
  source: ConfigSource,
  caretaker: Caretaker,
  web: DaemonWeb,
  process: CareProcess,
): Promise<Reloading> {
  const { ConfigReload } = await import("./config-reload.ts");
  const { manager, bus, now } = process;
  const reload = new ConfigReload(source.first, {
    path: source.path,
    read: () => source.read(),
    caretaker,
    takeProcessOptions: async (config) => {
      source.takeLog(config.log);
      process.keepTo(config.budget);
      return web.move(config.httpListen, countRealServers(config));
    },
    emit: (event) => bus.emit(event),
    reloading: () => manager.reloading(),
    reloaded: () => manager.reloaded(),
    now,
    timeOfDay: process.facts.timeOfDay,
  });
  process.configuration = () => reload.status();
  const endHangup = source.onHangup(() => void reload.request());
  return {
    request: (waitMs) => reload.request(waitMs),
    async [Symbol.asyncDispose]() {
      endHangup();
      await reload[Symbol.asyncDispose]();
    },
  };
}

function countRealServers({ virtualServers }: CareConfig): number {
  return virtualServers.reduce((sum, { realServers }) => sum + realServers.length, 0);
}
