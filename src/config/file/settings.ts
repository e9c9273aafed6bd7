import type { GivenOption } from "../option-row.ts";
import type { OptionProblem } from "../option-values.ts";
import { unknownKey, type KeyTable, type OptionKey } from "./file-keys.ts";
import type { Findings } from "./finding.ts";
import { expected, valueTexts } from "./key-value.ts";
import { within, type Place } from "./place.ts";

/** An option of a file: its texts as a flag would have them. */
export interface PlacedOption extends GivenOption {
  readonly place: Place;
}

/** A value of which nothing is known yet. */
export interface PlacedValue {
  readonly value: unknown;
  readonly place: Place;
}

/** Options by flag. */
export type Settings = Map<string, PlacedOption>;

export type YamlMap = Readonly<Record<string, unknown>>;

export function isMap(value: unknown): value is YamlMap {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A map, or a finding that it is none. `hint`: what to write instead. */
export function readMap(value: unknown, place: Place, findings: Findings, hint?: string): YamlMap | undefined {
  if (isMap(value)) return value;
  const more = hint === undefined ? {} : { hint };
  findings.error("type", place, expected("keys with values", value).problem, more);
  return undefined;
}

/** Keys beside those of options, and who reads them: `null` as well. */
export interface OtherKeys<Key extends string> {
  readonly names: readonly Key[];
  take(key: Key, value: unknown, place: Place): void;
}

/** Takes all that a map has: other keys, and options of the table, if there is one. What remains is unknown. */
export function takeAll<Key extends string>(
  map: YamlMap,
  place: Place,
  others: OtherKeys<Key>,
  findings: Findings,
  options?: { readonly keys: KeyTable; readonly settings: Settings },
): void {
  for (const key of Object.keys(map)) {
    const at = within(place, key);
    const option = options?.keys.get(key);
    if ((others.names as readonly string[]).includes(key)) others.take(key as Key, map[key], at);
    else if (option?.kind === "option" && options !== undefined)
      takeOption(option, map[key], at, options.settings, findings);
    else tellUnknown(key, place, [...others.names, ...(options?.keys.keys() ?? [])], findings);
  }
}

export function tellUnknown(key: string, place: Place, known: readonly string[], findings: Findings): void {
  const shown = key.length > LONGEST_KEY ? `${key.slice(0, LONGEST_KEY)}…` : key;
  findings.error("unknown", within(place, key), `unknown key ${shown}`, {
    at: "key",
    ...unknownKey(key, known),
  });
}

/** Hands on what the flags' own parsers refused, at the places of the values. */
export function tellRefused(
  refused: readonly OptionProblem[],
  placeOf: (flag: string) => Place | undefined,
  fallback: Place,
  findings: Findings,
): void {
  for (const { flag, code, message, hint } of refused) {
    const place = placeOf(flag) ?? fallback;
    findings.error(code, place, message, hint === undefined ? {} : { hint });
  }
}

// --- internal ---

const LONGEST_KEY = 60;

/**
 * Takes an option's value into the settings. `null` takes out what is there, so that the built-in value counts. A value of
 * a wrong type is told at once, and counts as given without a text.
 */
function takeOption(key: OptionKey, value: unknown, place: Place, settings: Settings, findings: Findings): void {
  if (value === null) {
    settings.delete(key.flag);
    return;
  }
  const reading = valueTexts(key, value);
  if ("texts" in reading) settings.set(key.flag, { source: key.flag, texts: reading.texts, place });
  else {
    settings.set(key.flag, { source: key.flag, texts: [], place });
    findings.error("type", place, reading.problem, reading.hint === undefined ? {} : { hint: reading.hint });
  }
}
