import type { Clock } from "../../probe/clock.ts";

export interface PatiencePorts {
  readonly clock: Clock;
  readonly random: () => number;
  /** Ends the watch. */
  readonly end: () => void;
}

/**
 * How long a watch is believed to go on. One that says nothing, or whose API server hangs, is open for ever: the kernel of
 * that server goes on acknowledging whatever is sent to it.
 */
export class WatchPatience implements Disposable {
  readonly #ports: PatiencePorts;
  #silence: unknown;
  #doubt: unknown;
  /** Why it was ended, if it was. */
  lost: "silent" | "doubted" | undefined;

  constructor(ports: PatiencePorts) {
    this.#ports = ports;
  }

  /** Its answer has begun, or has gone on. */
  heard(): void {
    const { clock } = this.#ports;
    clock.clearTimeout(this.#silence);
    this.#silence = clock.setTimeout(() => this.#lose("silent"), SILENT_MS);
  }

  /**
   * An API server fails while others do not, and it may be this watch's. In a moment, so that the virtual server leads to the
   * others by then, and not all nodes of a cluster come at once.
   */
  doubt(): void {
    const { clock, random } = this.#ports;
    this.#doubt ??= clock.setTimeout(() => this.#lose("doubted"), SETTLED_MS * (1 + random()));
  }

  [Symbol.dispose](): void {
    const { clock } = this.#ports;
    for (const timer of [this.#silence, this.#doubt]) clock.clearTimeout(timer);
  }

  // --- internal ---

  #lose(why: "silent" | "doubted"): void {
    this.lost ??= why;
    this.#ports.end();
  }
}

// --- internal ---

/** Bookmarks come about every minute: a watch that says nothing for so long may have nothing to say it with. */
const SILENT_MS = 150_000;
const SETTLED_MS = 1000;
