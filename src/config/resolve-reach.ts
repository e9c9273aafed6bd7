import { isMapped, parseAddress, type Endpoint } from "../domain/endpoint.ts";
import type { CareFlag } from "./care-option-rows.ts";
import type { ReachOptions } from "./care-options.ts";
import type { OptionValues } from "./option-values.ts";
import { MAPPED, parseBoolean, parseChoice, parseInteger, refusal } from "./value-parsers.ts";

/** How this host gets to the virtual IP; `service` is undefined when it could not be read. */
export function resolveReach(values: OptionValues<CareFlag>, service: Endpoint | undefined): ReachOptions {
  const mode = values.read("mode", parseMode);
  const gateway = values.readOptional("ip", parseGateway);
  const problem =
    mode === "route" && service !== undefined && gateway !== undefined
      ? gatewayProblem(gateway.address, service)
      : undefined;
  if (problem !== undefined) values.refuse("ip", problem);
  const strictArp = values.read("strict-arp", parseBoolean);
  const sysctls = values.read("sysctls", parseChoice(["manage", "keep"]));
  if (strictArp && sysctls === "keep")
    values.refuse("strict-arp", "consists of kernel settings, which --sysctls keep leaves alone");
  return {
    mode,
    gateway: gateway?.address,
    iface: values.read("iface", parseInterfaceName),
    strictArp,
    sysctls,
    masqueradeBit: values.read("masqueradebit", parseInteger(0, 31)),
  };
}

/** Why route mode cannot reach the virtual address through this gateway. */
export function gatewayProblem(gateway: string, service: Endpoint): string | undefined {
  return gateway.includes(":") === (service.family === "ipv6")
    ? undefined
    : `"${gateway}" cannot be the gateway to ${service.address}: one is IPv4, the other IPv6`;
}

/** The Go program writes "none" as empty text, which an environment variable cannot say. */
export function parseMode(text: string): ReachOptions["mode"] {
  return text === "" ? "none" : parseNamedMode(text);
}

// --- internal ---

const parseNamedMode = parseChoice(["route", "link", "none"]);

function parseGateway(text: string): Omit<Endpoint, "port"> {
  const address = parseAddress(text.trim());
  if (address === undefined) throw refusal(`"${text}" is not an IP address`);
  if (isMapped(address.address)) throw refusal(`"${text}" ${MAPPED}`);
  return address;
}

/** As the kernel's `dev_valid_name` judges: at most 15 bytes, no blanks, slashes or colons. */
function parseInterfaceName(text: string): string {
  if (!/^[^\s/:\p{Cc}]+$/u.test(text) || text === "." || text === ".." || Buffer.byteLength(text) > 15) {
    throw refusal(`"${text}" is not an interface name of at most 15 letters`);
  }
  return text;
}
