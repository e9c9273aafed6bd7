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
  realServer,
  virtualServer,
  type RealServer,
  type VirtualServer,
} from "../domain/virtual-server.ts";
import type { CareFlag } from "./care-option-rows.ts";
import type { CareOptions } from "./care-options.ts";
import type { OptionValues } from "./option-values.ts";
import { MAPPED, parseBoolean, parseChoice, parseInteger, refusal } from "./value-parsers.ts";

type ServerOptions = Pick<CareOptions, "realServers" | "dataPlane" | "initState" | "keepForeign"> & {
  /** Undefined when there is a problem with it. */
  readonly service: VirtualServer | undefined;
};

/** The virtual server, its real servers and how they are kept; to clean up, no real server need be named. */
export function resolveServers(values: OptionValues<CareFlag>, clean: boolean): ServerOptions {
  const dataPlane = values.read("data-plane", parseChoice(["auto", "ipvs", "userspace"]));
  const endpoint = values.isMissing("vs") ? undefined : values.readAll("vs", parseService);
  const scheduler = values.read("scheduler", parseChoice(SCHEDULERS));
  if (values.isMissing("vs")) values.problems.push('required flag(s) "vs" not set');
  const problem = endpoint && virtualAddressProblem(endpoint, dataPlane);
  if (endpoint !== undefined && problem !== undefined) {
    values.refuse("vs", `"${formatEndpoint(endpoint)}" ${problem}`);
  }
  return {
    service: endpoint && virtualServer({ protocol: "tcp", endpoint }, scheduler),
    realServers: resolveRealServers(values, endpoint, dataPlane, clean),
    dataPlane,
    initState: values.read("init-state", parseChoice(["down", "up"])),
    keepForeign: values.read("keep-foreign", parseBoolean),
  };
}

/** One entry of a list of real servers. */
export function parseRealServer(entry: string): Endpoint {
  if (entry === "") throw refusal(FORGOTTEN);
  if (/[\s;]/.test(entry)) throw refusal(`"${entry}" has blanks or semicolons in it; put commas between real servers`);
  return parseEndpoint(entry);
}

export const FORGOTTEN = "one of them is empty; a real server may have been forgotten";

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
  dataPlane: CareOptions["dataPlane"],
  clean: boolean,
): RealServer[] {
  if (values.isMissing("rs") && !clean) values.problems.push('required flag(s) "rs" not set');
  if (values.hasGap("rs")) values.refuse("rs", FORGOTTEN);
  const servers = new Map(
    values.readList("rs", parseRealServer).map((endpoint) => [formatEndpoint(endpoint), endpoint]),
  );
  for (const [name, endpoint] of servers) {
    if (isMapped(endpoint.address)) values.refuse("rs", `"${name}" ${MAPPED}`);
    else if (isIpv6LinkLocal(endpoint.address)) values.refuse("rs", `"${name}" ${LINK_LOCAL}`);
    else if (!isUnicast(endpoint.address)) values.refuse("rs", `"${name}" is no address of a single server`);
    else if (service !== undefined) {
      if (name === formatEndpoint(service)) values.refuse("rs", `"${name}" is the virtual server itself`);
      else if (endpoint.family !== service.family && dataPlane !== "userspace") {
        // The kernel's masquerading rewrites addresses in place. Only the proxy has two connections and can bridge
        // the families.
        values.refuse(
          "rs",
          `"${name}" is ${FAMILY[endpoint.family]} but the virtual server is ${FAMILY[service.family]}`,
        );
      }
    }
  }
  const weight = values.read("weight", parseInteger(1, LARGEST_WEIGHT));
  return [...servers.values()].map((endpoint) => realServer(endpoint, weight));
}

const FAMILY = { ipv4: "IPv4", ipv6: "IPv6" } as const;

/** IPVS has no place for the name of a link, without which the kernel cannot connect there. */
const LINK_LOCAL = "is an address of one link only; use one that is good everywhere";

function virtualAddressProblem(endpoint: Endpoint, dataPlane: CareOptions["dataPlane"]): string | undefined {
  if (isMapped(endpoint.address)) return MAPPED;
  if (isIpv6LinkLocal(endpoint.address)) return LINK_LOCAL;
  if (isUnicast(endpoint.address)) return undefined;
  // The proxy may listen on every address; the kernel balances one.
  if (!isUnspecified(endpoint.address)) return "is no address of a single host";
  return dataPlane === "userspace" ? undefined : "is no address that the kernel can balance; name the virtual IP";
}
