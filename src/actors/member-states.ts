import type { MemberState } from "./desired-state.ts";
import { RAMP_STEPS, type RealServerContext } from "./real-server-machine.ts";
import type {
  Member,
  SeenMember,
  SeenMembers,
  VirtualServerContext,
  VirtualServerInput,
} from "./virtual-server-context.ts";

/** Health as the real server itself last reported it; read where it is needed, so that no copy can go stale. */
export function memberState(name: string, member: Member, initState: VirtualServerInput["initState"]): MemberState {
  return stateOf(name, member, member.ref.getSnapshot().context, initState);
}

/** All of them: those of whom nothing is new are the same objects as in the last round. */
export function seeMembers({ members, seen, initState }: VirtualServerContext): SeenMembers {
  const see = (name: string, member: Member, health: RealServerContext): SeenMember => {
    return { name, member, health, state: stateOf(name, member, health, initState) };
  };
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

// --- internal ---

function stateOf(
  name: string,
  member: Member,
  health: RealServerContext,
  initState: VirtualServerInput["initState"],
): MemberState {
  const { reported, everPassed, served, lastVerdict, rampStep } = health;
  const unreachable = lastVerdict?.passed === false && lastVerdict.unreachable === true;
  return {
    name,
    server: member.server,
    drained: member.drained,
    state: reported,
    proven: everPassed || initState === "up",
    judged: lastVerdict !== undefined || reported !== "recovering",
    checked: lastVerdict !== undefined,
    served,
    unreachable,
    accepts: lastVerdict !== undefined && !unreachable,
    share: rampStep / RAMP_STEPS,
    hold: member.hold,
  };
}
