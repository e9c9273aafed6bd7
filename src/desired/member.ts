import type { AskedOf, RealServerState, WeightAdvice } from "../domain/health.ts";
import type { Hold } from "../domain/hold.ts";
import type { RealServer } from "../domain/virtual-server.ts";

/** What is known of one real server that is listed, or was until another one serves. */
export interface MemberState {
  /** Its formatted endpoint. */
  readonly name: string;
  readonly server: RealServer;
  /** The same at weight 0. */
  readonly drained: RealServer;
  readonly state: RealServerState;
  readonly evidence: Evidence;
  readonly history: History;
  /** The part of its weight that it has while it climbs: 0 to 1. */
  readonly share: number;
  /** What its last good check asked for. */
  readonly advice?: WeightAdvice;
  /** What its last check asked for besides. */
  readonly asked?: AskedOf;
  readonly hold: Hold | undefined;
  /** The configuration itself keeps it at weight 0. */
  readonly isDrainedByConfiguration: boolean;
  /** The configuration lists it no longer: see `desired/departure.ts`. */
  readonly isLeaving: boolean;
  /** Its clients seem to get no answer, and the check that was made because of that got none in its usual time. */
  readonly isUnanswered?: true;
}

/** Where its state comes from. */
export type Evidence =
  /** Nothing is known of it yet. */
  | "none"
  /** Not by a check of ours: by the table, or by an option of the daemon. */
  | "table"
  /** Its last check. */
  | "passed"
  | "failed"
  /** Its last check: it answers, and says that it is shutting down. */
  | "leaving"
  /** Its last check: whoever runs it says that it is to serve nobody. */
  | "declined"
  /** Its last check, which did not even get a connection. */
  | "unreachable";

/** What is known of its past. */
export type History =
  /** Clients were never sent to it. */
  | "none"
  /** It had a weight in the table when the daemon started, and so it had clients. */
  | "served"
  /** A check found it good, or it is to be trusted without one. */
  | "proven";

/** The two usual placements of a real server, made once: objects that are the same in two rounds need no comparison. */
export function atWeights(server: RealServer): Pick<MemberState, "server" | "drained"> {
  return { server, drained: { ...server, weight: 0 } };
}

export function isChecked({ evidence }: MemberState): boolean {
  return evidence !== "none" && evidence !== "table";
}

/** An operator or the configuration wants it to have no new clients. */
export function isDrained({
  hold,
  isDrainedByConfiguration,
}: Pick<MemberState, "hold" | "isDrainedByConfiguration">): boolean {
  return hold?.drained === true || isDrainedByConfiguration;
}

/** Its agent wants it to have no new clients; the weight that an operator gave it is above that. */
export function isAskedOut({ asked, hold }: Pick<MemberState, "asked" | "hold">): boolean {
  return asked?.hold !== undefined && hold?.weight === undefined;
}

/** Somebody wants it to serve nobody: whatever its health, that is no failure. */
export function isOutOnPurpose(member: MemberState): boolean {
  return isDrained(member) || isAskedOut(member) || member.evidence === "declined";
}

/** Its own checks have shown that it serves, and it may. */
export function isServing(member: MemberState): boolean {
  return member.state === "healthy" && member.history === "proven" && !isOutOnPurpose(member);
}

/** By its health it is not in the table. */
export function isAbsent({ state, share }: MemberState): boolean {
  return state === "removed" || (state === "recovering" && share === 0);
}
