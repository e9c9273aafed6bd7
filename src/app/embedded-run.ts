import { LvscareError } from "../domain/errors.ts";
import type { Logger } from "../domain/logger.ts";

/** Something that runs inside another program: begins once, and ends once. */
export class EmbeddedRun {
  /** Rejects with the failure that ended it, if one did. */
  readonly ended: Promise<void>;
  readonly #stop = new AbortController();
  readonly #end = Promise.withResolvers<void>();
  #state: "new" | "running" | "ended" = "new";

  constructor() {
    this.ended = this.#end.promise;
    // A caller that only starts it gets the failure there. It must not count as unhandled as well.
    this.ended.catch(() => undefined);
  }

  get isEnding(): boolean {
    return this.#state === "ended" || this.#stop.signal.aborted;
  }

  /** Aborted when it is to end. */
  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  /**
   * Runs until the signal is aborted. Resolves when `begun` was called, or when it ended without a failure before
   * that; rejects with ALREADY_RUNNING the second time.
   */
  async start(run: (stop: AbortSignal, begun: () => void) => Promise<void>): Promise<void> {
    if (this.#state !== "new") throw new LvscareError("ALREADY_RUNNING", "this was started before; create another one");
    this.#state = "running";
    const begun = Promise.withResolvers<void>();
    run(this.#stop.signal, begun.resolve)
      .finally(() => void (this.#state = "ended"))
      .then(this.#end.resolve, this.#end.reject);
    await Promise.race([begun.promise, this.ended]);
  }

  /** Idempotent; settles when it has ended, and never rejects. */
  async stop(): Promise<void> {
    if (this.#state === "new") this.#end.resolve();
    this.#stop.abort();
    await this.ended.catch(() => undefined);
  }
}

/** For programs that give no logger. */
export const SILENT: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};
