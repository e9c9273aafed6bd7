import { formatEndpoint } from "../domain/endpoint.ts";
import type { ClusterRights, DiscoveryStatus, MemberReport } from "../domain/members.ts";
import type { RealServer } from "../domain/virtual-server.ts";
import type { Known, Membership } from "./membership.ts";

/** What is told of a discovery. */
export interface DiscoveryView {
  readonly source: string;
  readonly policy: DiscoveryStatus["policy"];
  readonly way: string | undefined;
  readonly rights: ClusterRights | undefined;
  readonly membership: Membership;
  readonly toldAtMs: number | undefined;
  readonly failing: { readonly sinceMs: number; readonly reason: string } | undefined;
  readonly recallingSinceMs: number | undefined;
}

type Stamp = (ms: number) => string;

export function discoveryStatus(view: DiscoveryView, iso: Stamp): DiscoveryStatus {
  const { source, policy, way, rights, membership, toldAtMs, failing, recallingSinceMs } = view;
  const { members, isRemembered, doubt, emptySinceMs, ignored, drains } = membership;
  const kept = [
    ...(emptySinceMs === undefined
      ? []
      : [{ guard: "empty", since: iso(emptySinceMs), servers: [...(members?.keys() ?? [])] } as const]),
    ...(doubt === undefined
      ? []
      : [{ guard: "too-many", since: iso(doubt.sinceMs), servers: [...doubt.kept] } as const]),
  ];
  return {
    source,
    policy,
    ...(way !== undefined && { way }),
    ...(members !== undefined && { members: members.size }),
    ...(isRemembered && { isRemembered }),
    ...(toldAtMs !== undefined && { toldAt: iso(toldAtMs) }),
    ...(failing !== undefined && { failing: { since: iso(failing.sinceMs), reason: failing.reason } }),
    ...(kept.length > 0 && { kept }),
    ...(ignored.size > 0 && { ignored: [...ignored].map(([server, reason]) => ({ server, reason })) }),
    ...(recallingSinceMs !== undefined && { recalledSince: iso(recallingSinceMs) }),
    ...(drains.size > 0 && { drained: [...drains].map(([address, drain]) => ({ address, ...drain })) }),
    ...(rights !== undefined && { rights }),
  };
}

/** Each that is known of: those that count, those that cannot, those that were, and those of the configuration. */
export function memberReports(
  view: DiscoveryView,
  written: readonly RealServer[],
  iso: Stamp,
): readonly MemberReport[] {
  const { membership, policy, recallingSinceMs } = view;
  const { members = new Map<string, Known>(), attic, ignored } = membership;
  const isRecalling = recallingSinceMs !== undefined;
  const counting = [...members].map(([address, member]) => ({
    address,
    source: membership.isRemembered ? "remembered" : view.source,
    ...stateOf(address, membership),
    since: iso(member.sinceMs),
    ...more(member),
  }));
  const own = written
    .map((server) => ({ address: formatEndpoint(server.endpoint), weight: server.weight }))
    .filter(({ address }) => !members.has(address))
    .map((server) => ({ ...server, source: "configuration", ...ownState(view, isRecalling, policy) }));
  const former = [...attic]
    .filter(([address]) => !own.some((one) => one.address === address))
    .map(([address, member]) => ({
      address,
      source: view.source,
      state: isRecalling ? ("recalled" as const) : ("former" as const),
      since: iso(member.leftMs),
      reason: isRecalling ? NOBODY : "no longer listed",
      ...more(member),
    }));
  const unfit = [...ignored].map(([address, reason]) => ({
    address,
    source: view.source,
    state: "ignored" as const,
    reason: `it ${reason}`,
  }));
  return [...counting, ...own, ...unfit, ...former];
}

// --- internal ---

const NOBODY = "nobody of the list serves";

function stateOf(address: string, { doubt, emptySinceMs }: Membership): Pick<MemberReport, "state" | "reason"> {
  if (doubt?.kept.has(address)) return { state: "kept", reason: "too many vanished at once" };
  if (emptySinceMs !== undefined) return { state: "kept", reason: "the source lists nobody" };
  return { state: "listed" };
}

function ownState(
  { membership }: DiscoveryView,
  isRecalling: boolean,
  policy: DiscoveryStatus["policy"],
): Pick<MemberReport, "state" | "reason"> {
  if (policy === "merge") return { state: "listed" };
  if (policy === "only") return { state: "unused", reason: "only discovered members count" };
  if (membership.members === undefined) return { state: "listed" };
  return isRecalling ? { state: "recalled", reason: NOBODY } : { state: "unused", reason: "there is a list" };
}

function more({ weight, zone }: Known): Pick<MemberReport, "weight" | "zone"> {
  return { ...(weight !== undefined && { weight }), ...(zone !== undefined && { zone }) };
}
