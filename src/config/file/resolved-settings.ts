import { CARE_OPTION_ROWS } from "../care-option-rows.ts";
import type { VirtualServerOptions } from "../care-options.ts";
import type { GivenOption, GivenOptions } from "../option-row.ts";
import { PROBE_KINDS, PROBE_ROWS, type ProbeOptions, type ProbeType } from "../probe-kinds/probe-kinds.ts";
import { OptionValues, type OptionProblem } from "../option-values.ts";
import { resolveHealthPolicy } from "../resolve-health-policy.ts";
import { resolveProbe } from "../resolve-probe.ts";
import { resolveReach } from "../resolve-reach.ts";
import { parseWeight, resolveKeeping } from "../resolve-servers.ts";
import { parseBoolean } from "../value-parsers.ts";
import type { Settings } from "./settings.ts";

type Kept = "policy" | "reach" | "dataPlane" | "initState" | "unlisted" | "checkWay" | "suspicion";

/** What the flags' own resolvers make of settings, whatever the virtual address is. */
export interface Resolved extends Pick<VirtualServerOptions, Kept> {
  readonly scheduler: string;
  readonly weight: number;
  readonly probe: ProbeOptions;
  readonly refused: readonly OptionProblem[];
}

/** Of a probe: its kind, and those of its keys that are options. */
export interface ProbeSettings {
  readonly type: ProbeType;
  readonly settings: Settings;
}

/** What every option of a file may be. */
export const FILE_ROWS = [...new Set([...CARE_OPTION_ROWS, ...PROBE_ROWS])];

/** Resolves settings, equal ones once: most virtual servers of a file have the same. */
export class ResolvedSettings {
  readonly #known = new Map<string, Resolved>();

  /** Of a virtual server, and of the probe that it has. */
  get(settings: Settings, { type, settings: probe }: ProbeSettings = NONE): Resolved {
    const key = `${keyOf(settings)}\n${type}\n${keyOf(probe)}`;
    const known = this.#known.get(key) ?? resolve(new Map([...pacedAs(type, settings, probe), ...probe]), type);
    this.#known.set(key, known);
    return known;
  }
}

// --- internal ---

const NONE: ProbeSettings = { type: "http", settings: new Map() };

/** A kind that has a pace of its own inherits none, but where it names one. */
function pacedAs(type: ProbeType, settings: Settings, probe: Settings): GivenOptions {
  const interval = PROBE_KINDS.find((kind) => kind.type === type)?.ownPace?.interval;
  if (interval === undefined || probe.has("interval")) return settings;
  const others = [...settings].filter(([flag]) => !["interval-fast", "interval-down"].includes(flag));
  return new Map<string, GivenOption>([...others, ["interval", { source: "interval", texts: [interval] }]]);
}

/** Equal for equal texts. A value that could not be read has none. */
function keyOf(settings: Settings): string {
  let key = "";
  for (const [flag, { texts }] of settings) key += `${flag}${texts.length}${texts.join("\0")}\0`;
  return key;
}

function resolve(settings: GivenOptions, type: ProbeType): Resolved {
  const values = new OptionValues<string>(FILE_ROWS, settings);
  const policy = resolveHealthPolicy(values);
  return {
    policy,
    ...resolveKeeping(values),
    reach: resolveReach(values, undefined),
    probe: resolveProbe(values, policy, type),
    checkWay: values.read("check-way", parseBoolean),
    suspicion: values.read("suspicion", parseBoolean),
    weight: values.read("weight", parseWeight),
    refused: values.refused,
  };
}
