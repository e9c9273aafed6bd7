import { adoptedState, adoptServer, joiningState } from "../desired/adoption.ts";
import { atWeights, isDrained } from "../desired/member.ts";
import { reconfiguredService, relisted } from "../desired/reconfigure.ts";
import { formatEndpoint } from "../domain/endpoint.ts";
import type { CareEvent } from "../domain/events.ts";
import type { ObservedVirtualServer, RealServer } from "../domain/virtual-server.ts";
import { configurationChange, type VirtualServerConfiguration } from "../domain/virtual-server-configuration.ts";
import { memberInput } from "./member-states.ts";
import type { RealServerActor, RealServerInput } from "./real-server-machine.ts";
import type { Member, VirtualServerContext } from "./virtual-server-context.ts";

/** A real server that is listed from now on: its actor is still to be started. */
export interface Joining {
  readonly member: Omit<Member, "ref">;
  readonly input: RealServerInput;
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

/** All real servers at the start, as the table says. */
export function adopted(
  context: VirtualServerContext,
  observed: ObservedVirtualServer | undefined,
  supervisor: RealServerInput["supervisor"],
): ReadonlyMap<string, Joining> {
  const asJoining = (server: RealServer): [string, Joining] => {
    const name = formatEndpoint(server.endpoint);
    const hold = context.holds.get(name);
    const isDrainedByConfiguration = context.drained.has(name);
    const isOut = isDrained({ hold, isDrainedByConfiguration });
    const placements = atWeights(adoptServer(server, observed));
    const state = adoptedState(server, observed, context.initState, isOut);
    return [
      name,
      {
        member: { ...placements, hold, isDrainedByConfiguration, isLeaving: false },
        input: memberInput(context, supervisor, server, state),
      },
    ];
  };
  return new Map(context.realServers.map(asJoining));
}

/** What another configuration makes of a supervisor. */
export interface Configured {
  /** `members`: those that stay, or leave. */
  readonly changes: Partial<VirtualServerContext> & Pick<VirtualServerContext, "members" | "policy">;
  readonly joining: ReadonlyMap<string, Joining>;
  readonly isPolicyNew: boolean;
  readonly event: CareEvent;
}

/** Undefined when nothing is to be done. `probe`: that of the real servers changed, too. */
export function configured(
  context: VirtualServerContext,
  configuration: VirtualServerConfiguration,
  supervisor: RealServerInput["supervisor"],
  probe: boolean,
): Configured | undefined {
  const before = configurationOf(context);
  const change = configurationChange(before, configuration);
  const { isWithdrawn: returned, overlay, members, table } = context;
  if (change === undefined && !returned && !probe) return undefined;
  const event: CareEvent = { type: "virtualServer.configured", change, probe, returned };
  if (change === undefined && !returned)
    return { changes: { members, policy: context.policy }, joining: new Map(), isPolicyNew: false, event };
  const { members: staying, joining } = relisted(members, before.realServers, configuration);
  const changes = {
    ...configurationFields(configuration),
    service: reconfiguredService(context.service, before.service, configuration.service),
    // A new object each time: what rounds remember of the last one is no longer true.
    members: staying,
    overlay: {
      ...overlay,
      departures: without(overlay.departures, joining),
      unlisted: without(overlay.unlisted, joining),
    },
    dirty: true,
  };
  const asJoining = (name: string, server: RealServer): Joining => {
    const known = overlay.departures.get(name)?.history;
    const hold = context.holds.get(name);
    const isDrainedByConfiguration = configuration.drained.has(name);
    const isOut = isDrained({ hold, isDrainedByConfiguration });
    const state = joiningState(server, table, configuration.initState, known, isOut);
    const placements = atWeights(adoptServer(server, table));
    return {
      member: { ...placements, hold, isDrainedByConfiguration, isLeaving: false },
      input: memberInput({ ...context, ...changes }, supervisor, server, state),
    };
  };
  return {
    changes,
    joining: new Map(Array.from(joining, ([name, server]) => [name, asJoining(name, server)])),
    isPolicyNew: change !== undefined && change.policy.length > 0,
    event,
  };
}

/** A configuration that is taken at the start, or before there are members. */
export function configurationFields(
  configuration: VirtualServerConfiguration,
): VirtualServerConfiguration & Pick<VirtualServerContext, "configuredService" | "isWithdrawn"> {
  const { service, realServers, policy, initState, unlisted, drained } = configuration;
  return {
    service,
    realServers,
    policy,
    initState,
    unlisted,
    drained,
    configuredService: service,
    isWithdrawn: false,
  };
}

// --- internal ---

function configurationOf({ configuredService, ...context }: VirtualServerContext): VirtualServerConfiguration {
  return { ...context, service: configuredService };
}

function without<T>(all: ReadonlyMap<string, T>, names: { has(name: string): boolean }): ReadonlyMap<string, T> {
  return [...all.keys()].some((name) => names.has(name)) ? new Map([...all].filter(([name]) => !names.has(name))) : all;
}
