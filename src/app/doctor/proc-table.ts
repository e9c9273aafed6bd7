import { addressFromBytes, parseAddress, type Endpoint } from "../../domain/endpoint.ts";
import {
  NO_TRAFFIC,
  realServer,
  virtualServer,
  type Forwarding,
  type ObservedRealServer,
  type ObservedVirtualServer,
  type Protocol,
} from "../../domain/virtual-server.ts";

/**
 * The kernel's table as /proc/net/ip_vs shows it to every user, even without the right to ask over netlink. It has no
 * counters, and leaves out virtual servers that are identified by a firewall mark.
 */
export function parseProcTable(text: string): readonly ObservedVirtualServer[] {
  const table: (ObservedVirtualServer & { realServers: ObservedRealServer[] })[] = [];
  let isOurs = false;
  for (const line of text.split("\n")) {
    const [first = "", ...words] = line.trim().split(/\s+/);
    if (first === "->" && isOurs) {
      const server = readServer(words);
      // Oldest first; the kernel lists the newest first.
      if (server !== undefined) table.at(-1)?.realServers.unshift(server);
    } else if (first !== "->") {
      const protocol = PROTOCOLS.get(first);
      const endpoint = protocol && readEndpoint(words[0]);
      isOurs = endpoint !== undefined;
      if (protocol === undefined || endpoint === undefined) continue;
      const service = virtualServer({ protocol, endpoint }, words[1] ?? "none");
      const at = words.indexOf("persistent");
      const persistence =
        at === -1 ? {} : { flags: ["persistent" as const], persistenceTimeoutS: Number(words[at + 1]) / HERTZ };
      table.push({ service: { ...service, ...persistence }, stats: NO_TRAFFIC, realServers: [] });
    }
  }
  return table;
}

// --- internal ---

const PROTOCOLS: ReadonlyMap<string, Protocol> = new Map<string, Protocol>([
  ["TCP", "tcp"],
  ["UDP", "udp"],
  ["SCTP", "sctp"],
]);

/** The value does not matter, except that it is above 0. */
const HERTZ = 1000;

/** As ip_vs_fwd_name of net/netfilter/ipvs/ip_vs_ctl.c has them. */
const FORWARDING: ReadonlyMap<string, Forwarding> = new Map<string, Forwarding>([
  ["Masq", "masquerade"],
  ["Local", "local"],
  ["Tunnel", "tunnel"],
  ["Route", "direct-route"],
  ["Bypass", "bypass"],
]);

function readServer([address, forwarding = "", weight, active, inactive]: readonly string[]):
  | ObservedRealServer
  | undefined {
  const endpoint = readEndpoint(address);
  if (endpoint === undefined) return undefined;
  return {
    server: { ...realServer(endpoint, Number(weight)), forwarding: FORWARDING.get(forwarding) ?? "masquerade" },
    activeConnections: Number(active),
    inactiveConnections: Number(inactive),
    stats: NO_TRAFFIC,
  };
}

/** `0A600001:0050` or `[fd00:0000:…:0001]:0050`; undefined for anything else, such as the heading. */
function readEndpoint(text = ""): Endpoint | undefined {
  const [, v4, v6 = "", port = ""] = /^(?:([\dA-F]{8})|\[([\da-f:]+)\]):([\dA-F]{4})$/i.exec(text) ?? [];
  const address = parseAddress(v4 === undefined ? v6 : addressFromBytes(Uint8Array.fromHex(v4)));
  return address && { ...address, port: Number.parseInt(port, 16) };
}
