import { CARE_OPTION_ROWS } from "../care-option-rows.ts";
import { DISCOVER_ROWS } from "../discover-rows.ts";
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

/** What to write instead of a key that there is not. `known`: all that there are at this place. */
export function unknownHint(key: string, known: readonly string[]): string | undefined {
  const row: OptionRow | undefined = CARE_OPTION_ROWS.find(
    ({ flag, ...rest }: OptionRow) => flag === key || rest.alsoCalled?.includes(key) === true,
  );
  const meant = row === undefined ? undefined : nameOf(row);
  if (meant !== undefined && known.includes(meant)) return `did you mean ${meant}?`;
  if (row?.inFile !== undefined) return ELSEWHERE[row.inFile.place](meant ?? key);
  const near = nearestName(key, known);
  return near === undefined ? undefined : `did you mean ${near}?`;
}

// --- internal ---

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
