import { formatEndpoint, parseEndpoint, type Endpoint } from "../domain/endpoint.ts";
import { realServer, virtualServer, type RealServer, type VirtualServer } from "../domain/virtual-server.ts";
import { CARE_OPTION_ROWS, type CareFlag } from "./care-option-rows.ts";
import type { CareOptions, VirtualServerOptions } from "./care-options.ts";
import { parseDiscover } from "./resolve-discover.ts";
import { mergeGiven, OptionValues } from "./option-values.ts";
import type { ArgvReading } from "./read-argv.ts";
import { CARE_ENVIRONMENT_PREFIXES, misspeltVariables, readEnvironment, type Environment } from "./read-environment.ts";
import { resolveBudget } from "./resolve-budget.ts";
import { resolveHealthPolicy } from "./resolve-health-policy.ts";
import { resolveCacheDirectory, resolveHttpListen, resolveLog } from "./resolve-log.ts";
import { resolveProbe } from "./resolve-probe.ts";
import { resolveReach } from "./resolve-reach.ts";
import {
  FAMILY,
  FORGOTTEN,
  pairingProblem,
  parseRealServer,
  parseWeight,
  realAddressProblem,
  resolveKeeping,
  slowStartProblem,
  virtualAddressProblem,
} from "./resolve-servers.ts";
import { UsageError } from "./usage-error.ts";
import { parseBoolean, refusal } from "./value-parsers.ts";

/** The node's own address, written into static pods by the generator of the Go program. */
export const NODE_IP = "LVSCARE_NODE_IP";

/**
 * What `lvscare care` is to do: the command line over the environment over the defaults. Rejects with one `UsageError` that holds
 * every problem, those of the reading included.
 */
export function resolveCareOptions(
  reading: Pick<ArgvReading, "given" | "problems">,
  environment: Environment,
  prefixes: readonly string[] = CARE_ENVIRONMENT_PREFIXES,
): CareOptions {
  const given = mergeGiven(reading.given, readEnvironment(environment, CARE_OPTION_ROWS, prefixes));
  const nodeIp = environment[NODE_IP] ?? "";
  if (!given.has("ip") && nodeIp !== "") given.set("ip", { source: NODE_IP, texts: [nodeIp] });

  const values = new OptionValues<CareFlag>(CARE_OPTION_ROWS, given, reading.problems);
  const clean = values.read("clean", parseBoolean);
  const { service, ...servers } = resolveServers(values, clean);
  const policy = resolveHealthPolicy(values);
  const kubeconfig = values.peek("kubeconfig");
  // One that cannot be read is told of with the real servers.
  const weight = Number(values.peek("weight")) || 1;
  const discover = values.readOptional("discover", (text) => parseDiscover(text, kubeconfig, weight));
  const options = {
    name: undefined,
    ...servers,
    realServerNames: new Map<string, string>(),
    drained: new Set<string>(),
    ...(discover && { discover }),
    policy,
    runOnce: values.read("run-once", parseBoolean),
    clean,
    reach: resolveReach(values, service?.endpoint),
    probe: resolveProbe(values, policy),
    checkWay: values.read("check-way", parseBoolean),
    suspicion: values.read("suspicion", parseBoolean),
    log: resolveLog(values),
    httpListen: resolveHttpListen(values),
    budget: resolveBudget(values),
    cacheDirectory: resolveCacheDirectory(values),
  };
  if (options.runOnce && !clean && options.dataPlane === "userspace") {
    values.refuse("run-once", "the userspace data plane ends with its process, so there is nothing to set up once");
  }
  if (service !== undefined && options.httpListen !== undefined) {
    const page = formatEndpoint(options.httpListen);
    if (page === formatEndpoint(service.endpoint))
      values.refuse("http-listen", `"${page}" is the virtual server itself`);
  }
  const { scheduler = "" } = service ?? {};
  const problem = clean ? undefined : slowStartProblem(policy.slowStartMs, scheduler, servers.realServers);
  if (problem === "weightless")
    values.refuse("slow-start", `the scheduler ${scheduler} heeds no weights; use wrr or wlc`);
  if (problem === "no-room") {
    values.refuse("slow-start", "a weight of 1 leaves nothing to climb; give --weight 10 or more");
  }
  if (service === undefined || values.problems.length > 0) {
    throw new UsageError([...values.problems, ...misspeltVariables(environment, CARE_OPTION_ROWS, prefixes)]);
  }
  return { service, ...options };
}

// --- internal ---

type DataPlaneChoice = VirtualServerOptions["dataPlane"];

type ServerOptions = Pick<VirtualServerOptions, "realServers" | "dataPlane" | "initState" | "unlisted"> & {
  /** Undefined when there is a problem with it. */
  readonly service: VirtualServer | undefined;
};

/** The virtual server, its real servers and how they are kept; to clean up, no real server need be named. */
function resolveServers(values: OptionValues<CareFlag>, clean: boolean): ServerOptions {
  const { scheduler, ...keeping } = resolveKeeping(values);
  const { dataPlane } = keeping;
  const endpoint = values.isMissing("vs") ? undefined : values.readAll("vs", parseService);
  if (values.isMissing("vs")) values.problems.push('required flag(s) "vs" not set');
  const problem = endpoint && virtualAddressProblem(endpoint, dataPlane);
  if (endpoint !== undefined && problem !== undefined) {
    values.refuse("vs", `"${formatEndpoint(endpoint)}" ${problem}`);
  }
  return {
    service: endpoint && virtualServer({ protocol: "tcp", endpoint }, scheduler),
    realServers: resolveRealServers(values, endpoint, dataPlane, clean),
    ...keeping,
  };
}

/** The Go program takes the last of several; the others would silently not be cared for. */
function parseService(texts: readonly string[]): Endpoint | undefined {
  const endpoints = texts.map((text) => parseEndpoint(text.trim()));
  const [name, other] = new Set(endpoints.map(formatEndpoint));
  if (other !== undefined) {
    throw refusal(`"${name}" and "${other}" are two virtual servers; start one lvscare for each`);
  }
  return endpoints[0];
}

function resolveRealServers(
  values: OptionValues<CareFlag>,
  service: Endpoint | undefined,
  dataPlane: DataPlaneChoice,
  clean: boolean,
): RealServer[] {
  if (values.isMissing("rs") && values.isMissing("discover") && !clean)
    values.problems.push('required flag(s) "rs" not set');
  if (values.hasGap("rs")) values.refuse("rs", FORGOTTEN);
  const servers = new Map(
    values.readList("rs", parseRealServer).map((endpoint) => [formatEndpoint(endpoint), endpoint]),
  );
  for (const [name, endpoint] of servers) {
    const problem = realAddressProblem(endpoint) ?? (service && strangeness(endpoint, service, dataPlane));
    if (problem !== undefined) values.refuse("rs", `"${name}" ${problem}`);
  }
  const weight = values.read("weight", parseWeight);
  return [...servers.values()].map((endpoint) => realServer(endpoint, weight));
}

function strangeness(server: Endpoint, service: Endpoint, dataPlane: DataPlaneChoice): string | undefined {
  const problem = pairingProblem(server, service, dataPlane);
  if (problem === undefined) return undefined;
  return problem === "self"
    ? "is the virtual server itself"
    : `is ${FAMILY[server.family]} but the virtual server is ${FAMILY[service.family]}`;
}
