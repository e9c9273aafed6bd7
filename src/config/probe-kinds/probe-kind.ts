import type { OptionRow } from "../option-row.ts";
import type { OptionValues } from "../option-values.ts";

/** The heading that options of checks stand under in help. */
export const CHECKS = "Health checks";

/** A kind of check as it is configured: its options, and what they mean. Its prober is in `probe/probers.ts`. */
export interface ProbeKind<Options extends { readonly type: string }> {
  /** Its name in a configuration file. */
  readonly type: Options["type"];
  /** What passes, for the schema; one clause. */
  readonly help: string;
  /** The words of `--health-schem` that choose it. */
  readonly schemes: readonly string[];
  /** Its options, those that only a file has among them: other `--health-*` flags are refused beside it. */
  readonly rows: readonly OptionRow[];
  /** Those of them that go with its word of `--health-schem`; all that are flags, if it does not say. */
  readonly flagRows?: readonly OptionRow[];
  /** In a file, the keys of this group stand at the top. */
  readonly flatGroup?: string;
  /** How often it is made where it does not say so itself, whatever its virtual server says. */
  readonly ownPace?: { readonly interval: string };
  /** Keys of a file that no option's parser reads. */
  readonly otherKeys?: readonly string[];
  resolve(values: OptionValues<string>, context: ProbeContext): Options;
}

export interface ProbeContext {
  readonly intervalMs: number;
  /** The options are a file's, where the kind is named and not chosen by `--health-schem`. */
  readonly isFile: boolean;
  /** All words of `--health-schem`. */
  readonly schemes: readonly string[];
}

/** The name of a kind's option in a file, with a dot between levels; undefined where a file has no such key. */
export function fileKeyOf({ inFile, flag }: OptionRow, flatGroup: string | undefined): string | undefined {
  if (inFile?.place !== "probe") return undefined;
  const key = inFile.key ?? flag;
  return flatGroup !== undefined && key.startsWith(`${flatGroup}.`) ? key.slice(flatGroup.length + 1) : key;
}
