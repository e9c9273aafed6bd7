import {
  formatEndpoint,
  isIpv6LinkLocal,
  isMapped,
  isUnicast,
  isUnspecified,
  parseEndpoint,
  type Endpoint,
} from "../domain/endpoint.ts";
import {
  LARGEST_WEIGHT,
  SCHEDULERS,
  WEIGHTLESS_SCHEDULERS,
  realServer,
  virtualServer,
  type RealServer,
  type VirtualServer,
} from "../domain/virtual-server.ts";
import type { CareFlag } from "./care-option-rows.ts";
import type { VirtualServerOptions } from "./care-options.ts";
import type { OptionValues } from "./option-values.ts";
import { MAPPED, parseBoolean, parseChoice, parseInteger, refusal } from "./value-parsers.ts";

type DataPlaneChoice = VirtualServerOptions["dataPlane"];

type Keeping = Pick<VirtualServerOptions, "dataPlane" | "initState" | "unlisted">;

type ServerOptions = Keeping & {
  readonly realServers: readonly RealServer[];
  /** Undefined when there is a problem with it. */
  readonly service: VirtualServer | undefined;
};

/** The virtual server, its real servers and how they are kept; to clean up, no real server need be named. */
export function resolveServers(values: OptionValues<CareFlag>, clean: boolean): ServerOptions {
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

/** How a virtual server is kept, whatever its addresses. */
export function resolveKeeping(values: OptionValues<CareFlag>): Keeping & { readonly scheduler: string } {
  return {
    dataPlane: values.read("data-plane", parseChoice(["auto", "ipvs", "userspace"])),
    scheduler: values.read("scheduler", parseChoice(SCHEDULERS)),
    initState: values.read("init-state", parseChoice(["down", "up"])),
    unlisted: values.read("keep-foreign", parseBoolean) ? "keep" : "remove",
  };
}

/** One entry of a list of real servers. */
export function parseRealServer(entry: string): Endpoint {
  if (entry === "") throw refusal(FORGOTTEN);
  if (/[\s;]/.test(entry)) throw refusal(`"${entry}" has blanks or semicolons in it; put commas between real servers`);
  return parseEndpoint(entry);
}

export const parseWeight = parseInteger(1, LARGEST_WEIGHT);

export const FORGOTTEN = "one of them is empty; a real server may have been forgotten";

/** What is wrong with an address for clients to connect to, after its text. */
export function virtualAddressProblem(endpoint: Endpoint, dataPlane: DataPlaneChoice): string | undefined {
  if (isMapped(endpoint.address)) return MAPPED;
  if (isIpv6LinkLocal(endpoint.address)) return LINK_LOCAL;
  if (isUnicast(endpoint.address)) return undefined;
  // The proxy may listen on every address; the kernel balances one.
  if (!isUnspecified(endpoint.address)) return "is no address of a single host";
  return dataPlane === "userspace" ? undefined : "is no address that the kernel can balance; name the virtual IP";
}

/** What is wrong with a real server's address, whoever it serves, after its text. */
export function realAddressProblem({ address, family }: Endpoint): string | undefined {
  if (family === "ipv6" && isMapped(address)) return MAPPED;
  if (family === "ipv6" && isIpv6LinkLocal(address)) return LINK_LOCAL;
  return isUnicast(address) ? undefined : "is no address of a single server";
}

/** Why a real server cannot serve this virtual server. */
export function pairingProblem(
  server: Endpoint,
  service: Endpoint,
  dataPlane: DataPlaneChoice,
): "self" | "family" | undefined {
  if (server.address === service.address && server.port === service.port) return "self";
  // The kernel's masquerading rewrites addresses in place. Only the proxy has two connections and can bridge the
  // families.
  return server.family !== service.family && dataPlane !== "userspace" ? "family" : undefined;
}

/** Why real servers cannot climb to their weights; `no-room`: there is nothing between 0 and the weight. */
export function slowStartProblem(
  slowStartMs: number,
  scheduler: string,
  servers: readonly RealServer[],
): "weightless" | "no-room" | undefined {
  if (slowStartMs === 0) return undefined;
  if (WEIGHTLESS_SCHEDULERS.has(scheduler)) return "weightless";
  return servers.some(({ weight }) => weight < 2) ? "no-room" : undefined;
}

export const FAMILY = { ipv4: "IPv4", ipv6: "IPv6" } as const;

// --- internal ---

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

/** IPVS has no place for the name of a link, without which the kernel cannot connect there. */
const LINK_LOCAL = "is an address of one link only; use one that is good everywhere";
