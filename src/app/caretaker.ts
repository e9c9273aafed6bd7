import type { CareConfig, VirtualServerOptions } from "../config/care-options.ts";
import { Ipvs } from "../dataplane/ipvs/ipvs-plane.ts";
import type { Discovery } from "../discovery/discovery.ts";
import { describeError, LvscareError } from "../domain/errors.ts";
import type { Logger } from "../domain/logger.ts";
import { formatServiceKey } from "../domain/virtual-server.ts";
import { countVirtualServers, MOST_NAMED } from "./about.ts";
import type { CareProcess } from "./care-process.ts";
import type { CaredFile } from "./cared-file.ts";
import { giveUp, release, type Caring } from "./caring.ts";
import { ClearingAway } from "./clearing-away.ts";
import { daemonFolder } from "./daemon-sockets.ts";
import { HoldFiles } from "./hold-file.ts";
import { LatestOnly } from "./latest-only.ts";
import { prepareAnew } from "./preparation.ts";
import { describeDraft, prepareConfig, type ConfigDraft, type Prepared } from "./prepare-config.ts";
import { Slices } from "./slices.ts";
import { Surroundings } from "./surroundings.ts";
import { VirtualServerCare } from "./virtual-server-care.ts";

/** Another configuration, found to work on this host. Nothing has changed yet; disposing of it gives it up. */
export interface PreparedConfig extends AsyncDisposable {
  /** What it changes, a line for each virtual server. */
  readonly changes: readonly string[];
  /**
   * Goes on as it says. False when a virtual server that it has again was gone in the meantime: then the configuration
   * is to be prepared once more. Rejects with NOT_RUNNING when caring ends before all is begun: what is not is given up.
   */
  apply(): Promise<boolean>;
}

/**
 * Cares for the virtual servers of a configuration, each with a claim, holds, machines and a share of reach of its
 * own; all use one connection to the kernel and one schedule of checks. It can be given another configuration while
 * they serve: what that does not change goes on as it was.
 */
export class Caretaker {
  /** Settles when caring has ended: rejects with what ended it, if something broke. */
  readonly ended: Promise<void>;
  readonly #process: CareProcess;
  readonly #logger: Logger;
  readonly #isAlone: boolean;
  readonly #ipvs: Ipvs;
  /** By `formatServiceKey`. Those that leave are among them until they are gone. */
  readonly #cares = new Map<string, Caring>();
  readonly #end = Promise.withResolvers<void>();
  readonly #clearing: ClearingAway;
  /** What the next daemon of this configuration is told. */
  readonly #cared: CaredFile | undefined;
  #isStopping = false;
  /** What is being applied is prepared for no more, and not yet all among the `#cares`. */
  #applying: Promise<void> = Promise.resolve();

  /** `isAlone`: there will never be more than one virtual server, and it need not be named in the log. */
  constructor(process: CareProcess, logger: Logger, isAlone: boolean, ipvs = new Ipvs(), cared?: CaredFile) {
    this.#process = process;
    this.#clearing = new ClearingAway(process.reachHost, process.now);
    this.#cared = cared;
    this.#ipvs = ipvs;
    this.#logger = logger;
    this.#isAlone = isAlone;
    this.ended = this.#end.promise;
    // It may break before anybody waits for it.
    this.ended.catch(() => undefined);
  }

  /** Those that leave, too, for as long as they are there. */
  get virtualServers(): readonly VirtualServerCare[] {
    return [...this.#cares.values()].flatMap(({ care, gone }) => (gone === undefined ? [care] : []));
  }

  /**
   * Claims and prepares what is new or different in this configuration. Rejects with every reason why it cannot be
   * cared for here; nothing has changed then. `orphans`: not in it, and still there from before this process; they are
   * taken over to leave.
   */
  async prepare(config: CareConfig, orphans: readonly VirtualServerOptions[] = []): Promise<PreparedConfig> {
    await this.#applying;
    if (this.#isStopping) throw stopping();
    const draft = await prepareConfig(config, orphans, {
      process: this.#process,
      ipvs: this.#ipvs,
      logger: this.#logger,
      isAlone: this.#isAlone,
      cares: this.#cares,
      pause: (slices) => this.#pause(slices),
    });
    if (draft === undefined) return this.prepare(config, orphans);
    const { added, held } = draft;
    return {
      changes: describeDraft(draft),
      apply: async () => {
        if (this.#isStopping) throw stopping();
        held.move();
        this.#clearing.forget();
        if (added.length > MOST_NAMED)
          this.#logger.info(`caring for ${countVirtualServers(added.map(({ written }) => written))}`);
        const applied = Promise.withResolvers<void>();
        this.#applying = applied.promise;
        try {
          return await this.#apply(draft, new Set(orphans));
        } finally {
          applied.resolve();
        }
      },
      [Symbol.asyncDispose]: () => held.disposeAsync(),
    };
  }

  /** Ends caring; the kernel's entries stay. */
  shutDown(): void {
    this.#isStopping = true;
    this.#shutDownAll().catch(this.#end.reject);
  }

  /** Says what stays behind. */
  tellStopped(): void {
    const staying = [...this.#cares.values()].flatMap(({ care }) => (care.isLeaving ? [] : [care]));
    if (staying.length <= MOST_NAMED) for (const care of staying) care.tellStopped();
    else
      this.#logger.info(
        `stopped ${countVirtualServers(staying.map(({ options }) => options))}; those in the kernel stay as they are`,
      );
  }

  /** Gives up the claims and closes the data planes. */
  async close(): Promise<void> {
    this.#isStopping = true;
    this.#cared?.settle();
    const all = [...this.#cares.values()];
    this.#cares.clear();
    for (const one of all) await release(one);
  }

  // --- internal ---

  /** The first at once; the rest of this process has turns between the others, as while they begin. */
  async #shutDownAll(): Promise<void> {
    const slices = new Slices();
    for (const one of this.#cares.values()) {
      if (slices.isOver()) await slices.pause();
      if (one.gone === undefined) one.care.shutDown();
    }
    this.#endIfDone();
  }

  #noteCared(): void {
    const inKernel = (): readonly VirtualServerOptions[] =>
      [...this.#cares.values()].flatMap(({ care, preparation }) =>
        preparation.selection.dataPlane.kind === "ipvs" ? [care.options] : [],
      );
    this.#cared?.note(inKernel, this.#logger);
  }

  /** Has a virtual server find its members from now on; those that it finds are another configuration of it alone. */
  #find({ care, relist }: Caring, written: VirtualServerOptions, discovery: Discovery | undefined): void {
    care.finding.findBy(discovery, written, { nodes: this.#process.nodes, changed: () => void relist.request() });
  }

  /** Has it be cared for with the members that are known by now. */
  async #relist(caring: Caring): Promise<void> {
    const isOut = (): boolean => this.#isStopping || caring.gone !== undefined || caring.care.isLeaving;
    // Not in the middle of another configuration.
    await this.#applying;
    const { care, preparation } = caring;
    const { written, discovery } = care.finding;
    const options = discovery?.complete(written);
    if (isOut() || options === undefined || Bun.deepEquals(care.options, options)) return;
    try {
      const surroundings = new Surroundings(this.#ipvs, this.#process.reachHost, true);
      const reach = await prepareAnew(preparation, care.options, options, surroundings);
      if (!isOut() && care.finding.written === written) care.configure(options, reach);
    } catch (error) {
      preparation.logger.error(`its members cannot be taken over: ${describeError(error)}`);
    }
  }

  /** New ones first: clients of one that leaves may already know them. */
  async #apply({ added, changed, removed }: ConfigDraft, orphans: ReadonlySet<VirtualServerOptions>): Promise<boolean> {
    const slices = new Slices();
    const holdFiles = new HoldFiles(daemonFolder(), this.#cares.size > 0);
    const unbegun = new Set(added);
    using _checks = this.#process.holdBackChecks();
    try {
      for (const prepared of added) {
        // Not at each one: what begins together shares its exchanges with the kernel.
        if (slices.isOver()) await this.#pause(slices);
        const one = this.#add(prepared, holdFiles);
        unbegun.delete(prepared);
        one.care.ended.then(() => this.#over(one), this.#end.reject);
        one.care.start();
        if (orphans.has(prepared.written)) one.care.withdraw();
        else this.#find(one, prepared.written, prepared.discovery);
      }
      let isDone = true;
      for (const { caring, written, discovery, reach } of changed) {
        if (slices.isOver()) await this.#pause(slices);
        if (caring.gone !== undefined) {
          isDone = false;
          if (discovery !== caring.care.finding.discovery) discovery?.[Symbol.dispose]();
          continue;
        }
        // There may be another list by now.
        caring.care.configure(discovery?.complete(written) ?? written, reach);
        this.#find(caring, written, discovery);
      }
      for (const caring of removed) {
        if (slices.isOver()) await this.#pause(slices);
        this.#find(caring, caring.care.finding.written, undefined);
        caring.care.withdraw();
      }
      this.#noteCared();
      return isDone;
    } finally {
      for (const prepared of unbegun) {
        prepared.discovery?.[Symbol.dispose]();
        await giveUp(prepared.options.service, prepared);
      }
    }
  }

  async #pause(slices: Slices): Promise<void> {
    await slices.pause();
    if (this.#isStopping) throw stopping();
  }

  #add({ options, preparation, claims }: Prepared, holdFiles: HoldFiles): Caring {
    preparation.begin();
    const care = new VirtualServerCare(this.#process, options, preparation, holdFiles);
    const caring: Caring = {
      preparation,
      claims,
      care,
      relist: new LatestOnly(() => this.#relist(caring)),
      gone: undefined,
    };
    this.#cares.set(formatServiceKey(options.service), caring);
    return caring;
  }

  #over(caring: Caring): void {
    const hasLeft = caring.care.isLeaving && !this.#isStopping;
    caring.gone = hasLeft ? this.#clearAway(caring) : Promise.resolve();
    if (!hasLeft) this.#endIfDone();
  }

  async #clearAway(caring: Caring): Promise<void> {
    // What is left of it then, the next daemon does.
    if (await this.#clearing.add(caring, () => this.#isStopping)) {
      this.#cares.delete(formatServiceKey(caring.care.options.service));
      this.#noteCared();
    }
    this.#endIfDone();
  }

  #endIfDone(): void {
    if (!this.#isStopping) return;
    // Not all of them each time one ends: there may be thousands.
    for (const { gone } of this.#cares.values()) if (gone === undefined) return;
    this.#end.resolve();
  }
}

// --- internal ---

function stopping(): LvscareError {
  return new LvscareError("NOT_RUNNING", "the daemon is stopping");
}
