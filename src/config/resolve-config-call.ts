import { isMapped, parseAddress, type Endpoint } from "../domain/endpoint.ts";
import { CARE_OPTION_ROWS, CONFIG_OPTION_ROW, DRY_RUN_OPTION_ROW, type CareFlag } from "./care-option-rows.ts";
import type { ProcessOptions } from "./care-options.ts";
import type { GivenOptions, OptionRow } from "./option-row.ts";
import { mergeGiven, OptionValues } from "./option-values.ts";
import type { ArgvReading } from "./read-argv.ts";
import { readEnvironment, type Environment } from "./read-environment.ts";
import { resolveBudget } from "./resolve-budget.ts";
import { NODE_IP } from "./resolve-care-options.ts";
import { resolveCacheDirectory, resolveHttpListen, resolveLog } from "./resolve-log.ts";
import { UsageError } from "./usage-error.ts";
import { parseBoolean } from "./value-parsers.ts";

/** What `lvscare care --config` is to do, before anybody read the file. */
export interface ConfigCall {
  readonly path: string;
  readonly runOnce: boolean;
  readonly clean: boolean;
  /** Options of the process that win over the file. */
  readonly given: GivenOptions;
  /** Variables of virtual servers' options: the file alone says what those are. */
  readonly ignored: readonly string[];
  /** Of this node. */
  readonly nodeAddress: Omit<Endpoint, "port"> | undefined;
}

/** Undefined when no configuration file was named. Rejects with one `UsageError` that holds every problem. */
export function resolveConfigCall(
  reading: Pick<ArgvReading, "given" | "problems">,
  environment: Environment,
  prefixes: readonly string[],
): ConfigCall | undefined {
  const fromEnvironment = readEnvironment(environment, [CONFIG_OPTION_ROW, ...CARE_OPTION_ROWS], prefixes);
  const all = mergeGiven(reading.given, fromEnvironment);
  const path = all.get("config");
  if (path === undefined) return undefined;

  const kept = new Map([...all].filter(([flag]) => BESIDE.has(flag)));
  const values = new OptionValues<CareFlag>(CARE_OPTION_ROWS, kept, reading.problems);
  for (const [flag, { source }] of reading.given) {
    if (flag !== "config" && !BESIDE.has(flag))
      values.problems.push(`${source}: it belongs to a virtual server, and so into the file that --config names`);
  }
  // What is wrong with their values is told together with the rest.
  resolveProcess(values);
  const call = {
    path: path.texts.at(-1) ?? "",
    runOnce: values.read("run-once", parseBoolean),
    clean: values.read("clean", parseBoolean),
    given: kept,
    ignored: [...fromEnvironment].flatMap(([flag, { source }]) =>
      flag === "config" || BESIDE.has(flag) ? [] : [source],
    ),
    nodeAddress: readNodeAddress(environment, values.problems),
  };
  if (call.path === "" && path.texts.length > 0) values.problems.push(`${path.source}: name a file`);
  if (values.problems.length > 0) throw new UsageError(values.problems);
  return call;
}

/** The options of the process: those that were given over those of a file. */
export function withProcessOptions(given: GivenOptions, fromFile: GivenOptions): ProcessOptions {
  return resolveProcess(new OptionValues<CareFlag>(CARE_OPTION_ROWS, mergeGiven(given, fromFile)));
}

// --- internal ---

/** What goes with `--config`: options of the process, and what to do. */
const BESIDE: ReadonlySet<string> = new Set(
  (CARE_OPTION_ROWS as readonly OptionRow[])
    .filter(({ flag, inFile }) => inFile?.place === "process" || flag === "run-once" || flag === "clean")
    .map(({ flag }) => flag)
    .concat(DRY_RUN_OPTION_ROW.flag),
);

function resolveProcess(values: OptionValues<CareFlag>): ProcessOptions {
  return {
    log: resolveLog(values),
    httpListen: resolveHttpListen(values),
    budget: resolveBudget(values),
    cacheDirectory: resolveCacheDirectory(values),
  };
}

function readNodeAddress(environment: Environment, problems: string[]): Omit<Endpoint, "port"> | undefined {
  const text = environment[NODE_IP] ?? "";
  if (text === "") return undefined;
  const address = parseAddress(text.trim());
  if (address !== undefined && !isMapped(address.address)) return address;
  problems.push(`${NODE_IP}: "${text}" is not an IP address`);
  return undefined;
}
