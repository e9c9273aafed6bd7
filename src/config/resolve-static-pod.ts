import { resolve } from "node:path";
import { formatEndpoint, parseEndpoint } from "../domain/endpoint.ts";
import type { StaticPodOptions } from "../domain/static-pod-options.ts";
import { CARE_OPTION_ROWS } from "./care-option-rows.ts";
import { argumentsOf } from "./arguments-of.ts";
import { OptionValues } from "./option-values.ts";
import { readArgv, type ArgvReading } from "./read-argv.ts";
import { resolveCareOptions } from "./resolve-care-options.ts";
import { DAEMON_OPTION_ROWS, STATIC_POD_OPTION_ROWS, type StaticPodFlag } from "./static-pod-option-rows.ts";
import { UsageError } from "./usage-error.ts";
import { parseBoolean, refusal } from "./value-parsers.ts";

/** What `lvscare static-pod` is to do; all but the node's address, which its host knows. */
export interface StaticPodRequest {
  readonly directory: string;
  readonly print: boolean;
  /** Only the image is changed; the rest of `pod` does not count. */
  readonly onlyImage: boolean;
  readonly pod: Omit<StaticPodOptions, "nodeIp">;
}

/** Throws a UsageError with every problem; the daemon's arguments are held to what the daemon would take. */
export function resolveStaticPod(reading: Pick<ArgvReading, "given" | "problems">): StaticPodRequest {
  const values = new OptionValues<StaticPodFlag>(STATIC_POD_OPTION_ROWS, reading.given, reading.problems);
  const vip = values.read("vip", (text) => formatEndpoint(parseEndpoint(text.trim())));
  const masters = values.readList("masters", (text) => formatEndpoint(parseEndpoint(text)));
  const directory = values.read("path", parsePath);
  const onlyImage = values.read("set-img", parseBoolean);
  const name = values.read("name", parseName);
  const requests = Object.fromEntries(values.readList("requests", parseRequest));
  const image = values.read("image", (text) => (text === "" ? values.fallback("image", parseImage) : parseImage(text)));
  if (!onlyImage && masters.length === 0 && values.problems.length === 0) values.refuse("masters", "must not be empty");
  if (values.problems.length > 0) throw new UsageError(values.problems);

  const args = podArguments(
    vip,
    masters,
    reading.given,
    values.readList("options", (text) => text),
  );
  if (!onlyImage) check(args);
  return {
    directory: resolve(directory),
    print: values.read("print", parseBoolean),
    onlyImage,
    pod: {
      name,
      image,
      args,
      requests,
      livenessOf: values.read("liveness", parseBoolean) ? vip : undefined,
      leastPrivilege: values.read("least-privilege", parseBoolean),
    },
  };
}

// --- internal ---

/** In the order of the Go program's generator: its two checks, the real servers, then whatever was asked for besides. */
function podArguments(
  vip: string,
  masters: readonly string[],
  given: ArgvReading["given"],
  options: readonly string[],
): string[] {
  const path = given.get("health-path")?.texts.at(-1) ?? "/healthz";
  const scheme = given.get("health-schem")?.texts.at(-1) ?? "https";
  const others = new Map([...given].filter(([flag]) => flag !== "health-path" && flag !== "health-schem"));
  return [
    "care",
    "--vs",
    vip,
    "--health-path",
    path,
    "--health-schem",
    scheme,
    ...masters.flatMap((master) => ["--rs", master]),
    ...options,
    ...argumentsOf(others, DAEMON_OPTION_ROWS),
  ];
}

function check([, ...args]: readonly string[]): void {
  const reading = readArgv(args, CARE_OPTION_ROWS);
  resolveCareOptions(reading, {});
}

/** RFC 1123, as Kubernetes wants names of pods. */
function parseName(text: string): string {
  if (text.length <= 253 && /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/.test(text)) return text;
  throw refusal(
    `"${text}" is no name of a pod: lower-case letters, digits, "-" and ".", beginning and ending with one of the former`,
  );
}

function parseImage(text: string): string {
  if (/^[\w][\w.:@/-]*$/.test(text)) return text;
  throw refusal(`"${text}" is no name of an image`);
}

function parsePath(text: string): string {
  if (text.trim() !== "" && !text.includes("\0")) return text;
  throw refusal(`"${text}" is no path`);
}

/** Kubernetes' quantities: resource.Quantity. */
function parseRequest(text: string): [name: string, quantity: string] {
  const match = /^(cpu|memory|ephemeral-storage)=((?:\d+(?:\.\d*)?|\.\d+)(?:[kMGTPE]i?|m)?)$/.exec(text.trim());
  if (match?.[1] === undefined || match[2] === undefined) {
    throw refusal(`"${text}" is no request; write it like cpu=20m or memory=64Mi`);
  }
  return [match[1], match[2]];
}
