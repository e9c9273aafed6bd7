import { reconcileReach, type ObjectReport } from "../actors/reconcile-reach.ts";
import type { QuietWatch, Watched } from "../dataplane/quiet-watch.ts";
import { describeError } from "../domain/errors.ts";
import type { Logger } from "../domain/logger.ts";
import type { HostObject } from "../reach/host-object.ts";
import type { Reach } from "./reach.ts";

/** Reach as the machine that keeps it sees it. */
export interface KeptReach {
  reconcile(): Promise<readonly ObjectReport[]>;
  /** Calls back when it is time to look; returns a function that ends it. */
  watch(onChange: () => void): () => void;
  /** All stood at the last round, and `watch` calls back when that has changed: no round is needed before. */
  readonly isQuiet: boolean;
}

/** Who looks at it between rounds, and how often. */
export interface ReachWatching {
  readonly looks: QuietWatch;
  readonly everyMs: () => number;
}

/** The reach of a running virtual server, which another configuration may change. */
export class LiveReach implements KeptReach {
  readonly #logger: Logger;
  #reach: Reach;
  /** What the configurations before had, to be taken back when what is wanted now stands. */
  #retired: readonly HostObject[] = [];
  #onChange: (() => void) | undefined;
  #endWatch: (() => void) | undefined;
  readonly #watching: ReachWatching;
  #quiet: readonly Watched[] = [];
  #round: Promise<unknown> = Promise.resolve();

  constructor(reach: Reach, watching: ReachWatching, logger: Logger) {
    this.#reach = reach;
    this.#watching = watching;
    this.#logger = logger;
  }

  /** The new one is made first; then `retired` is taken back. */
  change(reach: Reach, retired: readonly HostObject[]): void {
    this.#reach = reach;
    // What is wanted again must not be taken back once it stands.
    const wanted = new Set(reach.objects.map(({ name }) => name));
    this.#retired = [...this.#retired, ...retired].filter(({ name }) => !wanted.has(name));
    if (this.#onChange === undefined) return;
    this.#endWatch?.();
    this.#endWatch = reach.watch(this.#onChange);
    this.#onChange();
  }

  /** Asks for a round: from then on, looks come as often as they are to come by now. */
  lookAgain(): void {
    this.#onChange?.();
  }

  get isQuiet(): boolean {
    return this.#quiet.length > 0;
  }

  reconcile(): Promise<readonly ObjectReport[]> {
    const round = this.#reconcile();
    this.#round = round.catch(() => undefined);
    return round;
  }

  /** Waits for a round that is under way, though its machine may have ended: it may still make something. */
  async settled(): Promise<void> {
    await this.#round;
  }

  watch(onChange: () => void): () => void {
    this.#onChange = onChange;
    this.#endWatch = this.#reach.watch(onChange);
    return () => {
      this.#onChange = undefined;
      this.#endWatch?.();
      this.#endQuiet();
    };
  }

  // --- internal ---

  async #reconcile(): Promise<readonly ObjectReport[]> {
    this.#endQuiet();
    const reach = this.#reach;
    const reports = await reconcileReach(reach.objects);
    if (reports.length > 0 && reports.every(({ outcome }) => outcome === "stood")) this.#beginQuiet(reach.objects);
    // Changed meanwhile: the next round, which has been asked for, judges by that.
    if (reach !== this.#reach || reports.some(({ outcome }) => outcome === "failed")) return reports;
    // A change meanwhile may want again what is still to be taken back.
    for (let [next] = this.#retired; next !== undefined && reach === this.#reach; [next] = this.#retired) {
      this.#retired = this.#retired.slice(1);
      await takeBack(next, this.#logger);
    }
    return reports;
  }

  #beginQuiet(objects: readonly HostObject[]): void {
    // Nobody would hear of a change.
    if (this.#onChange === undefined) return;
    const { looks, everyMs } = this.#watching;
    this.#endQuiet();
    const { heardOf = [], others = [] } = Object.groupBy(objects, ({ isHeardOf }) =>
      isHeardOf ? "heardOf" : "others",
    );
    const watch = (some: readonly HostObject[], ms: number): readonly Watched[] =>
      some.length === 0 ? [] : [looks.join(ms, { isAsKnown: () => allStand(some) }, () => this.#deviated())];
    this.#quiet = [...watch(others, everyMs()), ...watch(heardOf, Math.max(everyMs(), MISSED_MS))];
  }

  #deviated(): void {
    this.#endQuiet();
    this.#onChange?.();
  }

  #endQuiet(): void {
    for (const one of this.#quiet) one.leave();
    this.#quiet = [];
  }
}

// --- internal ---

/** How often to look for changes that should have been heard of: a setting may be written through another `/proc`. */
const MISSED_MS = 30_000;

async function allStand(objects: readonly HostObject[]): Promise<boolean> {
  for (const object of objects) if ((await object.inspect()) !== undefined) return false;
  return true;
}

async function takeBack(object: HostObject, logger: Logger): Promise<void> {
  try {
    if (await object.remove()) logger.info(`removed ${object.name}`);
  } catch (error) {
    logger.warn(`${object.name} is no longer needed, but stays: ${describeError(error)}`);
  }
}
