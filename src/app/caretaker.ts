import type { CareConfig, VirtualServerOptions } from "../config/care-options.ts";
import { openIpvs } from "../dataplane/ipvs/ipvs-plane.ts";
import { SharedDataPlane } from "../dataplane/shared-data-plane.ts";
import type { Logger } from "../domain/logger.ts";
import { formatServiceKey } from "../domain/virtual-server.ts";
import type { CareProcess } from "./care-process.ts";
import { claimVirtualServer } from "./claim.ts";
import { prepare, type Preparation } from "./preparation.ts";
import { VirtualServerCare } from "./virtual-server-care.ts";

/** Another configuration, found to work on this host. Nothing has changed yet; disposing of it gives it up. */
export interface PreparedConfig extends AsyncDisposable {
  /** Begins to care as it says. */
  apply(): void;
}

/**
 * Cares for the virtual servers of a configuration, each with a claim, holds, machines and a share of reach of its
 * own; all use one connection to the kernel and one schedule of checks.
 */
export class Caretaker {
  /** Settles when caring has ended: rejects with what ended it, if something broke. */
  readonly ended: Promise<void>;
  readonly #process: CareProcess;
  readonly #logger: Logger;
  readonly #ipvs = new SharedDataPlane(openIpvs);
  /** By `formatServiceKey`, in the order of the configuration. */
  readonly #cares = new Map<string, Caring>();
  readonly #end = Promise.withResolvers<void>();
  #isStopping = false;

  constructor(process: CareProcess, logger: Logger) {
    this.#process = process;
    this.#logger = logger;
    this.ended = this.#end.promise;
    // It may break before anybody waits for it.
    this.ended.catch(() => undefined);
  }

  get virtualServers(): readonly VirtualServerCare[] {
    return Array.from(this.#cares.values(), ({ care }) => care);
  }

  /**
   * Claims and prepares what is new in this configuration. Rejects with the first reason why it cannot be cared for
   * here; nothing has changed then.
   */
  async prepare(config: CareConfig): Promise<PreparedConfig> {
    await using stack = new AsyncDisposableStack();
    const isAlone = config.virtualServers.length === 1;
    const added: Prepared[] = [];
    for (const options of config.virtualServers) {
      const own = isAlone ? this.#logger : prefixed(this.#logger, nameOf(options));
      const claim = stack.use(claimVirtualServer(options.service, process.getuid?.() ?? 0, own));
      const preparation = await prepare(options, () => this.#ipvs.open(), own);
      stack.defer(() => preparation.selection.dataPlane.close());
      added.push({ preparation, claim });
    }
    const held = stack.move();
    return {
      apply: () => {
        held.move();
        this.#begin(added);
      },
      [Symbol.asyncDispose]: () => held.disposeAsync(),
    };
  }

  /** Ends caring; the kernel's entries stay. */
  shutDown(): void {
    this.#isStopping = true;
    for (const { care } of this.#cares.values()) care.shutDown();
    this.#endIfDone();
  }

  /** Gives up the claims and closes the data planes. */
  async close(): Promise<void> {
    for (const { care, preparation, claim } of this.#cares.values()) {
      await care.close();
      claim[Symbol.dispose]();
      await preparation.selection.dataPlane.close();
    }
    this.#cares.clear();
  }

  // --- internal ---

  #begin(added: readonly Prepared[]): void {
    const begun = added.map(({ preparation, claim }) => {
      const care = new VirtualServerCare(this.#process, preparation);
      this.#cares.set(formatServiceKey(preparation.options.service), { preparation, claim, care });
      return care;
    });
    for (const care of begun) {
      care.ended.then(() => this.#endIfDone(), this.#end.reject);
      care.start();
    }
  }

  #endIfDone(): void {
    if (!this.#isStopping) return;
    void Promise.all(this.virtualServers.map(({ ended }) => ended)).then(() => this.#end.resolve(), this.#end.reject);
  }
}

// --- internal ---

interface Prepared {
  readonly preparation: Preparation;
  readonly claim: Disposable;
}

interface Caring extends Prepared {
  readonly care: VirtualServerCare;
}

function nameOf({ name, service }: VirtualServerOptions): string {
  return name ?? formatServiceKey(service);
}

/** Puts the name of its virtual server in front of each line. */
function prefixed(logger: Logger, name: string): Logger {
  return {
    debug: (message, fields) =>
      logger.debug(typeof message === "string" ? `${name}: ${message}` : () => `${name}: ${message()}`, fields),
    info: (message, fields) => logger.info(`${name}: ${message}`, fields),
    warn: (message, fields) => logger.warn(`${name}: ${message}`, fields),
    error: (message, fields) => logger.error(`${name}: ${message}`, fields),
  };
}
