import { CARE_OPTION_ROWS } from "../care-option-rows.ts";
import { DISCOVER_ROWS } from "../discover-rows.ts";
import { kebabCase } from "../camel-case.ts";
import { nearestName } from "../nearest-name.ts";
import type { FileKey, OptionRow } from "../option-row.ts";
import { fileKeyOf } from "../probe-kinds/probe-kind.ts";
import { PROBE_KINDS } from "../probe-kinds/probe-kinds.ts";

/** A key whose value is an option's. */
export interface OptionKey extends FileKey {
  readonly kind: "option";
  readonly flag: string;
  readonly row: OptionRow;
}

/** A key that has keys below it. */
export interface GroupKey {
  readonly kind: "group";
  readonly keys: ReadonlyMap<string, OptionKey>;
}

export type KeyTable = ReadonlyMap<string, OptionKey | GroupKey>;

/** The options of the process, each virtual server, and a probe, as a file has them. */
export const PROCESS_KEYS: KeyTable = keysAt("process");
export const VIRTUAL_SERVER_KEYS: KeyTable = keysAt("virtual-server");
/** Of all kinds of probes. Those of `headers` and `statuses` are read otherwise than by a flag's parser. */
export const PROBE_KEYS: KeyTable = tableOf(
  PROBE_KINDS.flatMap(({ rows, flatGroup }) => rows.map((row) => [fileKeyOf(row, flatGroup), row] as const)),
);

/** When a probe is made, and how many of its outcomes count: each may say so itself. */
export const PACE_KEYS: KeyTable = new Map(
  [...VIRTUAL_SERVER_KEYS].filter(([key]) =>
    ["interval", "interval-fast", "interval-down", "fall", "rise"].includes(key),
  ),
);

/** Of all types of discovery. */
export const DISCOVER_KEYS: KeyTable = tableOf(DISCOVER_ROWS.map((row) => [row.inFile?.key, row] as const));

/** What may be meant by a key that there is not. */
export interface UnknownKey {
  /** What to write instead. */
  readonly hint?: string;
  /** The key of the same place that is meant. */
  readonly meant?: string;
}

/** `known`: all keys that there are at this place. */
export function unknownKey(key: string, known: readonly string[]): UnknownKey {
  const row: OptionRow | undefined = CARE_OPTION_ROWS.find(
    ({ flag, ...rest }: OptionRow) => flag === key || rest.alsoCalled?.includes(key) === true,
  );
  const called = row === undefined ? undefined : nameOf(row);
  const names = [...(called === undefined ? [] : [called]), ...keysCalled(wordOf(key))];
  const name = names.find((one) => known.includes(levelOf(one)));
  if (name !== undefined) return didYouMean(name);
  if (row?.inFile !== undefined) return { hint: ELSEWHERE[row.inFile.place](called ?? key) };
  const near = nearestName(key, known);
  return near === undefined ? {} : didYouMean(near);
}

// --- internal ---

/** Words that other programs have for keys of ours; of several keys the first one counts that there is at the place. */
const OTHERS_WORDS: readonly (readonly [key: string, words: readonly string[]])[] = [
  ["http-listen", ["web", "listen", "bind", "metrics", "page", "dashboard"]],
  ["virtual-servers", ["frontend", "frontends", "service", "services", "vips"]],
  [
    "real-servers",
    ["backend", "backends", "server", "servers", "upstream", "upstreams", "members", "targets", "endpoints"],
  ],
  // Below real-servers: a virtual server has both, a real server this alone.
  ["address", ["listen", "bind", "vip", "ip", "server", "endpoint", "virtual-address"]],
  ["probe", ["check", "health-check", "healthcheck", "health", "monitor"]],
  ["probes", ["checks", "health-checks", "healthchecks"]],
  ["scheduler", ["algorithm", "balance", "lb-algo"]],
  ["persistence", ["sticky", "stickiness", "session-affinity"]],
  ["type", ["kind"]],
  ["path", ["url", "uri"]],
  ["expect.status", ["status", "expected-status", "status-code"]],
];

function keysCalled(word: string): readonly string[] {
  return OTHERS_WORDS.filter(([, words]) => words.includes(word)).map(([key]) => key);
}

function wordOf(key: string): string {
  return kebabCase(key).toLowerCase().replaceAll("_", "-");
}

function levelOf(name: string): string {
  return name.split(".", 1)[0] ?? name;
}

function didYouMean(name: string): UnknownKey {
  return { hint: `did you mean ${name}?`, meant: levelOf(name) };
}

/** Where it belongs, with its name there. */
const ELSEWHERE = {
  process: (name: string) => `${name} stands at the top of the file`,
  "virtual-server": (name: string) => `${name} stands under a virtual server or defaults`,
  probe: (name: string) => `did you mean probe.${name}?`,
  discover: (name: string) => `did you mean discover.${name}?`,
} as const;

function nameOf({ flag, inFile }: OptionRow): string | undefined {
  if (flag === "vs") return "address";
  if (flag === "rs") return "real-servers";
  return inFile === undefined ? undefined : (inFile.key ?? flag);
}

function keysAt(place: FileKey["place"]): KeyTable {
  const rows = (CARE_OPTION_ROWS as readonly OptionRow[]).filter(({ inFile }) => inFile?.place === place);
  return tableOf(rows.map((row) => [row.inFile?.key ?? row.flag, row] as const));
}

function tableOf(rows: readonly (readonly [key: string | undefined, row: OptionRow])[]): KeyTable {
  const table = new Map<string, OptionKey | GroupKey>();
  for (const [path, row] of rows) {
    if (path === undefined || row.inFile === undefined) continue;
    const [name = "", below] = path.split(".");
    const key: OptionKey = { kind: "option", flag: row.flag, row, ...row.inFile };
    if (below === undefined) table.set(name, key);
    else table.set(name, { kind: "group", keys: new Map([...keysBelow(table.get(name)), [below, key]]) });
  }
  return table;
}

function keysBelow(key: OptionKey | GroupKey | undefined): ReadonlyMap<string, OptionKey> {
  return key?.kind === "group" ? key.keys : new Map();
}
