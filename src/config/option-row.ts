/** How many texts an option takes: none needed, the last one given, every one split at commas, or `name=value` pairs. */
export type OptionKind = "boolean" | "text" | "list" | "map";

/** One flag of a command. The readers, the resolvers and the help all use this. */
export interface OptionRow {
  /** Without the dashes. */
  readonly flag: string;
  /** One letter. */
  readonly alias?: string;
  /** Other programs' names for it. They are not understood, but answered with this flag. */
  readonly alsoCalled?: readonly string[];
  readonly kind: OptionKind;
  /** Its value may look like a flag. */
  readonly takesFlags?: boolean;
  /** How help calls the value: `IP:port`. Absent for booleans. */
  readonly valueName?: string;
  /** The words that it takes, for completions to offer. */
  readonly choices?: readonly string[];
  /** What running daemons care for of which completions offer the addresses and names. */
  readonly suggests?: "virtual-servers" | "real-servers";
  /** Its value is the path of a file or directory. */
  readonly takesFile?: boolean;
  /** As written on the command line; absent when there is no default. */
  readonly default?: string;
  /** One sentence, without a capital and without the default. */
  readonly help: string;
  /** The heading it stands under in help. */
  readonly group: string;
}

/** An option that was given. */
export interface GivenOption {
  /** Where it was given, as an error should name it: `--interval` or `CARE_INTERVAL`. */
  readonly source: string;
  /** Every text as written, in order; none when the flag came without a value it needs, which is a problem already. */
  readonly texts: readonly string[];
}

export type GivenOptions = ReadonlyMap<string, GivenOption>;
