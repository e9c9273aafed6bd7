import { formatEndpoint } from "../domain/endpoint.ts";
import type { HealthPolicy } from "../domain/health-policy.ts";
import type { ApplyReport } from "./apply-plan.ts";
import type { MemberState } from "./desired-state.ts";

/**
 * Fail-open or the last resort held it and no longer does, and it is unwell still: it has clients, so it drains as one does that has just failed,
 * though its machine may have had it drain or gone for long.
 */
export interface Release {
  /** Since when it stands at weight 0; undefined while that is not written. */
  readonly sinceMs: number | undefined;
  /** Open connections as last counted since then; undefined when nobody counted. */
  readonly connections: number | undefined;
}

/** By formatted endpoint. */
export type Releases = ReadonlyMap<string, Release>;

export const NOBODY: Releases = new Map();

/** So it mostly is, and each round asks. */
export function isNobody(releases: Releases): boolean {
  return releases.size === 0;
}

/**
 * Health as it counts for fail-open: whoever was held as a last resort, or was let go and has not drained yet, is still in service, whatever its
 * machine says.
 */
export function withReleases(
  members: readonly MemberState[],
  releases: Releases,
  lastHeld: ReadonlySet<string> = new Set(),
): readonly MemberState[] {
  if (isNobody(releases) && lastHeld.size === 0) return members;
  const serves = ({ name }: MemberState): boolean => releases.has(name) || lastHeld.has(name);
  return members.map((member) => (isOut(member) && serves(member) ? { ...member, state: "draining" } : member));
}

/** Those that may still stand when a round begins: also the drained ones, whom others may yet give a weight and new clients. */
export function releasesAt(releases: Releases, members: readonly MemberState[]): Releases {
  return isNobody(releases) ? releases : pick(members, (member) => releases.get(member.name));
}

/** Those of them that are still to drain. */
export function stillDraining(
  releases: Releases,
  members: readonly MemberState[],
  policy: HealthPolicy,
  nowMs: number,
): Releases {
  if (isNobody(releases)) return releases;
  return pick(members, (member) => {
    const release = releases.get(member.name);
    return release !== undefined && !hasDrained(release, member, policy, nowMs) ? release : undefined;
  });
}

/** Those who were held until now, and no longer are. */
export function letGo(
  before: ReadonlySet<string> | undefined,
  held: ReadonlySet<string> | undefined,
  members: readonly MemberState[],
): Releases {
  if (before === undefined) return NOBODY;
  return pick(members, ({ name }) =>
    before.has(name) && held?.has(name) !== true ? { sinceMs: undefined, connections: undefined } : undefined,
  );
}

/** Whoever is held anew is let go anew, should that end. */
export function withoutHeld(releases: Releases, held: ReadonlySet<string> | undefined): Releases {
  if (held === undefined || isNobody(releases)) return releases;
  return new Map([...releases].filter(([name]) => !held.has(name)));
}

/** After a round: who was found at weight 0 has its connections counted, who was lowered to it drains from now on, who went is forgotten. */
export function releasesAfter(
  releases: Releases,
  { observed, hasRead, operations }: Pick<ApplyReport, "observed" | "hasRead" | "operations">,
  nowMs: number,
): Releases {
  if (isNobody(releases)) return releases;
  const standing = new Map(observed?.realServers.map((one) => [formatEndpoint(one.server.endpoint), one]));
  const lowered = new Set(
    operations.flatMap((one) =>
      one.kind === "server.update" && one.server.weight === 0 ? [formatEndpoint(one.server.endpoint)] : [],
    ),
  );
  const removed = new Set(
    operations.flatMap((one) => (one.kind === "server.remove" ? [formatEndpoint(one.endpoint)] : [])),
  );
  return new Map(
    [...releases].flatMap(([key, { sinceMs, connections }]): [string, Release][] => {
      const found = standing.get(key);
      if (found === undefined || removed.has(key)) return [];
      if (found.server.weight === 0)
        return [[key, { sinceMs: sinceMs ?? nowMs, connections: hasRead ? found.activeConnections : connections }]];
      return [[key, { sinceMs: lowered.has(key) ? nowMs : undefined, connections: undefined }]];
    }),
  );
}

// --- internal ---

/** A round comes once each interval; half of one is asked for, because timers may fire a little early. */
function hasDrained(
  { sinceMs, connections }: Release,
  member: MemberState,
  policy: HealthPolicy,
  nowMs: number,
): boolean {
  if (sinceMs === undefined) return false;
  const forMs = nowMs - sinceMs;
  if (forMs < policy.intervalMs / 2) return false;
  return policy.drain === "next-check" || connections === 0 || member.unreachable || forMs >= policy.drainTimeoutMs;
}

/** Its machine would have it absent. */
function isOut({ state, share }: MemberState): boolean {
  return state === "removed" || (state === "recovering" && share === 0);
}

/** Its machine would have no new clients for it. */
function isUnwell(member: MemberState): boolean {
  return member.state === "draining" || isOut(member);
}

function pick(members: readonly MemberState[], releaseOf: (member: MemberState) => Release | undefined): Releases {
  return new Map(
    members.filter(isUnwell).flatMap((member): [string, Release][] => {
      const release = releaseOf(member);
      return release === undefined ? [] : [[member.name, release]];
    }),
  );
}
