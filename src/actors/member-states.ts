import type { Beginning } from "../desired/adoption.ts";
import type { Evidence, MemberState } from "../desired/member.ts";
import { formatEndpoint } from "../domain/endpoint.ts";
import type { RealServer } from "../domain/virtual-server.ts";
import { RAMP_STEPS, stateOf, type RealServerContext, type RealServerInput } from "./real-server-machine.ts";
import type { Member, SeenMember, SeenMembers, VirtualServerContext } from "./virtual-server-context.ts";

/** Health as the real server itself last reported it; read where it is needed, so that no copy can go stale. */
export function memberState(name: string, member: Member): MemberState {
  return memberStateOf(name, member, member.ref.getSnapshot().context);
}

export function memberStateOf(name: string, member: Omit<Member, "ref">, health: RealServerContext): MemberState {
  const { history, rampStep, advice, asked } = health;
  const share = rampStep / RAMP_STEPS;
  const { server, drained, hold, isDrainedByConfiguration, isLeaving } = member;
  return {
    name,
    server,
    drained,
    state: stateOf(health),
    evidence: evidenceOf(health),
    history,
    share,
    hold,
    isDrainedByConfiguration,
    isLeaving,
    ...(advice && { advice }),
    ...(asked && { asked }),
    ...(member.isUnanswered && { isUnanswered: true as const }),
  };
}

/** All members. Those without news are the same objects as in the last round. */
export function seeMembers({ members, seen }: VirtualServerContext): SeenMembers {
  if (seen.members !== members) {
    return {
      members,
      all: Array.from(members, ([name, member]) => see(name, member, member.ref.getSnapshot().context)),
    };
  }
  // So it mostly is: then the whole is the same object, too.
  if (seen.all.every(({ member, health }) => member.ref.getSnapshot().context === health)) return seen;
  return {
    members,
    all: seen.all.map((last) => {
      const health = last.member.ref.getSnapshot().context;
      return health === last.health ? last : see(last.name, last.member, health);
    }),
  };
}

/** What a real server's machine is started with. */
export function memberInput(
  context: Pick<VirtualServerContext, "checks" | "policy" | "now">,
  supervisor: RealServerInput["supervisor"],
  server: RealServer,
  { state, history, unproven }: Beginning,
): RealServerInput {
  return {
    server: formatEndpoint(server.endpoint),
    target: server.endpoint,
    supervisor,
    checks: context.checks,
    initial: state,
    history,
    unproven,
    policy: context.policy,
    now: context.now,
  };
}

// --- internal ---

function see(name: string, member: Member, health: RealServerContext): SeenMember {
  return { name, member, health, state: memberStateOf(name, member, health) };
}

function evidenceOf(health: RealServerContext): Evidence {
  const { lastVerdict } = health;
  if (lastVerdict === undefined) return stateOf(health) === "recovering" ? "none" : "table";
  if (lastVerdict.passed) return "passed";
  if (lastVerdict.leaving === true) return "leaving";
  if (lastVerdict.decided === true) return "declined";
  return lastVerdict.unreachable === true ? "unreachable" : "failed";
}
