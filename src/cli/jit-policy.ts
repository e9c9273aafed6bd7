import type { CareConfig } from "../config/care-options.ts";

/**
 * How much hotter than usual a function of a daemon must be before it is compiled to machine code (see
 * `Bun.unsafe.setJITPolicy`).
 *
 * With a few real servers, functions run seldom: compiling later saves a fifth of the memory and a third of the
 * processor time. With many, late compilation makes every check until then more expensive.
 */
export function jitPolicy({ virtualServers }: Pick<CareConfig, "virtualServers">): number {
  const checksPerSecond = virtualServers.reduce(
    (sum, { realServers, policy }) => sum + (realServers.length * 1000) / policy.intervalMs,
    0,
  );
  return checksPerSecond < MANY_CHECKS_PER_SECOND ? SELDOM_RUN : USUAL;
}

/** With which everything starts: much runs once. */
export const SELDOM_RUN = 8;

// --- internal ---

const USUAL = 1;

const MANY_CHECKS_PER_SECOND = 50;
