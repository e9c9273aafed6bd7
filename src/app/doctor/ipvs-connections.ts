import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { addressFromBytes, formatEndpoint, parseAddress, type Endpoint } from "../../domain/endpoint.ts";

/** A connection that IPVS knows: its client, and the real server that got it. */
export interface IpvsConnection {
  readonly client: string;
  readonly realServer: string;
}

/**
 * A line of /proc/net/ip_vs_conn: the protocol, then address and port of client, virtual server and real server, in
 * hexadecimal. Undefined for the heading and for anything but TCP.
 */
export function parseConnection(line: string): IpvsConnection | undefined {
  const [protocol, ...words] = line.trim().split(/\s+/);
  if (protocol !== "TCP") return undefined;
  const client = endpointOf(words[0], words[1]);
  const realServer = endpointOf(words[4], words[5]);
  if (client === undefined || realServer === undefined) return undefined;
  return { client: formatEndpoint(client), realServer: formatEndpoint(realServer) };
}

/** The real servers that these clients' connections reached, from a list of maybe a million others. */
export async function realServersOf(
  clients: ReadonlySet<string>,
  path = "/proc/self/net/ip_vs_conn",
): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  for await (const line of createInterface({ input: createReadStream(path) })) {
    const connection = parseConnection(line);
    if (connection !== undefined && clients.has(connection.client)) found.set(connection.client, connection.realServer);
  }
  return found;
}

// --- internal ---

function endpointOf(address: string | undefined, port: string | undefined): Endpoint | undefined {
  if (address === undefined || port === undefined || !/^[\dA-F]{4}$/i.test(port)) return undefined;
  const text = /^[\dA-F]{8}$/i.test(address) ? addressFromBytes(Uint8Array.fromHex(address)) : address;
  const parsed = parseAddress(text);
  return parsed && { ...parsed, port: Number.parseInt(port, 16) };
}
