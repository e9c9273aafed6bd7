import { CARE_OPTION_ROWS } from "../config/care-option-rows.ts";
import { paceOf, probesOf, type CheckPace, type HealthCheckOptions } from "../config/combination.ts";
import type { CareOptions } from "../config/care-options.ts";
import { formatPlace } from "../config/file/place.ts";
import { readConfig } from "../config/file/read-config.ts";
import { nearestName } from "../config/nearest-name.ts";
import type { GivenOption, GivenOptions } from "../config/option-row.ts";
import { mergeGiven } from "../config/option-values.ts";
import { PROBE_FLAG_ROWS } from "../config/probe-kinds/probe-kinds.ts";
import { resolveCareOptions } from "../config/resolve-care-options.ts";
import { UsageError } from "../config/usage-error.ts";
import { refusal } from "../config/value-parsers.ts";
import { formatEndpoint } from "../domain/endpoint.ts";
import { LvscareError } from "../domain/errors.ts";
import type { Saying } from "./behaviour.ts";
import { parseYaml } from "./parse-yaml.ts";
import { parseMoment, readEvent } from "./read-event.ts";
import type { Scenario, ScenarioEvent } from "./scenario.ts";
import { voiceOf } from "./voice.ts";

/** Longest text of a scenario, in characters. */
export const LONGEST_SCENARIO = 65_536;

/**
 * Reads a scenario from YAML. `overrides` win over its care options. Rejects with one `UsageError` that lists every
 * problem with its place.
 */
export function readScenario(text: string, overrides: GivenOptions = new Map()): Scenario {
  const problems = new Problems();
  const document = problems.attempt("", () => asMapping(parseText(text))) ?? {};
  if (problems.list.length > 0) throw new UsageError(problems.list);
  for (const key of Object.keys(document)) if (!isKey(key)) problems.add(unknownKey(key, KEYS));

  const care = problems.attempt("", () => resolveOptions(document["care"], overrides, problems));
  const { options, checks } = (care && withChecks(care, document, problems)) ?? {};
  for (const problem of unheardFlags(document, overrides)) problems.add(problem);
  const events = readEvents(document["events"], problems);
  const lastMs = events.at(-1)?.atMs ?? 0;
  const scenario = {
    events,
    durationMs: problems.read("duration", document, (value) => parseMoment(asText(value))) ?? lastMs + AFTERMATH_MS,
    requestsPerSecond: problems.read("requests-per-second", document, asNumber(0, MOST_REQUESTS)) ?? 0,
    connectionsLastMs: problems.read("connections-last", document, (value) => parseMoment(asText(value))) ?? 0,
    seed: problems.read("seed", document, asNumber(0, 2 ** 32 - 1)) ?? 0,
  };
  if (scenario.durationMs < 1) problems.add("duration: it is over before it begins");
  if (lastMs > scenario.durationMs) problems.add(`duration: the last event comes later, at ${lastMs / 1000}s`);
  if (options !== undefined && checks !== undefined) {
    for (const problem of sizeProblems(options, checks, scenario.durationMs)) problems.add(problem);
    for (const problem of strayServers(options, events)) problems.add(problem);
    for (const problem of mutedServers(checks, events)) problems.add(problem);
  }
  if (options === undefined || checks === undefined || problems.list.length > 0) throw new UsageError(problems.list);
  return { options, checks, ...scenario };
}

// --- internal ---

const KEYS = [
  "care",
  "probe",
  "probes",
  "events",
  "duration",
  "requests-per-second",
  "connections-last",
  "seed",
] as const;

const AFTERMATH_MS = 120_000;
const MOST_EVENTS = 1000;
const MOST_SERVERS = 200;
const MOST_REQUESTS = 1_000_000;
/** Some thirty seconds of work. */
const MOST_CHECKS = 1_000_000;

/** What a simulation has no use for, and what an operator may believe to have an effect. */
const MEANINGLESS: readonly string[] = ["run-once", "clean"];

type Document = Readonly<Record<string, unknown>>;

/** Everything that is wrong, each with where it is. */
class Problems {
  readonly list: string[] = [];

  add(problem: string): void {
    this.list.push(problem);
  }

  attempt<T>(where: string, read: () => T): T | undefined {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof LvscareError)) throw error;
      const found = error instanceof UsageError ? error.problems : [error.message];
      this.list.push(...found.map((problem) => (where === "" ? problem : `${where}: ${problem}`)));
      return undefined;
    }
  }

  /** Undefined when the document has no such key. */
  read<T>(key: (typeof KEYS)[number], document: Document, parse: (value: unknown) => T): T | undefined {
    return document[key] === undefined ? undefined : this.attempt(key, () => parse(document[key]));
  }
}

function parseText(text: string): unknown {
  if (text.length > LONGEST_SCENARIO) throw refusal(`it is longer than ${LONGEST_SCENARIO} characters`);
  return parseYaml(text);
}

function resolveOptions(care: unknown, overrides: GivenOptions, problems: Problems): CareOptions {
  const flags: readonly string[] = CARE_OPTION_ROWS.map(({ flag }) => flag);
  const given = new Map<string, GivenOption>();
  for (const [flag, value] of Object.entries(care === undefined ? {} : asMapping(care, "care"))) {
    if (!flags.includes(flag)) problems.add(`care.${unknownKey(flag, flags)}`);
    else if (MEANINGLESS.includes(flag)) problems.add(`care.${flag}: it means nothing here`);
    else {
      const texts = problems.attempt(`care.${flag}`, () => optionTexts(value));
      given.set(flag, { source: `care.${flag}`, texts: texts ?? [] });
    }
  }
  // The environment is ignored: a scenario means the same everywhere.
  return resolveCareOptions({ given: mergeGiven(overrides, given), problems: [] }, {});
}

interface Checked {
  readonly options: CareOptions;
  readonly checks: HealthCheckOptions;
}

/** `probe` or `probes`, as a configuration file has them, in the place of the flags that describe one. */
function withChecks(options: CareOptions, document: Document, problems: Problems): Checked {
  const given = Object.entries(document).filter(([key]) => key === "probe" || key === "probes");
  if (given.length === 0) return { options, checks: options.probe };
  const { service, realServers, policy } = options;
  const value = {
    version: 1,
    "virtual-servers": [
      {
        address: formatEndpoint(service.endpoint),
        "real-servers": realServers.map(({ endpoint }) => formatEndpoint(endpoint)),
        interval: `${policy.intervalMs}ms`,
        "interval-fast": `${policy.fastIntervalMs}ms`,
        "interval-down": `${policy.downIntervalMs}ms`,
        fall: policy.fall,
        rise: policy.rise,
        ...sentinelOf(options),
        ...Object.fromEntries(given),
      },
    ],
  };
  const { config, findings } = readConfig([{ name: "", text: "", mayHide: false, value }]);
  for (const { severity, place, message, hint } of findings) {
    const path = formatPlace(place).replace(/^virtual-servers\[0\]\.?/, "");
    if (severity === "error") problems.add([path, hint === undefined ? message : `${message}; ${hint}`].join(": "));
  }
  const [read] = config?.virtualServers ?? [];
  if (read === undefined) return { options, checks: options.probe };
  const { probe: checks } = read;
  const where = checks.type === "combination" ? "probes" : "probe";
  for (const probe of probesOf(checks)) {
    if ("askedAddress" in probe || ("askedPort" in probe && probe.type !== "agent"))
      problems.add(`${where}: servers here have no other address or port to be asked at`);
    if ("origin" in probe) problems.add(`${where}: there is no source and no mark to ask from here`);
    if (probe.type === "tcp" && probe.expect?.match === "regex")
      problems.add(`${where}.expect: servers here say literal texts; write contains or starts-with`);
  }
  return { options: { ...options, policy: { ...policy, ...paceOf(read.policy) } }, checks };
}

/** In a file, it is the virtual server's and no check's. */
function sentinelOf({ probe }: CareOptions): Document {
  if (!("sentinel" in probe)) return {};
  return { sentinel: probe.sentinel, "sentinel-timeout": `${probe.sentinelTimeoutMs}ms` };
}

/** Flags of a check beside another description of it. */
function unheardFlags(document: Document, overrides: GivenOptions): string[] {
  const where = ["probe", "probes"].find((key) => document[key] !== undefined);
  if (where === undefined) return [];
  const { care } = document;
  const inFile = typeof care === "object" && care !== null ? Object.keys(care) : [];
  const named = [
    ...inFile.map((flag) => [flag, `care.${flag}`] as const),
    ...[...overrides].map(([flag, { source }]) => [flag, source] as const),
  ];
  const ofChecks: readonly string[] = PROBE_FLAG_ROWS.map(({ flag }) => flag);
  return named
    .filter(([flag]) => ofChecks.includes(flag))
    .map(([, source]) => `${source}: it means nothing beside ${where}, which says how servers are checked`);
}

/** As the texts of command-line options. */
function optionTexts(value: unknown): string[] {
  if (Array.isArray(value)) return value.map(asText);
  if (typeof value === "object" && value !== null) {
    return Object.entries(value).map(([name, text]) => `${name}=${asText(text)}`);
  }
  return [asText(value)];
}

function readEvents(value: unknown, problems: Problems): ScenarioEvent[] {
  const list = value ?? [];
  if (!Array.isArray(list)) {
    problems.add("events: it is no list; begin each event with a dash: - 30s 10.0.0.1:80 refuses");
    return [];
  }
  if (list.length > MOST_EVENTS) {
    problems.add(`events: there are ${list.length}; the most is ${MOST_EVENTS}`);
    return [];
  }
  return list
    .flatMap((one: unknown, index): ScenarioEvent[] => {
      const shown = typeof one === "string" ? `"${one.slice(0, 100)}"` : `event ${index + 1}`;
      const event = problems.attempt(`events: ${shown}`, () => readEvent(asText(one)));
      return event === undefined ? [] : [event];
    })
    .toSorted((a, b) => a.atMs - b.atMs);
}

function sizeProblems({ realServers, policy }: CareOptions, checks: HealthCheckOptions, durationMs: number): string[] {
  if (realServers.length > MOST_SERVERS) {
    return [`care.rs: there are ${realServers.length} real servers; the most is ${MOST_SERVERS}`];
  }
  const paces: readonly CheckPace[] = checks.type === "combination" ? checks.members.map(({ pace }) => pace) : [policy];
  const count = paces.reduce((sum, { fastIntervalMs, downIntervalMs, intervalMs }) => {
    return sum + Math.ceil((realServers.length * durationMs) / Math.min(fastIntervalMs, downIntervalMs, intervalMs));
  }, 0);
  return count > MOST_CHECKS ? [`duration: it takes up to ${count} checks; the most is ${MOST_CHECKS}`] : [];
}

/** A server that is never put behind the virtual server is most likely a typing error. */
function strayServers({ realServers }: CareOptions, events: readonly ScenarioEvent[]): string[] {
  const known = new Set(realServers.map(({ endpoint }) => formatEndpoint(endpoint)));
  for (const event of events) {
    if (event.kind === "others" && event.change.kind === "put") known.add(formatEndpoint(event.change.server));
  }
  return events
    .filter((event) => event.kind === "server")
    .filter(({ server }) => !known.has(formatEndpoint(server)))
    .map(
      ({ server, text }) =>
        `events: "${text}": care.rs does not list ${formatEndpoint(server)}, and nobody puts it there`,
    );
}

/** What servers cannot say to any of these checks. */
function mutedServers(checks: HealthCheckOptions, events: readonly ScenarioEvent[]): string[] {
  const voices = probesOf(checks).map(voiceOf);
  const problemOf = (saying: Saying): string | undefined => {
    const problems = voices.map((voice) => voice.problemOf(saying));
    return problems.includes(undefined) ? undefined : [...new Set(problems)].join("; ");
  };
  return events.flatMap((event) => {
    if (event.kind !== "server") return [];
    const sayings = event.phases.flatMap(({ behaviour }) =>
      behaviour.kind === "answers" && behaviour.says !== undefined ? [behaviour.says] : [],
    );
    const problem = sayings.map(problemOf).find((one) => one !== undefined);
    return problem === undefined ? [] : [`events: "${event.text}": ${problem}`];
  });
}

function isKey(key: string): boolean {
  return (KEYS as readonly string[]).includes(key);
}

function unknownKey(key: string, known: readonly string[]): string {
  const meant = nearestName(key, known);
  return `${key}: there is no such key${meant === undefined ? `; there are ${known.join(", ")}` : `; did you mean ${meant}?`}`;
}

function asMapping(value: unknown, where?: string): Document {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Document;
  throw refusal(
    where === undefined ? "it has no keys such as care and events" : `${where}: it has no flags such as vs and rs`,
  );
}

function asText(value: unknown): string {
  if (typeof value === "string") return value;
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  throw refusal(value === null ? "it has no value" : "it should be one text or number");
}

function asNumber(least: number, most: number): (value: unknown) => number {
  return (value) => {
    if (typeof value === "number" && Number.isInteger(value) && value >= least && value <= most) return value;
    throw refusal(`${JSON.stringify(value)} is not a whole number from ${least} to ${most}`);
  };
}
