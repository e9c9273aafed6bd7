import type { HealthPolicy } from "../../src/domain/health-policy.ts";
import type { RealServerState } from "../../src/domain/health.ts";

/** What one real server is in, as the state chart tells it: written down a second time, without looking at the machine. */
export interface ChartPosition {
  readonly state: RealServerState;
  /** In a row, up to now. */
  readonly passes: number;
  readonly failures: number;
  /** Tenths of its weight while it climbs; 0 when it does not. */
  readonly step: number;
  /** Never seen by clients: one good check is enough, and no slow start. */
  readonly isNew: boolean;
  /** Open connections as counted since it drains. */
  readonly connections: number | undefined;
  /** It said that it shuts down, and has not failed `fall` times in a row since. */
  readonly isLeaving: boolean;
}

export type ChartEvent =
  /** `isAtOnce`: several checks have counted for themselves. */
  | { readonly type: "passes"; readonly isAtOnce?: boolean }
  /** `isLate`: it has drained for as long as it may. */
  | { readonly type: "fails"; readonly isUnreachable: boolean; readonly isLate: boolean; readonly isAtOnce: boolean }
  | { readonly type: "leaves" }
  | { readonly type: "counted"; readonly connections: number | undefined }
  | { readonly type: "climbs" };

/** One row of the chart. Rows are tried in their order, and the first that fits counts. */
interface Row {
  readonly in: RealServerState | "climbing";
  readonly on: ChartEvent["type"];
  readonly when?: (position: ChartPosition, policy: HealthPolicy, event: ChartEvent) => boolean;
  readonly to: RealServerState | "climbing";
}

const hasFallen: NonNullable<Row["when"]> = ({ failures }, { fall }, event) =>
  failures >= fall || (event.type === "fails" && event.isAtOnce);
const hasRisen: NonNullable<Row["when"]> = ({ passes, isNew }, { rise }, event) =>
  passes >= (isNew ? 1 : rise) || (event.type === "passes" && event.isAtOnce === true);
const mustClimb: Row["when"] = (position, policy, event) =>
  hasRisen(position, policy, event) && policy.slowStartMs > 0 && !position.isNew;
const isDrained: Row["when"] = (position, policy, event) =>
  !(position.isLeaving && !hasFallen(position, policy, event)) && mayGo(position, policy, event);
const mayGo: NonNullable<Row["when"]> = ({ connections }, { drain }, event) =>
  drain === "next-check" || connections === 0 || (event.type === "fails" && (event.isUnreachable || event.isLate));

/** Counters are those after the event. What is not listed changes nothing. */
export const CHART: readonly Row[] = [
  { in: "healthy", on: "fails", when: hasFallen, to: "draining" },
  { in: "healthy", on: "leaves", to: "draining" },
  { in: "draining", on: "passes", when: hasRisen, to: "healthy" },
  { in: "draining", on: "fails", when: isDrained, to: "removed" },
  { in: "removed", on: "passes", when: mustClimb, to: "climbing" },
  { in: "removed", on: "passes", when: hasRisen, to: "healthy" },
  { in: "removed", on: "passes", to: "recovering" },
  { in: "recovering", on: "passes", when: mustClimb, to: "climbing" },
  { in: "recovering", on: "passes", when: hasRisen, to: "healthy" },
  { in: "recovering", on: "fails", to: "removed" },
  { in: "recovering", on: "leaves", to: "removed" },
  { in: "climbing", on: "fails", to: "draining" },
  { in: "climbing", on: "leaves", to: "draining" },
  { in: "climbing", on: "climbs", when: ({ step }) => step === 9, to: "healthy" },
  { in: "climbing", on: "climbs", to: "climbing" },
];

export function startPosition(state: RealServerState, isNew: boolean): ChartPosition {
  return {
    state,
    passes: 0,
    failures: 0,
    step: 0,
    isNew: isNew && state !== "healthy",
    connections: undefined,
    isLeaving: false,
  };
}

/** The row that an event meets; undefined when nothing changes but counters. */
export function rowFor(position: ChartPosition, event: ChartEvent, policy: HealthPolicy): Row | undefined {
  const here = position.step > 0 ? "climbing" : position.state;
  const next = count(position, event);
  return CHART.find((row) => row.in === here && row.on === event.type && (row.when?.(next, policy, event) ?? true));
}

export function step(position: ChartPosition, event: ChartEvent, policy: HealthPolicy): ChartPosition {
  const next = counted(position, event, policy);
  switch (rowFor(position, event, policy)?.to) {
    case undefined:
      return next;
    case "climbing":
      return { ...next, state: "recovering", step: position.step + 1 };
    case "healthy":
      return { ...next, state: "healthy", step: 0, isNew: false };
    case "draining":
      return { ...next, state: "draining", step: 0, connections: undefined };
    case "removed":
      return { ...next, state: "removed" };
    case "recovering":
      return { ...next, state: "recovering" };
  }
}

/** Its part of the weight in the table, in tenths; undefined: absent. */
export function tenths({ state, step }: ChartPosition): number | undefined {
  if (state === "healthy") return 10;
  if (state === "draining") return 0;
  return step > 0 ? step : undefined;
}

// --- internal ---

/** After the event has been judged: failures that were to be counted first are counted. */
function counted(position: ChartPosition, event: ChartEvent, policy: HealthPolicy): ChartPosition {
  const next = count(position, event);
  return event.type === "fails" && hasFallen(next, policy, event) ? { ...next, isLeaving: false } : next;
}

function count(position: ChartPosition, event: ChartEvent): ChartPosition {
  switch (event.type) {
    case "passes":
      return { ...position, passes: position.passes + 1, failures: 0, isLeaving: false };
    case "leaves":
      return { ...position, passes: 0, failures: 0, isLeaving: true };
    case "fails":
      return { ...position, passes: 0, failures: position.failures + 1 };
    case "counted":
      return position.state === "draining" ? { ...position, connections: event.connections } : position;
    case "climbs":
      return position;
  }
}
