import { throwFailures } from "../domain/errors.ts";
import type { Logger } from "../domain/logger.ts";
import { formatServiceKey, type ServiceKey } from "../domain/virtual-server.ts";
import { claimVirtualServers, type Claims } from "./claim.ts";
import { ClaimedElsewhere, withTheirFiles } from "./claimed-elsewhere.ts";

/**
 * Claims any number of virtual servers, a part of them in each turn: `pause` comes between two. What is claimed goes
 * onto the stack, also where this rejects: with all that others care for, and their files. Which claim is whose, by
 * `formatServiceKey`.
 */
export async function claimMany(
  services: readonly ServiceKey[],
  logger: Logger,
  pause: () => Promise<void>,
  stack: AsyncDisposableStack,
): Promise<ReadonlyMap<string, Claims>> {
  const claims = new Map<string, Claims>();
  const elsewhere: ClaimedElsewhere[] = [];
  for (let first = 0; first < services.length; first += CLAIMED_AT_ONCE) {
    if (first > 0) await pause();
    const some = services.slice(first, first + CLAIMED_AT_ONCE);
    const ofSome = claimUnlessElsewhere(some, logger, elsewhere);
    if (elsewhere.length >= MOST_CLASHES) break;
    if (ofSome === undefined) continue;
    stack.use(ofSome);
    for (const service of some) claims.set(formatServiceKey(service), ofSome);
  }
  throwFailures(elsewhere.length === 0 ? [] : await withTheirFiles(elsewhere));
  return claims;
}

// --- internal ---

/** After so many virtual servers that others care for, no more are tried. */
const MOST_CLASHES = 100;

/** Few enough for one turn. */
const CLAIMED_AT_ONCE = 100;

/** Undefined where others care for some of them, who are added to `elsewhere`. */
function claimUnlessElsewhere(
  services: readonly ServiceKey[],
  logger: Logger,
  elsewhere: ClaimedElsewhere[],
): Claims | undefined {
  try {
    return claimVirtualServers(services, process.getuid?.() ?? 0, logger);
  } catch (error) {
    const failures: readonly unknown[] = error instanceof AggregateError ? error.errors : [error];
    const found = failures.filter((one) => one instanceof ClaimedElsewhere);
    if (found.length < failures.length) throw error;
    elsewhere.push(...found);
    return undefined;
  }
}
