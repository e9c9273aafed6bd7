import { dirname, resolve } from "node:path";
import { formatEndpoint, parseEndpoint } from "../domain/endpoint.ts";
import type { StaticPodOptions } from "../domain/static-pod-options.ts";
import { CARE_OPTION_ROWS, CONFIG_OPTION_ROW } from "./care-option-rows.ts";
import type { CareOptions } from "./care-options.ts";
import { parsePodConfigPath, readConfigPath } from "./config-path.ts";
import { hostPathsOf } from "./host-paths.ts";
import { OptionValues } from "./option-values.ts";
import { argumentsOf, readArgv, type ArgvReading } from "./read-argv.ts";
import { resolveConfigCall, withProcessOptions } from "./resolve-config-call.ts";
import { resolveCareOptions } from "./resolve-care-options.ts";
import { FORGOTTEN, parseRealServer } from "./resolve-servers.ts";
import {
  DAEMON_OPTION_ROWS,
  NEW_POD_FLAGS,
  STATIC_POD_OPTION_ROWS,
  type StaticPodFlag,
} from "./static-pod-option-rows.ts";
import { UsageError } from "./usage-error.ts";
import { parseImageName, parsePodName, parseRequest } from "./pod-values.ts";
import { parseBoolean, refusal } from "./value-parsers.ts";

/** What `lvscare static-pod` is to do; all but the node's address, which its host knows. */
export type StaticPodRequest = {
  readonly directory: string;
  readonly print: boolean;
} & (NewPod | NewFilePod | OtherImage);

/** The whole file. */
export interface NewPod {
  readonly pod: Omit<StaticPodOptions, "nodeIp">;
  /** The options that the pod's daemon reads from its arguments. */
  readonly care: Pick<CareOptions, "service" | "reach">;
}

/** The whole file, for a daemon that reads a configuration file. */
export interface NewFilePod {
  readonly pod: Omit<StaticPodOptions, "nodeIp">;
  readonly care: "from its file";
}

/** Only the image in the file that is there. */
export interface OtherImage {
  readonly pod: Pick<StaticPodOptions, "name" | "image">;
  readonly care?: undefined;
}

/** Throws a UsageError with every problem; the daemon's arguments must be valid for the daemon. */
export function resolveStaticPod(reading: Pick<ArgvReading, "given" | "problems">): StaticPodRequest {
  const { given } = reading;
  const values = new OptionValues<StaticPodFlag>(STATIC_POD_OPTION_ROWS, given, reading.problems);
  const vip = values.read("vip", (text) => formatEndpoint(parseEndpoint(text.trim())));
  const masters = values.isMissing("masters")
    ? []
    : values.readList("masters", (text) => formatEndpoint(parseRealServer(text)));
  if (values.hasGap("masters")) values.refuse("masters", FORGOTTEN);
  const directory = values.read("path", parsePath);
  const print = values.read("print", parseBoolean);
  const onlyImage = values.read("set-img", parseBoolean);
  const name = values.read("name", parsePodName);
  const image = values.read("image", (text) =>
    text === "" ? values.fallback("image", parseImageName) : parseImageName(text),
  );
  const requests = Object.fromEntries(values.readList("requests", parseRequest));
  const liveness = values.read("liveness", parseBoolean);
  const leastPrivilege = values.read("least-privilege", parseBoolean);
  const options = values.readList("options", (text) => text);
  const hasFile = given.has("config");
  const configFile = readConfigPath(given, values.problems, parsePodConfigPath);
  if (hasFile)
    for (const flag of ["vip", "masters"] as const)
      if (given.has(flag)) values.refuse(flag, "it belongs into the file that --config names");
  if (!onlyImage && !hasFile && values.isMissing("masters")) values.refuse("masters", "must not be empty");
  if (onlyImage) for (const problem of withoutEffect(given)) values.problems.push(problem);
  if (values.problems.length > 0) throw new UsageError(values.problems);

  const file = { directory: resolve(directory), print };
  if (onlyImage) return { ...file, pod: { name, image } };
  const pod = { name, image, requests, leastPrivilege };
  if (configFile !== undefined) return { ...file, ...filePod(pod, configFile, liveness, given, options) };
  const { checks, others } = daemonArguments(given, options);
  const args = ["care", "--vs", vip, ...checks, ...masters.flatMap((master) => ["--rs", master]), ...others];
  const care = readByDaemon([...checks, ...others], vip, masters);
  return {
    ...file,
    care,
    pod: { ...pod, args, livenessOf: liveness ? vip : undefined, hostPaths: hostPathsOf(care, false) },
  };
}

// --- internal ---

function filePod(
  pod: Pick<StaticPodOptions, "name" | "image">,
  configFile: string,
  liveness: boolean,
  given: ArgvReading["given"],
  options: readonly string[],
): NewFilePod {
  const args = ["--config", configFile, ...options, ...argumentsOf(given, DAEMON_OPTION_ROWS)];
  const reading = readArgv(args, [CONFIG_OPTION_ROW, ...CARE_OPTION_ROWS]);
  const call = resolveConfigCall(reading, {}, []);
  refuseShortOnes({ help: reading.help, clean: call?.clean ?? false, "run-once": call?.runOnce ?? false });
  const { httpListen } = withProcessOptions(reading.given, new Map());
  // What it cares for may change, so that no virtual server can be asked for.
  if (liveness && httpListen === undefined)
    throw new UsageError(["--liveness: beside --config it asks the daemon's page; give --http-listen, too"]);
  return {
    care: "from its file",
    pod: {
      ...pod,
      args: ["care", ...args],
      configFolder: dirname(configFile),
      livenessAt: liveness && httpListen ? { host: httpListen.address, port: httpListen.port } : undefined,
    },
  };
}

/**
 * The arguments in two parts: what is checked, which the Go program's generator puts before the real servers, and what
 * else was asked for.
 */
function daemonArguments(
  given: ArgvReading["given"],
  options: readonly string[],
): { readonly checks: readonly string[]; readonly others: readonly string[] } {
  const scheme = given.get("health-schem")?.texts.at(-1) ?? "https";
  const usual = scheme === "http" || scheme === "https" ? "/healthz" : undefined;
  const path = given.get("health-path")?.texts.at(-1) ?? usual;
  const others = new Map([...given].filter(([flag]) => flag !== "health-path" && flag !== "health-schem"));
  return {
    checks: [...(path === undefined ? [] : ["--health-path", path]), "--health-schem", scheme],
    others: [...options, ...argumentsOf(others, DAEMON_OPTION_ROWS)],
  };
}

/** As the daemon will read it, except for names that stand for addresses here. */
function readByDaemon(args: readonly string[], vip: string, masters: readonly string[]): CareOptions {
  const { given, problems, help } = readArgv(args, CARE_OPTION_ROWS);
  const addresses = [
    ["vs", { source: "--vip", texts: [vip, ...(given.get("vs")?.texts ?? [])] }],
    ["rs", { source: "--masters", texts: [...masters, ...(given.get("rs")?.texts ?? [])] }],
  ] as const;
  const care = resolveCareOptions({ given: new Map([...given, ...addresses]), problems }, {});
  refuseShortOnes({ help, clean: care.clean, "run-once": care.runOnce });
  return care;
}

function refuseShortOnes(given: Readonly<Record<string, boolean>>): void {
  for (const [flag, isGiven] of Object.entries(given)) {
    if (isGiven)
      throw new UsageError([`--options: "--${flag}" ends at once, and kubelet would start it again for ever`]);
  }
}

/**
 * What `sealctl` ignores with `--set-img` is ignored here too. A flag that it does not know was meant to change
 * something.
 */
function withoutEffect(given: ArgvReading["given"]): string[] {
  return [...given]
    .filter(([flag]) => NEW_POD_FLAGS.has(flag))
    .map(([, { source }]) => `${source}: has no effect with --set-img, which changes the image only`);
}

function parsePath(text: string): string {
  if (text.trim() !== "" && !text.includes("\0")) return text;
  throw refusal(`"${text}" is no path`);
}
