/// <reference lib="esnext.disposable" preserve="true" />
import type { CareConfig } from "../config/care-options.ts";
import { readConfigObject } from "../config/file/config-object.ts";
import type { LvscareConfig } from "../config/file/config-types.ts";
import { budgetChanges } from "../config/resolve-budget.ts";
import { formatEndpoint } from "../domain/endpoint.ts";
import { LvscareError } from "../domain/errors.ts";
import type { EventRecord } from "../domain/event-record.ts";
import type { CareEvent } from "../domain/events.ts";
import { isOperatorName, type HoldChange } from "../domain/hold.ts";
import type { Logger } from "../domain/logger.ts";
import type { CheckReport, HoldReport } from "../domain/operator.ts";
import type { ReloadReport } from "../domain/reload.ts";
import type { VirtualServerStatus } from "../domain/status.ts";
import { keyOf, ofVirtualServer, type NamedVirtualServer } from "../domain/virtual-server-name.ts";
import { formatServiceKey, LARGEST_WEIGHT } from "../domain/virtual-server.ts";
import { FILES_HERE } from "./file-problem.ts";
import type { EmbeddedDaemon } from "./daemon.ts";
import { EmbeddedRun, SILENT } from "./embedded-run.ts";
import { EventQueue, type LvscareEvent } from "./event-queue.ts";
import { findRealServer, findVirtualServer } from "./find-target.ts";
import { LatestOnly } from "./latest-only.ts";
import type { VirtualServerCare } from "./virtual-server-care.ts";

/** What another configuration changed. */
export interface UpdateReport extends Pick<ReloadReport, "changes" | "draining"> {
  readonly outcome: "applied" | "unchanged";
  /** What could not be written yet, and is tried again, a line each. */
  readonly problems: readonly string[];
}

/** Where a real server stands. */
export interface TargetOptions {
  /** The virtual server, by its address or name; needed only where the real server stands behind several. */
  readonly virtualServer?: string;
}

export interface HoldOptions extends TargetOptions {
  /** Who asks for it, for the log and `status`: up to 64 letters, digits and `_.@+$-`. */
  readonly by?: string;
}

export interface EventsOptions {
  /** The id of the last event that is known already: those remembered after it come first. 0 unless given: all. */
  readonly after?: number;
  /** The only virtual server to hear of, by its address or name; what happens to the process is told all the same. */
  readonly virtualServer?: string;
}

/**
 * Several virtual servers, cared for inside this process. It opens no control socket, handles no signals, and writes
 * to the logger alone.
 *
 * Virtual servers and real servers are called by their addresses, `IP:port`, or their names; of two virtual servers
 * that differ in protocol alone one is `tcp/IP:port`. A word that means none
 * of them is NOT_LISTED, with those that there are; one that means several is USAGE. Before `start` has resolved, and
 * after the end, all that asks for something is NOT_RUNNING.
 */
export interface Lvscare extends AsyncDisposable {
  /**
   * Begins to care for all virtual servers; resolves once their entries in the data planes are taken over. Rejects
   * with the reason when it cannot, such as ALREADY_RUNNING, ADDRESS_IN_USE or NOT_PERMITTED, with several as one
   * `AggregateError`, and then leaves nothing behind. Once only.
   */
  start(): Promise<void>;
  /**
   * Goes on with another configuration, whole or not at all. What it does not change keeps its state, its connections
   * and its entries. Real servers that it no longer has drain, and so do virtual servers, before they go.
   *
   * Resolves once that is written, ten seconds later at most: what is not, and why, is among the `problems`. Rejects
   * with everything that is wrong with it (USAGE) or that this host lacks for it (several as one `AggregateError`), and
   * then has changed nothing. One at a time: while one is carried out the latest waits, and takes the place of one that
   * waited before it, which settles as it does. What is USAGE takes nobody's place.
   */
  update(config: LvscareConfig): Promise<UpdateReport>;
  /** The present state of one virtual server, or of all, also of those that are on their way out. */
  status(virtualServer?: string): Promise<readonly VirtualServerStatus[]>;
  /**
   * Takes a real server out of service, whatever its checks say: it gets no new connections, and the open ones go on.
   * Like `weight`, it is remembered by this host until `undrain`, also when another process cares for the virtual
   * server. Resolves once it is written; `pending` tells why it is not. Rejects with FILE_FAILED when it cannot be
   * remembered, and then nothing was changed.
   */
  drain(realServer: string, options?: HoldOptions): Promise<HoldReport>;
  /** Puts it back into service, as far as its checks allow. Rejects as `drain` does. */
  undrain(realServer: string, options?: HoldOptions): Promise<HoldReport>;
  /**
   * Gives it a weight from 1 to 65535 over the configured one; undefined: the configured one again. Rejects as `drain`
   * does, and with USAGE.
   */
  weight(realServer: string, weight: number | undefined, options?: HoldOptions): Promise<HoldReport>;
  /**
   * Checks it now over a connection of its own, in the time that its probe has, and has its regular check be made at
   * once. A failed check is a verdict; NOT_CHECKED is that none could be made.
   */
  check(realServer: string, options?: TargetOptions): Promise<CheckReport>;
  /**
   * What is remembered, in order, and then what happens, until the end or until the consumer leaves. Good checks are no
   * events. Each iteration begins anew. For a consumer that is slow, some 10,000 events wait at most: beyond that the
   * oldest are dropped, and the next one tells how many it `missed`. Throws NOT_RUNNING, NOT_LISTED and USAGE.
   */
  events(options?: EventsOptions): AsyncIterable<LvscareEvent>;
  /**
   * Calls back for every event, good checks too, with the virtual server that it is about (undefined: the process);
   * returns a function that ends that. A listener must not throw.
   */
  onEvent(listener: (event: CareEvent, virtualServer: NamedVirtualServer | undefined) => void): () => void;
  /**
   * Ends within a second. With the kernel's data plane the virtual servers stay as they are, and traffic with them.
   * Idempotent, and never rejects; `await using` does it.
   */
  stop(): Promise<void>;
  /** Settles when caring has ended: rejects with the failure that ended it, if one did. */
  readonly ended: Promise<void>;
}

/**
 * Prepares to care for the virtual servers of a configuration: checks it and touches nothing. Throws one USAGE error
 * with everything that is wrong with it, each with its path, such as `virtualServers[1].realServers[0].weight`. Without
 * a logger nothing is written anywhere.
 */
export function createLvscare(config: LvscareConfig, logger: Logger = SILENT): Lvscare {
  return new EmbeddedLvscare(read(config, logger), logger);
}

// --- internal ---

type EventListener = Parameters<Lvscare["onEvent"]>[0];

class EmbeddedLvscare implements Lvscare {
  readonly #run = new EmbeddedRun();
  readonly #logger: Logger;
  readonly #listeners = new Set<EventListener>();
  readonly #queues = new Map<EventQueue, Filter>();
  readonly #updates = new LatestOnly((config: CareConfig) => this.#take(config));
  #config: CareConfig;
  /** Since the start has resolved, until the end. */
  #daemon: EmbeddedDaemon | undefined;

  constructor(config: CareConfig, logger: Logger) {
    this.#config = config;
    this.#logger = logger;
  }

  get ended(): Promise<void> {
    return this.#run.ended;
  }

  async start(): Promise<void> {
    await this.#run.start(async (stop, begun) => {
      // Not before it is needed: importing the SDK opens nothing.
      const { runDaemon } = await import("./daemon.ts");
      const awaited = new Set(this.#config.virtualServers.map(({ service }) => formatServiceKey(service)));
      const embedded = (daemon: EmbeddedDaemon): void =>
        daemon.bus.join((event, records, source) => {
          const virtualServer = source?.virtualServer;
          if (event.type === "virtualServer.adopted" && virtualServer && awaited.delete(keyOf(virtualServer)))
            if (awaited.size === 0) {
              this.#daemon = daemon;
              begun();
            }
          this.#hear(event, records, virtualServer);
        });
      try {
        await runDaemon(this.#config, stop, this.#logger, { embedded });
      } finally {
        this.#daemon = undefined;
        for (const queue of this.#queues.keys()) queue.end();
        this.#queues.clear();
      }
    });
    this.#running();
  }

  async update(config: LvscareConfig): Promise<UpdateReport> {
    this.#running();
    return this.#updates.request(read(config, this.#logger));
  }

  async status(virtualServer?: string): Promise<readonly VirtualServerStatus[]> {
    const all = await Promise.all(
      this.#among(virtualServer).map(async (care) => {
        try {
          return await care.status();
        } catch (error) {
          // It has left meanwhile.
          if (!this.#running().caretaker.virtualServers.includes(care)) return undefined;
          throw error;
        }
      }),
    );
    return all.filter((one) => one !== undefined);
  }

  async drain(realServer: string, options: HoldOptions = {}): Promise<HoldReport> {
    return this.#hold(realServer, { kind: "drain" }, options);
  }

  async undrain(realServer: string, options: HoldOptions = {}): Promise<HoldReport> {
    return this.#hold(realServer, { kind: "undrain" }, options);
  }

  async weight(realServer: string, weight: number | undefined, options: HoldOptions = {}): Promise<HoldReport> {
    if (weight !== undefined && !(Number.isInteger(weight) && weight >= 1 && weight <= LARGEST_WEIGHT))
      throw new LvscareError("USAGE", `a weight is a whole number from 1 to ${LARGEST_WEIGHT}, and not ${weight}`);
    return this.#hold(realServer, { kind: "weight", weight }, options);
  }

  async check(realServer: string, { virtualServer: word }: TargetOptions = {}): Promise<CheckReport> {
    const { virtualServer, server } = findRealServer(realServer, this.#among(word));
    return virtualServer.check(server, this.#run.signal);
  }

  events({ after = 0, virtualServer }: EventsOptions = {}): AsyncIterable<LvscareEvent> {
    const only =
      virtualServer === undefined ? undefined : this.#among(virtualServer).map(({ named }) => keyOf(named))[0];
    this.#running();
    return { [Symbol.asyncIterator]: () => this.#follow(after, only) };
  }

  onEvent(listener: EventListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  async stop(): Promise<void> {
    await this.#run.stop();
    await this.#updates.settled();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  // --- internal ---

  #running(): EmbeddedDaemon {
    if (this.#daemon === undefined || this.#run.isEnding)
      throw new LvscareError("NOT_RUNNING", "nothing is cared for at the moment");
    return this.#daemon;
  }

  #among(virtualServer: string | undefined): readonly VirtualServerCare[] {
    const { virtualServers } = this.#running().caretaker;
    return virtualServer === undefined ? virtualServers : [findVirtualServer(virtualServer, virtualServers)];
  }

  #hold(realServer: string, change: HoldChange, { virtualServer: word, by }: HoldOptions): Promise<HoldReport> {
    if (by !== undefined && !isOperatorName(by))
      throw new LvscareError("USAGE", `${JSON.stringify(by)} is not the name of an operator`);
    const { virtualServer, server } = findRealServer(realServer, this.#among(word));
    return virtualServer.hold(server, change, by);
  }

  async #take(config: CareConfig): Promise<UpdateReport> {
    const { draining, unwritten } = await import("./under-way.ts");
    const { caretaker, listen, keepTo } = this.#running();
    await using prepared = await caretaker.prepare(config);
    const [from, to] = [this.#config, config].map(({ httpListen: at }) => (at ? formatEndpoint(at) : "nowhere"));
    const changes = [
      ...prepared.changes,
      ...(from === to ? [] : [`~ page and metrics: ${from} → ${to}`]),
      ...budgetChanges(this.#config.budget, config.budget).map((change) => `~ ${change}`),
    ];
    if (changes.length === 0)
      return { outcome: "unchanged", changes, draining: await draining(caretaker.virtualServers), problems: [] };
    this.#running();
    await listen(config);
    // Whoever closes what listens may have gone by while it was opened.
    if (this.#run.isEnding) await listen({ ...config, httpListen: undefined });
    this.#running();
    const isDone = await prepared.apply();
    keepTo(config.budget);
    this.#config = config;
    if (!isDone) return this.#take(config);
    const problems = await unwritten(caretaker.virtualServers);
    const left = this.#run.isEnding ? [] : await draining(caretaker.virtualServers);
    return { outcome: "applied", changes, draining: left, problems };
  }

  #follow(after: number, only: string | undefined): EventQueue {
    const queue = new EventQueue((left) => void this.#queues.delete(left));
    const daemon = this.#daemon;
    if (daemon === undefined || this.#run.isEnding) {
      queue.end();
      return queue;
    }
    const filter: Filter = (virtualServer) =>
      only === undefined || virtualServer === undefined || keyOf(virtualServer) === only;
    for (const { event, source } of remembered(daemon, after)) if (filter(source)) queue.push(event);
    this.#queues.set(queue, filter);
    return queue;
  }

  #hear(event: CareEvent, records: readonly EventRecord[], virtualServer: NamedVirtualServer | undefined): void {
    for (const listener of this.#listeners) listener(event, virtualServer);
    if (records.length === 0) return;
    for (const [queue, filter] of this.#queues)
      if (filter(virtualServer)) for (const record of records) queue.push(about(virtualServer, record));
  }
}

/** Undefined is the process. */
type Filter = (virtualServer: NamedVirtualServer | undefined) => boolean;

function read(config: LvscareConfig, logger: Logger): CareConfig {
  const { config: careConfig, warnings } = readConfigObject(config, FILES_HERE);
  for (const warning of warnings) logger.warn(warning);
  return careConfig;
}

interface Remembered {
  readonly event: LvscareEvent;
  readonly source: NamedVirtualServer | undefined;
}

function remembered({ caretaker, bus }: EmbeddedDaemon, after: number): readonly Remembered[] {
  bus.catchUp();
  const own = caretaker.virtualServers.flatMap((care): readonly Remembered[] => {
    const source = care.named;
    return care.events(after, "own").events.map((record) => ({ event: about(source, record), source }));
  });
  const ofProcess = bus.since(after).map((event): Remembered => ({ event, source: undefined }));
  return [...own, ...ofProcess].toSorted((a, b) => a.event.id - b.event.id);
}

function about(virtualServer: NamedVirtualServer | undefined, record: EventRecord): LvscareEvent {
  return virtualServer === undefined ? record : { ...record, ...ofVirtualServer(virtualServer) };
}
