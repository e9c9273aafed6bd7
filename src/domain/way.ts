/** The result of one try whether a client of this host gets through the virtual address. */
export interface WayReading {
  /** Milliseconds until the connection was made, or until it was given up. */
  readonly latencyMs: number;
  /** Why there was no answer, and what to do; undefined when there was one. */
  readonly problem?: string;
}

/** Changes of the way through the virtual address; nothing is reported while it stays the same. */
export type WayEvent =
  /** A connection through it works, for the first time or again. */
  | { readonly type: "way.answers"; readonly latencyMs: number; readonly again: boolean }
  /** No client gets through, although a server is in service. */
  | { readonly type: "way.lost"; readonly problem: string }
  /** It could not be tried: this program is at fault. */
  | { readonly type: "way.untried"; readonly error: unknown };
