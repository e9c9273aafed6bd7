/**
 * Limits on connections, so that clients from outside cannot take the descriptors that the daemon needs for its own
 * work.
 */
export interface DescriptorBudget {
  /** To the page, metrics and health. */
  readonly web: number;
  /** Through the proxy of the userspace data plane. */
  readonly proxied: number;
}

/**
 * Divides the descriptors that this process may open. Reserved before all else: a base for checks, netlink, the
 * control socket and the runtime, and three for each real server (a kept connection, a new one beside it and one
 * more); half of all at most.
 */
export function descriptorBudget(limit: number, realServers: number): DescriptorBudget {
  const keptBack = Math.min(limit / 2, BASE + FOR_EACH_SERVER * realServers);
  const left = limit - keptBack;
  const web = Math.min(MOST_WEB, Math.max(FEWEST, Math.floor(left / 8)));
  return { web, proxied: Math.max(FEWEST, Math.floor((left - web) / 2)) };
}

// --- internal ---

const BASE = 64;
const FOR_EACH_SERVER = 3;
const MOST_WEB = 128;
const FEWEST = 4;
