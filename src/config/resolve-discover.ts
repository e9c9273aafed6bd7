import { parseAddress, parseEndpoint, type Endpoint } from "../domain/endpoint.ts";
import { type DiscoverOptions, type DiscoverSource, type DnsSourceOptions } from "./discover-options.ts";
import { DISCOVER_ROWS } from "./discover-rows.ts";
import type { GivenOption } from "./option-row.ts";
import { OptionValues } from "./option-values.ts";
import {
  parseAbsolutePath,
  parseChoice,
  parseInteger,
  parseInterval,
  parseIntervalOrNone,
  refusal,
  RefusedValue,
} from "./value-parsers.ts";

/** Undefined where something that is needed is missing; what is refused is in the values. */
export function resolveDiscover(
  values: OptionValues<string>,
  type: DiscoverSource["type"],
  weight: number,
): DiscoverOptions | undefined {
  const source = resolveSource(values, type);
  const rules = {
    policy: values.read("discover-policy", parseChoice(["bootstrap", "merge", "only"])),
    removeAtMost: values.read("discover-remove-at-most", parseShare),
    confirmMs: values.read("discover-confirm", parseInterval),
    debounceMs: values.read("discover-debounce", parseIntervalOrNone),
    weight,
  };
  return source && { source, ...rules };
}

/**
 * What `--discover` says: `kubernetes`, `kubernetes:namespace/service` or `file:/path`. All else is as a file has it that
 * says no more. Throws USAGE.
 */
export function parseDiscover(text: string, kubeconfig: string | undefined, weight: number): DiscoverOptions {
  const [, type = "", rest] = /^([^:]*)(?::(.*))?$/s.exec(text) ?? [];
  const known = (["file", "kubernetes"] as const).find((one) => one === type);
  if (known === undefined)
    throw refusal(`"${text}" is neither kubernetes, kubernetes:namespace/service nor file:/path`);
  const rows = known === "file" ? { path: rest ?? "" } : { service: rest, kubeconfig };
  const given = Object.entries(rows).flatMap(([key, value]): [string, GivenOption][] =>
    value === undefined ? [] : [[`discover-${key}`, { source: key, texts: [value] }]],
  );
  const values = new OptionValues<string>(DISCOVER_ROWS, new Map(given));
  const options = resolveDiscover(values, known, weight);
  const [problem] = values.refused;
  if (options === undefined || problem !== undefined)
    throw refusal([problem?.message ?? `"${text}" names nothing`, problem?.hint].filter(Boolean).join("; "));
  return options;
}

/** `default/kubernetes`; the namespace may be left out. */
export function parseServiceName(text: string): { readonly namespace: string; readonly name: string } {
  const [, namespace = "default", name] = /^(?:([^/]*)\/)?([^/]*)$/.exec(text) ?? [];
  const isLabel = (word: string): boolean => /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(word);
  if (name !== undefined && isLabel(name) && isLabel(namespace)) return { namespace, name };
  throw refusal(`"${text}" is no service; write namespace/name`);
}

/** The name of a context: anything that is one line. */
export function parseContext(text: string): string {
  if (text.trim() !== "" && !/\p{Cc}/u.test(text)) return text;
  throw refusal(`${JSON.stringify(text)} is no name of a context`);
}

// --- internal ---

function resolveSource(values: OptionValues<string>, type: DiscoverSource["type"]): DiscoverSource | undefined {
  if (type === "file") {
    const path = values.readOptional("discover-path", parseAbsolutePath);
    return path === undefined ? undefined : { type, path };
  }
  if (type === "dns") return resolveDns(values);
  const kubeconfig = values.readOptional("discover-kubeconfig", parseAbsolutePath);
  const context = values.readOptional("discover-context", parseContext);
  if (context !== undefined && values.isMissing("discover-kubeconfig"))
    values.refuse("discover-context", "needs a kubeconfig");
  return {
    type,
    ...values.read("discover-service", parseServiceName),
    port: values.readOptional("discover-port", parsePort),
    kubeconfig,
    context,
    pollMs: values.read("discover-poll", parsePoll),
  };
}

function resolveDns(values: OptionValues<string>): DnsSourceOptions | undefined {
  const name = values.readOptional("discover-name", parseDnsName);
  const port = values.readOptional("discover-port", parseInteger(1, 65_535));
  const [minTtlMs, maxTtlMs] = [values.read("discover-min-ttl", parsePoll), values.read("discover-max-ttl", parsePoll)];
  if (minTtlMs > maxTtlMs) values.refuse("discover-min-ttl", "it is longer than max-ttl");
  if (name === undefined) return undefined;
  const isService = name.startsWith("_");
  if (isService && port !== undefined)
    values.refuse("discover-port", "the records of a service have ports of their own");
  if (!isService && port === undefined)
    values.refuse(
      "discover-name",
      "needs a port: only the name of a service, such as _https._tcp.example.org, has one of its own",
    );
  const servers = values.readAll("discover-servers", (texts) => texts.map(parseNameServer)) ?? [];
  const obsoleteMs = values.read("discover-obsolete", parseIntervalOrNone);
  return { type: "dns", name, port, servers, minTtlMs, maxTtlMs, obsoleteMs };
}

function parseDnsName(text: string): string {
  if (/^(?=.{1,253}$)[\w-]{1,63}(?:\.[\w-]{1,63})*\.?$/.test(text)) return text;
  throw refusal(`"${text}" is no name in the DNS`);
}

function parseNameServer(text: string): Endpoint {
  const address = parseAddress(text);
  return address === undefined ? parseEndpoint(text) : { ...address, port: 53 };
}

/** Who is asked has other things to do. */
function parsePoll(text: string): number {
  const ms = parseInterval(text);
  if (ms >= LEAST_POLL_MS) return ms;
  throw new RefusedValue(`"${text}" is too short; the least is 1s`, {
    code: "range",
    message: `${text} is less than 1s`,
  });
}

const LEAST_POLL_MS = 1000;

function parsePort(text: string): string | number {
  if (/^\d+$/.test(text)) return parseInteger(1, 65_535)(text);
  if (/^(?=[a-z0-9-]{1,63}$)[a-z0-9]+(?:-[a-z0-9]+)*$/.test(text)) return text;
  throw refusal(`"${text}" is neither the name nor the number of a port`);
}

function parseShare(text: string): number {
  return parseInteger(0, 100)(text.replace(/%$/, ""));
}
