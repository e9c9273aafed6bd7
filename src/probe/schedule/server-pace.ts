import type { ServerBudget } from "../../config/care-options.ts";

/** A check as its server's pace sees it. */
export interface PacedCheck {
  /** Its formatted endpoint. */
  readonly server: string;
  readonly startedAtMs: number | undefined;
  /** It has this moment to itself; undefined: none yet. */
  slotMs: number | undefined;
}

/**
 * What a whole cluster asks of one real server: this node has its share of a budget, one check in so many seconds, and
 * the phases of all nodes are random. So that a death that all nodes notice at one moment brings no storm either,
 * nothing is saved up: after a check, the next one has to wait.
 */
export class ServerPace {
  readonly #random: () => number;
  /** From one check of a server to the next; undefined: there is no budget. */
  #gapMs: number | undefined;
  /** The first moment that nobody has. */
  readonly #free = new Map<string, number>();

  constructor(random: () => number) {
    this.#random = random;
  }

  /** The moments that were given away before do not count any more. */
  keep(budget: ServerBudget | undefined): void {
    this.#gapMs = budget && (1000 * budget.nodes) / budget.perSecond;
    this.#free.clear();
  }

  /** Undefined where there is no budget. */
  get gapMs(): number | undefined {
    return this.#gapMs;
  }

  /** When it may start: its own moment, which it gets when it asks first, so that the checks of one server take turns. */
  slotOf(check: PacedCheck, nowMs: number): number {
    if (this.#gapMs === undefined) return nowMs;
    return (check.slotMs ??= this.#reserve(check, this.#gapMs, nowMs));
  }

  forget(server: string): void {
    this.#free.delete(server);
  }

  // --- internal ---

  #reserve({ server }: PacedCheck, gapMs: number, nowMs: number): number {
    // All nodes of a cluster may start at one moment, but none of them can wait for long.
    const free = this.#free.get(server) ?? nowMs + this.#random() * Math.min(gapMs, LONGEST_START_MS);
    const slotMs = Math.max(nowMs, free);
    this.#free.set(server, slotMs + gapMs);
    return slotMs;
  }
}

// --- internal ---

/** Of the first check of a server. */
const LONGEST_START_MS = 10_000;
