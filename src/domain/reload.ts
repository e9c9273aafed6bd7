/** What became of a request to read the configuration file again. */
export interface ReloadReport {
  /** `refused`: the file has problems, and nothing was changed. */
  readonly outcome: "applied" | "unchanged" | "refused";
  /** Of an unchanged one: when it was read before, perhaps because its change was noticed. */
  readonly since?: string;
  /** What is other than before, a line each. */
  readonly changes: readonly string[];
  /** What is on its way out and keeps its open connections for a while, a line each. */
  readonly draining: readonly string[];
  /** Virtual servers whose changed probe has yet to prove itself, a line each; absent where there are none. */
  readonly onTrial?: readonly string[];
  /**
   * What was taken over and is probably not meant so, and what of it could not be had, a line each with its place; absent
   * where there is none.
   */
  readonly warnings?: readonly string[];
  /** Those whose changed probe would take all of their real servers out, and why, a line each; absent where there are none. */
  readonly suspicious?: readonly string[];
  /** Why it was refused: a line for each problem, with its place in the file. */
  readonly problems: readonly string[];
}
