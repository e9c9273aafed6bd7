import type { Findings } from "./finding.ts";
import { expected } from "./key-value.ts";
import { within, type Place } from "./place.ts";
import { ProbeDraft } from "./probe-draft.ts";
import { isMap, readMap, takeAll, type PlacedValue, type YamlMap } from "./settings.ts";

/** How real servers are checked, as a file says it: the name of a probe, one that stands there itself, or several. */
export type ProbeChoice = NamedProbe | ProbeDraft | CombinationDraft;

/** One that stands under `probes` at the top of the file. */
export interface NamedProbe {
  /** Undefined when it was no text, which was told. */
  readonly probe: string | undefined;
  readonly place: Place;
}

/** Several probes that decide together. */
export interface CombinationDraft {
  readonly place: Place;
  readonly members: readonly (NamedProbe | ProbeDraft)[];
  /** Undefined: all of them. */
  readonly atLeast: PlacedValue | undefined;
}

export const PROBE_CHOICE_KEYS = ["probe", "probes"] as const;

/** What these keys of a map say, laid over what was there before. */
export function takeChoice(
  before: ProbeChoice | undefined,
  map: YamlMap,
  place: Place,
  findings: Findings,
): ProbeChoice | undefined {
  const { probe, probes } = map;
  if (probe !== undefined && probe !== null && probes !== undefined && probes !== null) {
    findings.error("conflict", within(place, "probes"), "goes not beside probe", {
      at: "key",
      hint: "put that one among the probes",
    });
  }
  let choice = before;
  if (probe !== undefined) choice = takeProbe(choice, probe, within(place, "probe"), findings);
  if (probes === null) return choice !== undefined && "members" in choice ? undefined : choice;
  return probes === undefined ? choice : takeProbes(probes, within(place, "probes"), findings);
}

// --- internal ---

function takeProbe(
  before: ProbeChoice | undefined,
  value: unknown,
  place: Place,
  findings: Findings,
): ProbeChoice | undefined {
  if (value === null) return before !== undefined && "members" in before ? before : undefined;
  const several = isMap(value) ? COMBINATION_KEYS.find((key) => key in value) : undefined;
  if (several !== undefined) {
    const hint = "several checks stand under probes, such as probes: {all: [...]}";
    findings.error("unknown", within(place, several), `unknown key ${several}`, { at: "key", hint });
    return { probe: undefined, place };
  }
  return readProbe(before instanceof ProbeDraft ? before.copy() : undefined, value, place, findings);
}

function readProbe(
  before: ProbeDraft | undefined,
  value: unknown,
  place: Place,
  findings: Findings,
): NamedProbe | ProbeDraft {
  if (typeof value === "string") return { probe: value, place };
  if (isMap(value)) {
    const draft = before ?? new ProbeDraft(place);
    draft.take(value, place, findings);
    return draft;
  }
  findings.error("type", place, expected("a probe or the name of one", value).problem);
  return { probe: undefined, place };
}

const COMBINATION_KEYS = ["all", "any", "at-least", "of"] as const;
type CombinationKey = (typeof COMBINATION_KEYS)[number];

function takeProbes(value: unknown, place: Place, findings: Findings): CombinationDraft {
  const nothing: CombinationDraft = { place, members: [], atLeast: undefined };
  const map = readMap(value, place, findings);
  if (map === undefined) return nothing;
  const given = new Map<CombinationKey, PlacedValue>();
  const take = (key: CombinationKey, one: unknown, at: Place): void => {
    if (one !== null) given.set(key, { value: one, place: at });
  };
  const known = Object.keys(map).length;
  takeAll(map, place, { names: COMBINATION_KEYS, take }, findings);
  const [all, any, atLeast, of] = COMBINATION_KEYS.map((key) => given.get(key));
  const rules = [all, any, atLeast ?? of].filter((one) => one !== undefined);
  if (rules.length > 1)
    findings.error(
      "conflict",
      rules[1]?.place ?? place,
      "only one of all, any and at-least says how many have to pass",
      {
        at: "key",
      },
    );
  else if (rules.length === 0 && known === given.size)
    findings.error("missing", place, "needs all, any or at-least", { at: "key", hint: "such as {all: [...]}" });
  else if (atLeast !== undefined && of === undefined)
    findings.error("missing", atLeast.place, "needs of, the list of probes", { at: "key" });
  else if (atLeast === undefined && of !== undefined)
    findings.error("missing", of.place, "needs at-least, the number of those that have to pass", { at: "key" });
  const list = all ?? any ?? of;
  if (list === undefined) return nothing;
  const members = readMembers(list, findings);
  return { place, members, atLeast: any === undefined ? atLeast : { value: 1, place: any.place } };
}

function readMembers({ value, place }: PlacedValue, findings: Findings): readonly (NamedProbe | ProbeDraft)[] {
  if (!Array.isArray(value)) {
    findings.error("type", place, expected("a list of probes", value).problem);
    return [];
  }
  if (value.length === 0) findings.error("missing", place, "needs at least one probe");
  return value.map((one: unknown, index) => readProbe(undefined, one, within(place, index), findings));
}
