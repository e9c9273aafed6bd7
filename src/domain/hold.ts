import { LARGEST_WEIGHT } from "./virtual-server.ts";

/**
 * What an operator asked for one real server (`lvscare drain`, `lvscare weight`). It overrides the desired state; the
 * server's health is still what its checks say.
 */
export interface Hold {
  /** ISO 8601, UTC. */
  readonly since: string;
  /** Takes no new connections until `lvscare undrain`. */
  readonly drained: boolean;
  /** Instead of the configured weight. */
  readonly weight?: number;
  /** The operator's name, as their program gave it; absent if it did not. */
  readonly by?: string;
}

/** Holds by formatted endpoint. */
export type Holds = ReadonlyMap<string, Hold>;

export type HoldChange =
  | { readonly kind: "drain" }
  | { readonly kind: "undrain" }
  /** Undefined: the configured weight again. */
  | { readonly kind: "weight"; readonly weight: number | undefined };

/**
 * The hold after a change; undefined when nothing is held any more. The same object if the change asks for nothing
 * new.
 */
export function changeHold(current: Hold | undefined, change: HoldChange, now: string, by?: string): Hold | undefined {
  const drained = change.kind === "weight" ? current?.drained === true : change.kind === "drain";
  const weight = change.kind === "weight" ? change.weight : current?.weight;
  if (!drained && weight === undefined) return undefined;
  if (current !== undefined && current.drained === drained && current.weight === weight) return current;
  return { since: now, drained, ...(weight !== undefined && { weight }), ...(by !== undefined && { by }) };
}

/**
 * All holds after a change of one. Those of servers that are not listed are remembered for when they are again: the
 * newest thousand, since discovered ones may never be.
 */
export function withHold(
  holds: Holds,
  server: string,
  hold: Hold | undefined,
  listed: { has(server: string): boolean },
): Holds {
  const all = new Map(holds);
  if (hold === undefined) all.delete(server);
  else all.set(server, hold);
  const absent = [...all].filter(([name]) => !listed.has(name)).toSorted(([, a], [, b]) => compare(b.since, a.since));
  for (const [name] of absent.slice(MOST_REMEMBERED)) all.delete(name);
  return all;
}

/** A name that is safe in a log line. */
export function isOperatorName(name: string): boolean {
  return /^[\w.@+$-][\w.@+$ -]{0,63}$/.test(name);
}

/** `10.0.0.1:6443: drained, by alice since 2026-11-24T10:00:00.000Z`. */
export function describeHeld(server: string, hold: Hold): string {
  return `${server}: ${describeHold(hold)},${hold.by === undefined ? "" : ` by ${hold.by}`} since ${hold.since}`;
}

/** `drained`, `weight 5`, `drained, weight 5 after that`, `nothing held`. */
export function describeHold(hold: Hold | undefined): string {
  if (hold === undefined) return "nothing held";
  if (!hold.drained) return `weight ${hold.weight ?? "as configured"}`;
  return hold.weight === undefined ? "drained" : `drained, weight ${hold.weight} after that`;
}

/** Reads stored holds; undefined for anything else. */
export function parseHolds(value: unknown): Holds | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  const entries = Object.entries(value);
  return entries.every((entry): entry is [string, Hold] => isHold(entry[1])) ? new Map(entries) : undefined;
}

// --- internal ---

const MOST_REMEMBERED = 1000;

/** Times in ISO 8601 and UTC are in the order of their texts. */
function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

function isHold(value: unknown): boolean {
  const { since, drained, weight, by } = Object(value) as Readonly<Record<string, unknown>>;
  return (
    typeof since === "string" &&
    !Number.isNaN(Date.parse(since)) &&
    typeof drained === "boolean" &&
    (weight === undefined || isWeight(weight)) &&
    (by === undefined || (typeof by === "string" && isOperatorName(by)))
  );
}

function isWeight(value: unknown): boolean {
  return typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= LARGEST_WEIGHT;
}
