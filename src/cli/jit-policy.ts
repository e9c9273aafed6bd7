import type { CareOptions } from "../config/care-options.ts";

/**
 * How much hotter than usual a function of a daemon has to be to become machine code (see `Bun.unsafe.setJITPolicy`).
 *
 * With a few real servers it runs each of its functions seldom: to put that off saves a fifth of its memory and a third of its processor time. With
 * many, code that is compiled late is paid for with every check until then.
 */
export function jitPolicy({ realServers, policy }: Pick<CareOptions, "realServers" | "policy">): number {
  const checksPerSecond = (realServers.length * 1000) / policy.intervalMs;
  return checksPerSecond < MANY_CHECKS_PER_SECOND ? SELDOM_RUN : USUAL;
}

/** With which everything starts: much runs once. */
export const SELDOM_RUN = 8;

// --- internal ---

const USUAL = 1;

const MANY_CHECKS_PER_SECOND = 50;
