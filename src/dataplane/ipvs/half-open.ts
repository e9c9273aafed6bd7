import { formatEndpoint, parseEndpoint } from "../../domain/endpoint.ts";

/**
 * Connections that wait for a real server's first answer (SYN_RECV), by its formatted endpoint, in the text of
 * `/proc/net/ip_vs_conn`: a line for each connection, with addresses in hexadecimal (IPv4) or in groups of four
 * (IPv6).
 */
export function halfOpenIn(text: string): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  // Nearly all lines tell of other states: looked for as text, they cost nothing.
  for (let at = text.indexOf(WAITING); at >= 0; at = text.indexOf(WAITING, at + 1)) {
    const line = text.slice(text.lastIndexOf("\n", at) + 1, at);
    const [, , , , , address = "", port = ""] = line.trim().split(/\s+/);
    const server = endpointOf(address, port);
    if (server !== undefined) counts.set(server, (counts.get(server) ?? 0) + 1);
  }
  return counts;
}

// --- internal ---

const WAITING = " SYN_RECV";

function endpointOf(address: string, port: string): string | undefined {
  const number = Number.parseInt(port, 16);
  if (!Number.isInteger(number)) return undefined;
  try {
    if (address.includes(":")) return formatEndpoint(parseEndpoint(`[${address.replace(/^\[|\]$/g, "")}]:${number}`));
    const bytes = address.match(/../g)?.map((byte) => Number.parseInt(byte, 16)) ?? [];
    return formatEndpoint(parseEndpoint(`${bytes.join(".")}:${number}`));
  } catch {
    // Not a line of this table.
    return undefined;
  }
}
