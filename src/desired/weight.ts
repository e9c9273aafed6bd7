import { shareOfWeight, type WeightAdvice } from "../domain/health.ts";
import { LARGEST_WEIGHT, type RealServer } from "../domain/virtual-server.ts";
import { isAbsent, isAskedOut, type MemberState } from "./member.ts";

/** A real server's place in the table. `leaving`: at weight 0 while it is there, and never created. */
export type Placement = RealServer | "leaving" | "absent";

/** What lies over the health of all, each by its formatted endpoint. */
export interface WeightOverlay {
  /** Fail-open or the last resort keeps them in service. */
  readonly retained: ReadonlySet<string>;
  /** They were retained, and drain now. */
  readonly draining: ReadonlySet<string>;
  /** They answer nobody at the moment, and others serve: they get no new clients meanwhile. */
  readonly unanswered: ReadonlySet<string>;
}

/** What decides a real server's weight: the first in this order that applies. */
const PRECEDENCE: readonly ((member: MemberState, overlay: WeightOverlay) => Placement | undefined)[] = [
  operatorsDrain,
  configurationsDrain,
  agentsDrain,
  failOpenAndLastResort,
  leaving,
  unansweredClients,
  health,
];

export function placementOf(member: MemberState, overlay: WeightOverlay): Placement {
  for (const decide of PRECEDENCE) {
    const placement = decide(member, overlay);
    if (placement !== undefined) return placement;
  }
  return "absent";
}

// --- internal ---

function operatorsDrain(member: MemberState, overlay: WeightOverlay): Placement | undefined {
  return member.hold?.drained === true ? drained(member, overlay) : undefined;
}

/** No operator's request lifts it. */
function configurationsDrain(member: MemberState, overlay: WeightOverlay): Placement | undefined {
  return member.isDrainedByConfiguration ? drained(member, overlay) : undefined;
}

function agentsDrain(member: MemberState, overlay: WeightOverlay): Placement | undefined {
  return isAskedOut(member) ? drained(member, overlay) : undefined;
}

/** A server that would be in the table stays there at weight 0; one that would be absent stays absent. */
function drained(member: MemberState, { retained }: WeightOverlay): Placement | undefined {
  return retained.has(member.name) || !isAbsent(member) ? member.drained : undefined;
}

function failOpenAndLastResort(member: MemberState, { retained }: WeightOverlay): Placement | undefined {
  return retained.has(member.name) ? atFullWeight(member) : undefined;
}

function leaving(member: MemberState, { draining }: WeightOverlay): Placement | undefined {
  return draining.has(member.name) && isAbsent(member) ? "leaving" : undefined;
}

/** Before its health has changed, which takes its checks' timeout. */
function unansweredClients({ name, drained }: MemberState, { unanswered }: WeightOverlay): Placement | undefined {
  return unanswered.has(name) ? drained : undefined;
}

function health(member: MemberState): Placement {
  const { state, share, drained } = member;
  if (isAbsent(member)) return "absent";
  if (state === "healthy") return atFullWeight(member);
  return state === "draining" ? drained : { ...drained, weight: Math.ceil(atFullWeight(member).weight * share) };
}

/** The weight that an operator asked for, else the one that its check advises, else the configured one. */
function atFullWeight({ server, hold, advice, asked }: MemberState): RealServer {
  const weight = hold?.weight ?? (advice && advisedWeight(server, advice)) ?? server.weight;
  const limit = asked?.limit ?? server.upperThreshold;
  if (weight === server.weight && limit === server.upperThreshold) return server;
  // The kernel takes none below which it serves again that is above the other.
  const lowerThreshold = Math.min(server.lowerThreshold, limit);
  return { ...server, weight, upperThreshold: limit, lowerThreshold };
}

function advisedWeight({ weight }: RealServer, advice: WeightAdvice): number {
  return Math.min("weight" in advice ? advice.weight : shareOfWeight(weight, advice.percent), LARGEST_WEIGHT);
}
