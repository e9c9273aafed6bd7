import type { CareConfig, VirtualServerOptions } from "../config/care-options.ts";
import { Ipvs } from "../dataplane/ipvs/ipvs-plane.ts";
import type { Discovery } from "../discovery/discovery.ts";
import { type Endpoint } from "../domain/endpoint.ts";
import { describeError, LvscareError, throwFailures } from "../domain/errors.ts";
import type { Logger } from "../domain/logger.ts";
import { formatServiceKey, type ServiceKey } from "../domain/virtual-server.ts";
import type { CareProcess } from "./care-process.ts";
import { about, fullName, nameOf } from "./about.ts";
import type { CaredFile } from "./cared-file.ts";
import { claimVirtualServers, type Claims } from "./claim.ts";
import { ClaimedElsewhere, withTheirFiles } from "./claimed-elsewhere.ts";
import { cleanAfter } from "./clean.ts";
import { daemonFolder } from "./daemon-sockets.ts";
import { describeOptionsChange } from "./describe-options-change.ts";
import { HoldFiles } from "./hold-file.ts";
import { LatestOnly } from "./latest-only.ts";
import { prefixed } from "./prefixed.ts";
import { prepare, prepareAnew, type Preparation } from "./preparation.ts";
import type { Reach } from "./reach.ts";
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
  /** What the next daemon of this configuration is told. */
  readonly #cared: CaredFile | undefined;
  #noting: Timer | undefined;
  #isStopping = false;
  /** What is being applied is prepared for no more, and not yet all among the `#cares`. */
  #applying: Promise<void> = Promise.resolve();

  /** `isAlone`: there will never be more than one virtual server, and it need not be named in the log. */
  constructor(process: CareProcess, logger: Logger, isAlone: boolean, ipvs = new Ipvs(), cared?: CaredFile) {
    this.#process = process;
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
    return [...this.#cares.values()].flatMap(({ care, isOver }) => (isOver ? [] : [care]));
  }

  /**
   * Claims and prepares what is new or different in this configuration. Rejects with every reason why it cannot be
   * cared for here; nothing has changed then. `orphans`: not in it, and still there from before this process; they are
   * taken over to leave.
   */
  async prepare(config: CareConfig, orphans: readonly VirtualServerOptions[] = []): Promise<PreparedConfig> {
    await this.#applying;
    if (this.#isStopping) throw stopping();
    await using stack = new AsyncDisposableStack();
    const slices = new Slices();
    const leaving = new Set(orphans);
    const all = [...config.virtualServers, ...orphans];
    const wanted = new Map(all.map((options) => [formatServiceKey(options.service), options]));
    const added: Prepared[] = [];
    const changed: Changed[] = [];
    const failures: unknown[] = [];
    for (const key of wanted.keys()) {
      const caring = this.#cares.get(key);
      if (caring?.isOver === true) await caring.released;
    }
    const joining = [...wanted.values()].filter(({ service }) => !this.#has(service));
    const isCrowded = joining.length > MOST_NAMED;
    const surroundings = new Surroundings(this.#ipvs, this.#process.reachHost, isCrowded);
    const before = new Map(this.#cares);
    const claims = new Map<string, Claims>();
    const elsewhere: ClaimedElsewhere[] = [];
    for (let first = 0; first < joining.length; first += CLAIMED_AT_ONCE) {
      if (first > 0) await this.#pause(slices);
      const some = joining.slice(first, first + CLAIMED_AT_ONCE);
      const ofSome = this.#claim(some, elsewhere);
      if (elsewhere.length >= MOST_CLASHES) break;
      if (ofSome === undefined) continue;
      stack.use(ofSome);
      for (const { service } of some) claims.set(formatServiceKey(service), ofSome);
    }
    throwFailures(elsewhere.length === 0 ? [] : await withTheirFiles(elsewhere));
    for (const [key, options] of wanted) {
      if (slices.isOver()) await this.#pause(slices);
      try {
        const present = before.get(key);
        const own = claims.get(key);
        if (own !== undefined) added.push(await this.#prepareNew(options, surroundings, own, config, stack));
        else if (
          present !== undefined &&
          (present.care.isLeaving || !Bun.deepEquals(present.care.finding.written, options))
        )
          changed.push(await this.#prepareChanged(present, options, surroundings, config, stack));
      } catch (error) {
        failures.push(this.#isAlone ? error : about(options, error));
      }
    }
    // Whoever went away while the others were prepared is claimed anew.
    if ([...wanted.keys()].some((key) => before.get(key)?.isOver === true)) {
      await stack.disposeAsync();
      return this.prepare(config, orphans);
    }
    throwFailures(failures);
    const removed = [...this.#cares.values()].filter((one) => !wanted.has(one.key) && !one.care.isLeaving);
    const held = stack.move();
    return {
      changes: [
        ...added.map(({ options }) => `+ ${fullName(options)}: ${countServers(options)}`),
        ...changed.flatMap(({ caring, written, discovery }) => {
          const options = discovery?.complete(written) ?? written;
          const what = caring.care.isLeaving ? "back again" : describeOptionsChange(caring.care.options, options);
          // The order of real servers may be another one, which means nothing.
          return what === "" ? [] : [`~ ${fullName(options)}: ${what}`];
        }),
        ...removed.map(({ care }) => `- ${fullName(care.options)}: its real servers drain, then it goes`),
      ],
      apply: async () => {
        if (this.#isStopping) throw stopping();
        held.move();
        if (isCrowded) this.#logger.info(`caring for ${countVirtualServers(joining)}`);
        const applied = Promise.withResolvers<void>();
        this.#applying = applied.promise;
        try {
          return await this.#apply(added, changed, removed, leaving);
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
    if (this.#noting !== undefined) this.#writeCared();
    const all = [...this.#cares.values()];
    this.#cares.clear();
    for (const one of all) await this.#release(one);
  }

  // --- internal ---

  /** The first at once; the rest of this process has turns between the others, as while they begin. */
  async #shutDownAll(): Promise<void> {
    const slices = new Slices();
    for (const one of this.#cares.values()) {
      if (slices.isOver()) await slices.pause();
      if (!one.isOver) one.care.shutDown();
    }
    this.#endIfDone();
  }

  /** Soon, once for all that change together. */
  #noteCared(): void {
    this.#noting ??= setTimeout(() => this.#writeCared(), NOTED_AFTER_MS).unref();
  }

  #writeCared(): void {
    clearTimeout(this.#noting);
    this.#noting = undefined;
    const inKernel = [...this.#cares.values()].filter(
      ({ preparation }) => preparation.selection.dataPlane.kind === "ipvs",
    );
    try {
      this.#cared?.write(inKernel.map(({ care }) => care.options));
    } catch (error) {
      this.#logger.debug(`what is cared for is not written down: ${describeError(error)}`);
    }
  }

  #has(service: ServiceKey): boolean {
    return this.#cares.has(formatServiceKey(service));
  }

  /** Undefined where others care for some of them, who are added to `elsewhere`. */
  #claim(all: readonly VirtualServerOptions[], elsewhere: ClaimedElsewhere[]): Claims | undefined {
    const services = all.map(({ service }) => service);
    try {
      return claimVirtualServers(services, process.getuid?.() ?? 0, this.#logger);
    } catch (error) {
      const failures: readonly unknown[] = error instanceof AggregateError ? error.errors : [error];
      const found = failures.filter((one) => one instanceof ClaimedElsewhere);
      if (found.length < failures.length) throw error;
      elsewhere.push(...found);
      return undefined;
    }
  }

  async #prepareNew(
    written: VirtualServerOptions,
    surroundings: Surroundings,
    claims: Claims,
    config: CareConfig,
    stack: AsyncDisposableStack,
  ): Promise<Prepared> {
    const logger = this.#isAlone ? this.#logger : prefixed(this.#logger, nameOf(written));
    const discovery = await this.#discover(written, config, undefined);
    if (discovery !== undefined) stack.use(discovery);
    const options = discovery?.complete(written) ?? written;
    const preparation = await prepare(options, surroundings, logger);
    stack.defer(() => preparation.selection.dataPlane.close());
    return { options, preparation, claims, written, discovery };
  }

  async #prepareChanged(
    caring: Caring,
    written: VirtualServerOptions,
    surroundings: Surroundings,
    config: CareConfig,
    stack: AsyncDisposableStack,
  ): Promise<Changed> {
    const { care, preparation } = caring;
    const before = care.finding.discovery;
    const isSame = before?.serves(written.discover) === true;
    const discovery = isSame ? before : await this.#discover(written, config, before);
    if (discovery !== undefined && !isSame) stack.use(discovery);
    const options = discovery?.complete(written) ?? written;
    const reach = await prepareAnew(preparation, care.options, options, surroundings);
    return { caring, written, discovery, reach };
  }

  /** Most daemons are told their members, and start without the code that finds them. */
  async #discover(
    written: VirtualServerOptions,
    { virtualServers, cacheDirectory }: CareConfig,
    before: Discovery | undefined,
  ): Promise<Discovery | undefined> {
    if (written.discover === undefined) return undefined;
    const { discover } = await import("./discovering.ts");
    const { openSource } = await import("./open-source.ts");
    const { now, facts } = this.#process;
    const clock = { now, setTimeout, clearTimeout: (timer: unknown) => clearTimeout(timer as Timer) };
    // Others may come.
    const own = (): readonly Endpoint[] =>
      [...virtualServers, ...[...this.#cares.values()].map(({ care }) => care.options)].map(
        ({ service }) => service.endpoint,
      );
    const discovering = {
      clock,
      timeOfDay: facts.timeOfDay,
      cacheDirectory,
      own,
      openSource,
    };
    return discover(written, written.discover, discovering, before);
  }

  /** Has a virtual server find its members from now on; those that it finds are another configuration of it alone. */
  #find({ care, relist }: Caring, written: VirtualServerOptions, discovery: Discovery | undefined): void {
    care.finding.findBy(discovery, written, { nodes: this.#process.nodes, changed: () => void relist.request() });
  }

  /** Has it be cared for with the members that are known by now. */
  async #relist(caring: Caring): Promise<void> {
    const isOut = (): boolean => this.#isStopping || caring.isOver || caring.care.isLeaving;
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
  async #apply(
    added: readonly Prepared[],
    changed: readonly Changed[],
    removed: readonly Caring[],
    orphans: ReadonlySet<VirtualServerOptions>,
  ): Promise<boolean> {
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
        isDone &&= !caring.isOver;
        if (caring.isOver) {
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
      for (const { options, preparation, claims, discovery } of unbegun) {
        discovery?.[Symbol.dispose]();
        await giveUp(options, preparation, claims);
      }
    }
  }

  async #pause(slices: Slices): Promise<void> {
    await slices.pause();
    if (this.#isStopping) throw stopping();
  }

  #add({ options, preparation, claims }: Prepared, holdFiles: HoldFiles): Caring {
    preparation.begin();
    const key = formatServiceKey(options.service);
    const care = new VirtualServerCare(this.#process, options, preparation, holdFiles);
    const caring: Caring = {
      key,
      preparation,
      claims,
      care,
      relist: new LatestOnly(() => this.#relist(caring)),
      isOver: false,
      released: Promise.resolve(),
    };
    this.#cares.set(key, caring);
    return caring;
  }

  #over(caring: Caring): void {
    caring.isOver = true;
    if (caring.care.isLeaving && !this.#isStopping) caring.released = this.#leave(caring);
    else this.#endIfDone();
  }

  /** It has left the data plane. The claim goes last: until then, what it had of reach is nobody else's. */
  async #leave(caring: Caring): Promise<void> {
    const { care, preparation, claims } = caring;
    const { logger } = preparation;
    try {
      await care.settled();
      care.close();
      await preparation.selection.dataPlane.close();
      await cleanAfter(care.options, this.#process.reachHost, logger);
      logger.info("gone, as the configuration says");
    } catch (error) {
      logger.warn(`something of it stays: ${describeError(error)}`);
    } finally {
      claims.release(care.options.service);
      this.#cares.delete(caring.key);
      this.#noteCared();
      this.#endIfDone();
    }
  }

  async #release({ care, preparation, claims }: Caring): Promise<void> {
    care.close();
    await giveUp(care.options, preparation, claims);
  }

  #endIfDone(): void {
    if (!this.#isStopping) return;
    // Not all of them each time one ends: there may be thousands.
    for (const { isOver } of this.#cares.values()) if (!isOver) return;
    this.#end.resolve();
  }
}

// --- internal ---

interface Prepared {
  /** With the members that were discovered. */
  readonly options: VirtualServerOptions;
  readonly preparation: Preparation;
  /** Its own is among them. */
  readonly claims: Claims;
  /** As the configuration has it. */
  readonly written: VirtualServerOptions;
  readonly discovery: Discovery | undefined;
}

interface Caring extends Omit<Prepared, "options" | "written" | "discovery"> {
  readonly key: string;
  readonly care: VirtualServerCare;
  /** Its members are others: it is given them, one list at a time, and the last one counts. */
  readonly relist: LatestOnly<void, void>;
  /** Its machine has ended. */
  isOver: boolean;
  /** When it is over: everything that it had is given up. */
  released: Promise<void>;
}

interface Changed {
  readonly caring: Caring;
  readonly written: VirtualServerOptions;
  readonly discovery: Discovery | undefined;
  readonly reach: Reach;
}

async function giveUp({ service }: VirtualServerOptions, { selection }: Preparation, claims: Claims): Promise<void> {
  claims.release(service);
  await selection.dataPlane.close();
}

const NOTED_AFTER_MS = 100;

/** After so many virtual servers that others care for, no more are tried. */
const MOST_CLASHES = 100;

/** Few enough for one turn. */
const CLAIMED_AT_ONCE = 100;

/** Of more virtual servers than this, the log tells as of one. */
const MOST_NAMED = 20;

function stopping(): LvscareError {
  return new LvscareError("NOT_RUNNING", "the daemon is stopping");
}

/** `21 virtual servers with 42 real servers` */
function countVirtualServers(all: readonly VirtualServerOptions[]): string {
  const realServers = all.reduce((sum, one) => sum + one.realServers.length, 0);
  return `${all.length} virtual servers with ${realServers} real servers`;
}

function countServers({ realServers }: VirtualServerOptions): string {
  return realServers.length === 1 ? "1 real server" : `${realServers.length} real servers`;
}
