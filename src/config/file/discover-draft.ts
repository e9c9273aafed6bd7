import { DISCOVER_TYPES, type DiscoverOptions } from "../discover-options.ts";
import { DISCOVER_ROWS, discoverRowsOf } from "../discover-rows.ts";
import { resolveDiscover } from "../resolve-discover.ts";
import { nearestName } from "../nearest-name.ts";
import { OptionValues } from "../option-values.ts";
import { DISCOVER_KEYS } from "./file-keys.ts";
import type { Findings } from "./finding.ts";
import { expected } from "./key-value.ts";
import type { FileLook } from "./probe-draft.ts";
import type { Place } from "./place.ts";
import { takeAll, tellRefused, type PlacedValue, type Settings, type YamlMap } from "./settings.ts";

/** What a file says of how members are discovered, level upon level, before the defaults fill in. */
export class DiscoverDraft {
  readonly #settings: Settings = new Map();
  #type: PlacedValue | undefined;
  /** Of the last of those levels that say anything. */
  #place: Place;

  constructor(place: Place) {
    this.#place = place;
  }

  copy(): DiscoverDraft {
    const copy = new DiscoverDraft(this.#place);
    for (const [flag, option] of this.#settings) copy.#settings.set(flag, option);
    copy.#type = this.#type;
    return copy;
  }

  /** Lays a map over what is there; one of another type begins anew. */
  take(map: YamlMap, place: Place, findings: Findings): void {
    this.#place = place;
    const { type } = map;
    if (type !== undefined && this.#type !== undefined && type !== this.#type.value) this.#settings.clear();
    const take = (_: "type", value: unknown, at: Place): void => {
      this.#type = value === null ? undefined : { value, place: at };
    };
    takeAll(map, place, { names: ["type"], take }, findings, { keys: DISCOVER_KEYS, settings: this.#settings });
  }

  /** Undefined when something is wrong, all of which is told. `weight`: of members whose source tells none. */
  resolve(weight: number, findings: Findings, files: FileLook | undefined): DiscoverOptions | undefined {
    const type = this.#readType(findings);
    if (type === undefined) return undefined;
    const values = new OptionValues<string>(DISCOVER_ROWS, this.#settings);
    const options = resolveDiscover(values, type, weight);
    tellRefused(values.refused, (flag) => this.#settings.get(flag)?.place, this.#place, findings);
    if (options === undefined && values.refused.length === 0) {
      const lack = type === "dns" ? "name" : "path";
      findings.error("missing", this.#place, `type ${type} needs a ${lack}`, { at: "key", lacks: [lack] });
    }
    this.#refuseOthersKeys(type, findings);
    this.#warnOfFiles(type, findings, files);
    return options;
  }

  // --- internal ---

  #readType(findings: Findings): (typeof DISCOVER_TYPES)[number] | undefined {
    const types = DISCOVER_TYPES.join(", ");
    if (this.#type === undefined) {
      findings.error("missing", this.#place, "needs a type", {
        at: "key",
        hint: `there is ${types}`,
        lacks: ["type"],
      });
      return undefined;
    }
    const { value, place } = this.#type;
    const type = DISCOVER_TYPES.find((one) => one === value);
    if (type !== undefined) return type;
    if (typeof value !== "string") findings.error("type", place, expected(`one of ${types}`, value).problem);
    else {
      const near = nearestName(value, DISCOVER_TYPES);
      const hint = near === undefined ? {} : { hint: `did you mean ${near}?` };
      findings.error("choice", place, `${value === "" ? '""' : value} is none of ${types}`, hint);
    }
    return undefined;
  }

  /** Keys that there are, but not for this type. */
  #refuseOthersKeys(type: (typeof DISCOVER_TYPES)[number], findings: Findings): void {
    const known = new Set(discoverRowsOf(type).map(({ flag }) => flag));
    for (const { flag, inFile } of DISCOVER_ROWS) {
      const place = this.#settings.get(flag)?.place;
      if (known.has(flag) || place === undefined) continue;
      const others = DISCOVER_TYPES.filter((other) => discoverRowsOf(other).some((row) => row.flag === flag));
      const hint = `type ${others.join(" or ")} has it`;
      findings.error("unknown", place, `type ${type} has no key ${inFile?.key}`, { at: "key", hint });
    }
  }

  /** It may come later: until then, what is known already counts. */
  #warnOfFiles(type: (typeof DISCOVER_TYPES)[number], findings: Findings, files: FileLook | undefined): void {
    for (const row of discoverRowsOf(type)) {
      const { texts: [path] = [], place = this.#place } = this.#settings.get(row.flag) ?? {};
      if (row.takesFile !== true || path?.startsWith("/") !== true) continue;
      const context = this.#settings.get("discover-context")?.texts[0];
      const problem = files?.problemOf(path, row.fileKind, context);
      if (problem !== undefined) findings.warning("file", place, `${path}: ${problem}`);
    }
  }
}
