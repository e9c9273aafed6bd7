import { formatEndpoint } from "../../domain/endpoint.ts";
import { CARE_OPTION_ROWS } from "../care-option-rows.ts";
import type { CareOptions, DiscoverOptions, HttpProbeOptions } from "../care-options.ts";
import { hostProblem } from "../http-values.ts";
import { fileKeyOf } from "../probe-kinds/probe-kind.ts";
import { PROBE_KINDS } from "../probe-kinds/probe-kinds.ts";
import type { FileKey, GivenOptions, OptionRow } from "../option-row.ts";
import { resolveCareOptions } from "../resolve-care-options.ts";
import { UsageError } from "../usage-error.ts";
import { parseBoolean } from "../value-parsers.ts";
import { USUAL_STATUSES } from "../http-expectations.ts";

type Data = string | number | boolean | readonly Data[] | DataMap;
interface DataMap {
  readonly [key: string]: Data;
}

/**
 * The configuration file that says the same as flags of `lvscare care`, no more of it than differs from the defaults. Rejects with
 * one `UsageError` that holds every problem.
 */
export function fileFromFlags(given: GivenOptions, problems: readonly string[] = []): DataMap {
  const resolve = (options: GivenOptions): CareOptions => resolveCareOptions({ given: options, problems }, {});
  const options = resolve(given);
  const shortForm = options.clean ? "clean" : options.runOnce ? "run-once" : undefined;
  if (shortForm !== undefined)
    throw new UsageError([`--${shortForm}: it goes beside --config, and is no part of a file`]);
  const kept = withoutDefaults(given, options, resolve);
  const flatGroup = PROBE_KINDS.find(({ type }) => type === options.probe.type)?.flatGroup;
  const keys = (place: FileKey["place"]): [string, Data][] =>
    (CARE_OPTION_ROWS as readonly OptionRow[]).flatMap((row) => {
      const texts = kept.get(row.flag)?.texts;
      if (texts === undefined || row.inFile?.place !== place) return [];
      // A file says it by the type.
      if (row.flag === "health-schem" && options.probe.type !== "http") return [];
      // It may be there for discovery alone.
      if (row.flag === "kubeconfig" && options.probe.type !== "kube-apiserver") return [];
      const value = dataOf(row, row.inFile, texts.at(-1) ?? "", options);
      return value === undefined
        ? []
        : [[fileKeyOf(row, flatGroup) ?? row.inFile.key ?? row.flag, value] as [string, Data]];
    });
  const { service, realServers, probe, discover } = options;
  return {
    version: 1,
    ...Object.fromEntries(keys("process")),
    "virtual-servers": [
      {
        address: formatEndpoint(service.endpoint),
        ...Object.fromEntries(keys("virtual-server")),
        probe: { type: probe.type, ...nested([...keys("probe"), ...(probe.type === "http" ? headersOf(probe) : [])]) },
        ...(discover && { discover: discoverData(discover) }),
        ...(realServers.length > 0 && { "real-servers": realServers.map(({ endpoint }) => formatEndpoint(endpoint)) }),
      },
    ],
  };
}

// --- internal ---

/** Those options without which the others would mean something else. */
function withoutDefaults(
  given: GivenOptions,
  options: CareOptions,
  resolve: (given: GivenOptions) => CareOptions,
): GivenOptions {
  let kept = given;
  for (const flag of given.keys()) {
    const others = new Map([...kept].filter(([other]) => other !== flag));
    try {
      if (Bun.deepEquals(resolve(others), options, true)) kept = others;
    } catch (error) {
      // Without it something is missing, or there is a conflict.
      if (!(error instanceof UsageError)) throw error;
    }
  }
  return kept;
}

function dataOf({ flag }: OptionRow, { type }: FileKey, text: string, options: CareOptions): Data | undefined {
  switch (type) {
    case "time":
    case "whole-number":
    case "share":
    case "listen":
      return /^[+-]?\d+$/.test(text) ? Number(text) : text;
    case "boolean":
      return parseBoolean(text);
    case "verify":
      return parseBoolean(text) ? "none" : "full";
    case "address":
      return options.reach.gateway;
    case "statuses":
      return options.probe.type === "http" ? [USUAL_STATUSES, ...options.probe.acceptStatus] : undefined;
    case "headers":
      return undefined;
    default:
      // Flags take other spellings, too.
      if (flag === "health-path") return text.startsWith("/") ? text : `/${text}`;
      if (flag === "mode") return options.reach.mode;
      if (flag === "logger") return options.log.level === "debug" ? "DEBG" : "INFO";
      return text;
  }
}

/** What a flag can say of it. */
function discoverData({ source }: DiscoverOptions): DataMap {
  if (source.type === "file") return { type: source.type, path: source.path };
  if (source.type === "dns") return { type: source.type, name: source.name };
  const service = `${source.namespace}/${source.name}`;
  return {
    type: source.type,
    ...(service !== "default/kubernetes" && { service }),
    ...(source.kubeconfig !== undefined && { kubeconfig: source.kubeconfig }),
  };
}

function headersOf({ headers }: HttpProbeOptions): [string, Data][] {
  const [first] = headers;
  const host = first?.[0] === "Host" && first[1] !== "" && hostProblem(first[1]) === undefined ? first[1] : undefined;
  const byName = Map.groupBy(host === undefined ? headers : headers.slice(1), ([name]) => name);
  const map = Object.fromEntries(
    [...byName].map(([name, all]): [string, Data] => {
      const values = all.map(([, value]) => value);
      return [name, values.length === 1 ? (values[0] ?? "") : values];
    }),
  );
  return [
    ...(host === undefined ? [] : [["host", host] as [string, Data]]),
    ...(byName.size === 0 ? [] : [["headers", map] as [string, Data]]),
  ];
}

/** `tls.verify` as a key below another. */
function nested(entries: readonly (readonly [string, Data])[]): DataMap {
  const map: Record<string, Data> = {};
  for (const [key, value] of entries) {
    const [name = "", below] = key.split(".");
    map[name] = below === undefined ? value : { ...(map[name] as DataMap | undefined), [below]: value };
  }
  return map;
}
