import { joiningState } from "../desired/adoption.ts";
import { reconfiguredService, relisted } from "../desired/reconfigure.ts";
import type { CareEvent } from "../domain/events.ts";
import type { RealServer } from "../domain/virtual-server.ts";
import { configurationChange, type VirtualServerConfiguration } from "../domain/virtual-server-configuration.ts";
import { joiningMember, type Joining } from "./members.ts";
import type { ProbeReport } from "./probe-trial.ts";
import type { RealServerInput } from "./real-server-machine.ts";
import type { Step, VirtualServerContext } from "./virtual-server-context.ts";

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
  const after = { ...context, ...changes };
  const asJoining = (name: string, server: RealServer): Joining => {
    const known = overlay.departures.get(name)?.history;
    return joiningMember(after, server, supervisor, (isOut) =>
      joiningState(server, table, configuration.initState, known, isOut),
    );
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

/** It left the configuration. */
export function withdrawn({ isWithdrawn, members, realServers }: VirtualServerContext): Step | undefined {
  if (isWithdrawn) return undefined;
  return {
    changes: { isWithdrawn: true, members: new Map(members), dirty: true },
    events: [{ type: "virtualServer.withdrawn", servers: realServers.length }],
  };
}

/** What became of a changed probe. */
export function probeReported({ now }: VirtualServerContext, report: ProbeReport): Step {
  const suspicion = report.type === "probe.suspicious" ? { ...report, sinceMs: now() } : undefined;
  return { changes: { suspicion }, events: [report] };
}

// --- internal ---

function configurationOf({ configuredService, ...context }: VirtualServerContext): VirtualServerConfiguration {
  return { ...context, service: configuredService };
}

function without<T>(all: ReadonlyMap<string, T>, names: { has(name: string): boolean }): ReadonlyMap<string, T> {
  return [...all.keys()].some((name) => names.has(name)) ? new Map([...all].filter(([name]) => !names.has(name))) : all;
}
