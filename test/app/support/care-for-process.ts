import { runDaemon, type ConfigSource } from "../../../src/app/daemon.ts";
import { CARE_OPTION_ROWS } from "../../../src/config/care-option-rows.ts";
import type { CareOptions } from "../../../src/config/care-options.ts";
import { readArgv } from "../../../src/config/read-argv.ts";
import { resolveCareOptions } from "../../../src/config/resolve-care-options.ts";
import type { Logger } from "../../../src/domain/logger.ts";

/** One virtual server: its command line, and names as a configuration file would give them. */
export interface CaredFor {
  readonly line: readonly string[];
  readonly name?: string;
  /** By address. */
  readonly realServerNames?: Readonly<Record<string, string>>;
}

// Cares for several virtual servers in this process: each argument is the command line of one, or a `CaredFor`, as
// JSON. CONFIG_FILE is the file that they are said to come from.

const stop = new AbortController();
process.on("SIGTERM", () => stop.abort());
const say = (level: string) => (message: string | (() => string)) =>
  console.error(`${level} ${typeof message === "string" ? message : message()}`);
const logger: Logger = { debug: () => undefined, info: say("INFO"), warn: say("WARN"), error: say("ERROR") };
const all = process.argv.slice(2).map((text) => optionsOf(JSON.parse(text) as CaredFor | readonly string[]));
const [first] = all;
if (first === undefined) throw new Error("no virtual server");
const configFile = process.env["CONFIG_FILE"];
const config = { ...first, virtualServers: all };
const read = { config, files: [], warnings: [], folders: new Map<string, string>() };
const source = configFile === undefined ? undefined : sourceAt(configFile);
await runDaemon(config, stop.signal, logger, { source });

/** A file that always says the same. */
function sourceAt(path: string): ConfigSource {
  return {
    path,
    first: read,
    read: () => Promise.resolve(read),
    takeLog: () => undefined,
    onHangup: () => () => undefined,
  };
}

function optionsOf(given: CaredFor | readonly string[]): CareOptions {
  const { line, name, realServerNames = {} }: CaredFor = "line" in given ? given : { line: given };
  const options = resolveCareOptions(readArgv(line, CARE_OPTION_ROWS), {});
  return { ...options, name, realServerNames: new Map(Object.entries(realServerNames)) };
}
