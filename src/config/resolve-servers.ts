import {
  isIpv6LinkLocal,
  isMapped,
  isUnicast,
  isUnspecified,
  parseEndpoint,
  type Endpoint,
} from "../domain/endpoint.ts";
import { LARGEST_WEIGHT, SCHEDULERS, WEIGHTLESS_SCHEDULERS, type RealServer } from "../domain/virtual-server.ts";
import type { CareFlag } from "./care-option-rows.ts";
import type { VirtualServerOptions } from "./care-options.ts";
import type { OptionValues } from "./option-values.ts";
import { MAPPED, parseBoolean, parseChoice, parseInteger, refusal } from "./value-parsers.ts";

type DataPlaneChoice = VirtualServerOptions["dataPlane"];

type Keeping = Pick<VirtualServerOptions, "dataPlane" | "initState" | "unlisted">;

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

/** IPVS has no place for the name of a link, without which the kernel cannot connect there. */
const LINK_LOCAL = "is an address of one link only; use one that is good everywhere";
