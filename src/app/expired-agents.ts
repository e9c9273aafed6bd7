import type { HealthCheckOptions } from "../config/combination.ts";
import type { ProbeOptions } from "../config/probe-kinds/probe-kinds.ts";
import type { CheckPart } from "../domain/health.ts";

/** What is known of a real server's agents by its checks so far. */
export interface KnownAgents {
  /** One is not heard any more. */
  readonly isUnheard: boolean;
  /** Of several checks, what each found. */
  readonly parts: readonly CheckPart[];
}

/**
 * The same for a single check: the agents that were waited for long enough already are not waited for again, so that it
 * says what the daemon decides by.
 */
export function withExpiredAgents(options: HealthCheckOptions, { isUnheard, parts }: KnownAgents): HealthCheckOptions {
  if (options.type !== "combination") return isUnheard ? waitingForNobody(options) : options;
  const expired = new Set(parts.filter(({ state }) => state === "expired").map(({ name }) => name));
  const members = options.members.map((member) =>
    expired.has(member.name) ? { ...member, probe: waitingForNobody(member.probe) } : member,
  );
  return { ...options, members };
}

// --- internal ---

function waitingForNobody(options: ProbeOptions): ProbeOptions {
  return options.type === "agent" ? { ...options, staleAfterMs: 0 } : options;
}
