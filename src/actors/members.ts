import { adoptedState, adoptServer, type Beginning } from "../desired/adoption.ts";
import { atWeights, isDrained, type Evidence, type MemberState } from "../desired/member.ts";
import { formatEndpoint } from "../domain/endpoint.ts";
import { withHold } from "../domain/hold.ts";
import type { ObservedVirtualServer, RealServer } from "../domain/virtual-server.ts";
import {
  RAMP_STEPS,
  stateOf,
  type RealServerActor,
  type RealServerContext,
  type RealServerInput,
} from "./real-server-machine.ts";
import type {
  AnswerReport,
  Member,
  OperatorRequest,
  SeenMember,
  SeenMembers,
  Step,
  VirtualServerContext,
} from "./virtual-server-context.ts";

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

/** A real server that is listed from now on: its actor is still to be started. */
export interface Joining {
  readonly member: Omit<Member, "ref">;
  readonly input: RealServerInput;
}

/** All real servers at the start, as the table says. */
export function adopted(
  context: VirtualServerContext,
  observed: ObservedVirtualServer | undefined,
  supervisor: RealServerInput["supervisor"],
): ReadonlyMap<string, Joining> {
  const standing = { ...context, table: observed };
  const asJoining = (server: RealServer): Joining =>
    joiningMember(standing, server, supervisor, (isOut) => adoptedState(server, observed, context.initState, isOut));
  return new Map(context.realServers.map((server) => [formatEndpoint(server.endpoint), asJoining(server)]));
}

/** One that joins, as it stands in the table where it does. `begin`: its first state, by whether it is drained. */
export function joiningMember(
  context: VirtualServerContext,
  server: RealServer,
  supervisor: RealServerInput["supervisor"],
  begin: (isDrained: boolean) => Beginning,
): Joining {
  const name = formatEndpoint(server.endpoint);
  const hold = context.holds.get(name);
  const isDrainedByConfiguration = context.drained.has(name);
  const placements = atWeights(adoptServer(server, context.table));
  return {
    member: { ...placements, hold, isDrainedByConfiguration, isLeaving: false },
    input: memberInput(context, supervisor, server, begin(isDrained({ hold, isDrainedByConfiguration }))),
  };
}

/** With their actors. */
export function started(
  joining: ReadonlyMap<string, Joining>,
  start: (id: string, input: RealServerInput) => RealServerActor,
): ReadonlyMap<string, Member> {
  return new Map(Array.from(joining, ([id, { member, input }]) => [id, { ...member, ref: start(id, input) }]));
}

/** As they are listed, with those that leave after them. */
export function inOrder(
  realServers: readonly RealServer[],
  members: ReadonlyMap<string, Member>,
  joined: ReadonlyMap<string, Member>,
): ReadonlyMap<string, Member> {
  if (joined.size === 0) return members;
  const all = new Map([...members, ...joined]);
  const names = new Set([...realServers.map(({ endpoint }) => formatEndpoint(endpoint)), ...members.keys()]);
  return new Map(
    Array.from(names).flatMap((name): [string, Member][] => {
      const member = all.get(name);
      return member === undefined ? [] : [[name, member]];
    }),
  );
}

/** An operator holds it, or lets it go. */
export function held(
  { holds, members }: VirtualServerContext,
  { server, hold }: Extract<OperatorRequest, { type: "operator.hold" }>,
): Step | undefined {
  const member = members.get(server);
  if (member === undefined || member.hold === hold) return undefined;
  return {
    changes: {
      holds: withHold(holds, server, hold, members),
      members: new Map(members).set(server, { ...member, hold }),
      dirty: true,
    },
    events: [{ type: "realServer.held", server, hold }],
  };
}

/** Whether its clients get an answer, by its check. */
export function answered({ members }: VirtualServerContext, report: AnswerReport): Step | undefined {
  const { server } = report;
  const member = members.get(server);
  const isUnanswered = report.type === "answer.missing" ? true : undefined;
  if (member === undefined || member.isUnanswered === isUnanswered) return undefined;
  // What its checks have found already goes further than this.
  if (isUnanswered && memberState(server, member).state !== "healthy") return undefined;
  return {
    changes: { members: new Map(members).set(server, { ...member, isUnanswered }), dirty: true },
    events: [
      report.type === "answer.missing"
        ? { type: "realServer.unanswered", server, afterMs: report.afterMs }
        : { type: "realServer.answered", server },
    ],
  };
}

/** It cannot be checked, and is not waited for. */
export function uncheckable({ uncheckable: known }: VirtualServerContext, server: string): Step | undefined {
  if (known.has(server)) return undefined;
  return { changes: { uncheckable: new Set(known).add(server), dirty: true }, events: [] };
}

/** Those that are not waited for any more are members no more. */
export function withoutDeparted(
  members: VirtualServerContext["members"],
  { departures }: VirtualServerContext["overlay"],
): VirtualServerContext["members"] {
  if (![...departures.keys()].some((name) => members.has(name))) return members;
  return new Map([...members].filter(([name]) => !departures.has(name)));
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
