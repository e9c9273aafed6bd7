import type { CareConfig } from "../config/care-options.ts";

/**
 * How much hotter than usual a function of a daemon must be before it is compiled to machine code (see
 * `Bun.unsafe.setJITPolicy`).
 *
 * With a few real servers, functions run seldom: to compile hardly anything saves a tenth of the memory and half of the
 * processor time in the first minutes, a quarter later. With many, late compilation makes every check until then more
 * expensive.
 */
export function jitPolicy({ virtualServers }: Pick<CareConfig, "virtualServers">): number {
  const checksPerSecond = virtualServers.reduce(
    (sum, { realServers, policy }) => sum + (realServers.length * 1000) / policy.intervalMs,
    0,
  );
  if (checksPerSecond < FEW_CHECKS_PER_SECOND) return HARDLY_RUN;
  return checksPerSecond < MANY_CHECKS_PER_SECOND ? SELDOM_RUN : USUAL;
}

/**
 * How long after its start a daemon takes that policy, in milliseconds. A start runs most of its code a few times:
 * with a hundred servers, compiling it would be a third of it. With a thousand it pays at once.
 */
export function jitDelayMs({ virtualServers }: Pick<CareConfig, "virtualServers">): number {
  const checks = virtualServers.reduce((sum, { realServers }) => sum + realServers.length, 0);
  return checks < CROWD ? STARTED_MS : 0;
}

/** With which everything starts: much runs once. */
export const HARDLY_RUN = 200;

// --- internal ---

const SELDOM_RUN = 8;
const USUAL = 1;

const FEW_CHECKS_PER_SECOND = 10;
const MANY_CHECKS_PER_SECOND = 50;

const CROWD = 500;

const STARTED_MS = 5000;
