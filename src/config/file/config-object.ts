import { UsageError } from "../usage-error.ts";
import { camelCase, kebabCase } from "../camel-case.ts";
import { CARE_OPTION_ROWS } from "../care-option-rows.ts";
import type { CareConfig } from "../care-options.ts";
import { Findings, listFindings, type Finding } from "./finding.ts";
import { expected } from "./key-value.ts";
import { formatPlace, keysOf, rootPlace, within, type Place } from "./place.ts";
import type { FileLook } from "./probe-draft.ts";
import { readConfig } from "./read-config.ts";
import { isMap } from "./settings.ts";

/** What a program says instead of a file. */
export interface ConfigObject {
  readonly config: CareConfig;
  /** What is probably not meant so, a line each. */
  readonly warnings: readonly string[];
}

/**
 * Reads a configuration that is an object: what a file may say, its keys in camel case. The object is copied: to change
 * it later changes nothing. Throws one USAGE error with everything that is wrong, each with its path:
 * `virtualServers[1].realServers[0].weight`. `files`: for those that checks need.
 */
export function readConfigObject(object: unknown, files?: FileLook): ConfigObject {
  if (object === undefined || object === null) throw new UsageError([expected("a configuration", object).problem]);
  const root = rootPlace(0);
  const findings = new Findings();
  const value = inFileKeys(object, root, undefined, 0, findings);
  const document = {
    name: "",
    text: "",
    mayHide: false,
    value: isMap(value) ? { version: 1, ...value } : value,
  };
  const { config, findings: found } = readConfig([document], { found: findings.list, ...(files && { files }) });
  const lines = (severity: Finding["severity"]): string[] =>
    listFindings(found.filter((one) => one.severity === severity).map(describe));
  if (config === undefined) throw new UsageError(lines("error"));
  return { config, warnings: lines("warning") };
}

// --- internal ---

/** As deep as files may be. */
const DEEPEST = 16;

/** Keys of the top level that belong to a program: its logger it gives itself, and an object includes no files. */
const OF_PROGRAMS: ReadonlyMap<string, string> = new Map([
  ["logger", "a logger is given beside the configuration"],
  ["logFormat", "a logger is given beside the configuration"],
  ["include", "put what belongs together into one object"],
]);

/** A copy whose keys are those of a file. Values that are undefined count as not given. */
function inFileKeys(value: unknown, place: Place, name: Names, depth: number, findings: Findings): unknown {
  if (depth > DEEPEST) {
    findings.error("limit", place, `it is nested more than ${DEEPEST} deep`);
    return null;
  }
  if (Array.isArray(value))
    return value.map((item: unknown, index) => inFileKeys(item, within(place, index), undefined, depth + 1, findings));
  if (!isMap(value)) return value;
  const entries = Object.keys(value).flatMap((key): [string, unknown][] => {
    if (value[key] === undefined) return [];
    const known = name === "names" ? key : kebabCase(key);
    const at = within(place, known);
    const hint = depth === 0 ? OF_PROGRAMS.get(key) : undefined;
    if (hint !== undefined) {
      findings.error("unknown", at, `unknown key ${key}`, { hint });
      return [];
    }
    if (name !== "names" && FILE_KEYS.has(key))
      findings.error("unknown", at, `unknown key "${key}"`, { hint: `did you mean ${camelCase(key)}?` });
    const names = HAVE_NAMES.has(key) || (depth === 0 && key === "probes") ? "names" : undefined;
    return [[known, inFileKeys(value[key], at, names, depth + 1, findings)]];
  });
  return Object.fromEntries(entries);
}

/** Below them stand names of headers and variables. */
const HAVE_NAMES: ReadonlySet<string | number> = new Set(["headers", "header", "environment"]);

/** Whether the keys of a map are names, and mean what they are. */
type Names = "names" | undefined;

/** Keys and flags that are written otherwise here. */
const FILE_KEYS: ReadonlySet<string> = new Set(
  [
    "virtual-servers",
    "real-servers",
    "prefix-ipv6",
    "at-least",
    ...CARE_OPTION_ROWS.flatMap((row) => [
      row.flag,
      ...("inFile" in row && "key" in row.inFile ? [row.inFile.key] : []),
    ]),
  ].filter((key) => key.includes("-")),
);

/** `virtualServers[0].fall: 0 is less than 1`. */
function describe({ code, place, message, hint, other }: Finding): string {
  const path = pathOf(place);
  const text = [
    other === undefined ? message : `${message} at ${pathOf(other)}`,
    ...(hint === undefined ? [] : [hint.replace("of the file", "of the configuration")]),
  ].join("; ");
  // These speak of names, and of paths.
  const whole = code === "unknown-probe" || code === "file" ? text : inCamelCase(text, place);
  return path === "" ? whole : `${path}: ${whole}`;
}

function pathOf(place: Place): string {
  const keys = keysOf(place);
  const isName = (index: number): boolean =>
    HAVE_NAMES.has(keys[index - 1] ?? "") || (index === 1 && keys[0] === "probes");
  let path: Place = rootPlace(0);
  for (const [index, key] of keys.entries())
    path = within(path, typeof key === "string" && !isName(index) ? camelCase(key) : key);
  return formatPlace(path);
}

/** With the names of keys as they are here, but for what was given itself, which is in quotes. */
function inCamelCase(text: string, { key }: Place): string {
  return text.replaceAll(/"(?:[^"\\]|\\.)*"|(?<![\w-])[a-z]+(?:-[a-z\d]+)+(?![\w-])/g, (word) =>
    FILE_KEYS.has(word) || word === key ? camelCase(word) : word,
  );
}
