import { fromCallback, fromPromise, type AnyStateMachine, type AnyStateNode } from "xstate";
import type { ObservedVirtualServer, ServiceKey } from "../domain/virtual-server.ts";
import { createDaemonMachine } from "./daemon-machine.ts";
import { createReachMachine } from "./reach-machine.ts";
import { realServerMachine } from "./real-server-machine.ts";
import type { ObjectReport } from "./reconcile-reach.ts";
import { createVirtualServerMachine } from "./virtual-server-machine.ts";

// These are looked at and never run: their ports lead nowhere.
const virtualServer = createVirtualServerMachine({
  readTable: fromPromise<ObservedVirtualServer | undefined, ServiceKey>(() => Promise.resolve(undefined)),
  openRounds: () => {
    throw new Error("a machine that is only looked at has no rounds");
  },
  checks: fromCallback(() => undefined),
});
const reach = createReachMachine({
  reconcile: fromPromise<readonly ObjectReport[], ServiceKey>(() => Promise.resolve([])),
  watchHost: fromCallback(() => undefined),
});

export const MACHINES = {
  "real-server": realServerMachine,
  "virtual-server": virtualServer,
  reach,
  daemon: createDaemonMachine({ virtualServer, reach }),
} as const satisfies Readonly<Record<string, AnyStateMachine>>;

/** A machine as a picture needs it: plain data. */
export interface MachineGraph {
  readonly name: string;
  readonly states: readonly GraphState[];
  readonly transitions: readonly GraphTransition[];
}

export interface GraphState {
  /** `recovering.climbing` */
  readonly path: string;
  readonly tags: readonly string[];
  /** The state in which its parent, or the machine, begins. */
  readonly isInitial: boolean;
  readonly isFinal: boolean;
  readonly children: readonly string[];
}

export interface GraphTransition {
  readonly from: string;
  readonly to: string;
  /** What triggers it; empty when it is taken as soon as its condition holds. */
  readonly event: string;
  /** The condition, by its name; undefined when there is none. */
  readonly guard?: string;
}

/** The states and transitions of a machine, taken from the machine itself. */
export function machineGraph(name: keyof typeof MACHINES): MachineGraph {
  const { root } = MACHINES[name];
  const nodes = descendants(root);
  return {
    name,
    states: nodes.map((node) => ({
      path: pathOf(node),
      tags: [...node.tags],
      isInitial: node.parent?.initial.target.includes(node) === true,
      isFinal: node.type === "final",
      children: Object.values(node.states).map(pathOf),
    })),
    transitions: nodes.flatMap(transitionsOf),
  };
}

// --- internal ---

function descendants(node: AnyStateNode): AnyStateNode[] {
  return Object.values(node.states).flatMap((child) => [child, ...descendants(child)]);
}

function pathOf(node: AnyStateNode): string {
  return node.path.join(".");
}

function transitionsOf(node: AnyStateNode): GraphTransition[] {
  const all = [...node.transitions.values()].flat().concat(node.always ?? []);
  return all.flatMap(({ target, eventType, guard }) =>
    (target ?? []).map((to) => ({
      from: pathOf(node),
      to: pathOf(to),
      event: eventName(eventType),
      ...(guard !== undefined && { guard: guardName(guard) }),
    })),
  );
}

/** XState's own events by their meaning: a timer, an actor that is done or broke. */
function eventName(type: string): string {
  const [, delay] = /^xstate\.after\.([^.]+)\./.exec(type) ?? [];
  if (delay !== undefined) return `after ${delay}`;
  if (type.startsWith("xstate.done.actor.")) return "done";
  if (type.startsWith("xstate.error.actor.")) return "failed";
  return type;
}

function guardName(guard: unknown): string {
  if (typeof guard === "string") return guard;
  const { type, params } = Object(guard) as { type?: unknown; params?: unknown };
  if (typeof type === "string") return typeof params === "string" ? `${type} ${params}` : type;
  return "condition";
}
