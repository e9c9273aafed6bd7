/** How many texts an option takes: none needed, the last one given, every one split at commas, or `name=value` pairs. */
export type OptionKind = "boolean" | "text" | "list" | "map";

/** What a configuration file takes as the value of a key. */
export type KeyType =
  /** A duration, or a number of seconds. */
  | "time"
  | "whole-number"
  | "boolean"
  /** One of the row's choices. */
  | "choice"
  /** A percentage, with or without its sign. */
  | "share"
  | "text"
  | "address"
  /** A port, alone or after an address. */
  | "listen"
  /** The name or the number of a port. */
  | "port"
  /** Of certificates: `none`, `ca` or `full`. */
  | "verify"
  /** Values or lists of values, by name. */
  | "headers"
  /** A list of status codes and ranges of them. */
  | "statuses"
  /** The same, where there is no rule beside them. */
  | "codes"
  /** Regular expressions by name. */
  | "patterns"
  /** Texts by name. */
  | "texts"
  /** A program and its arguments. */
  | "arguments"
  /** What a body has to hold. */
  | "body"
  /** A word, or a list of them. */
  | "words";

/** A program that is run, where it runs, a kubeconfig, what PEM holds, or what is sent; or a user of the host, by name, which is looked for as a file is. */
export type FileKind =
  | "program"
  | "kubeconfig"
  | "certificate"
  | "key"
  | "token"
  | "basic-auth"
  | "headers"
  | "directory"
  | "user";

/** Where a configuration file has an option, and how. */
export interface FileKey {
  /** Of the whole process, of each virtual server (or its defaults), of a probe, or of a discovery. */
  readonly place: "process" | "virtual-server" | "probe" | "discover";
  readonly type: KeyType;
  /** Its name there, with a dot between levels; the flag's own name when absent. */
  readonly key?: string;
  /** Its words there, where they are not the flag's. */
  readonly choices?: readonly string[];
  /** The least and the most of a whole number. */
  readonly bounds?: readonly [least: number, most: number];
  /** What the schema tells of it, where the flag's help does not fit. */
  readonly help?: string;
}

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
  /** What that file is, where it is more than text to read. */
  readonly fileKind?: FileKind;
  /** As written on the command line; absent when there is no default. */
  readonly default?: string;
  /** One sentence, without a capital and without the default. */
  readonly help: string;
  /** The heading it stands under in help. */
  readonly group: string;
  /** Absent: a configuration file has no such key. */
  readonly inFile?: FileKey;
}

/** An option that was given. */
export interface GivenOption {
  /** Where it was given, as an error should name it: `--interval` or `CARE_INTERVAL`. */
  readonly source: string;
  /** Every text as written, in order; none when the flag came without a value it needs, which is a problem already. */
  readonly texts: readonly string[];
}

export type GivenOptions = ReadonlyMap<string, GivenOption>;
