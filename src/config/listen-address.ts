import { isMapped, parseEndpoint, type Endpoint } from "../domain/endpoint.ts";
import { MAPPED, refusal } from "./value-parsers.ts";

/**
 * Where to listen: a port alone means loopback. Other programs' spellings for all addresses or for this host are
 * refused with the right spelling, and not guessed: what is served there is visible to anyone who can connect.
 */
export function parseListen(text: string): Endpoint {
  const [, port] = /^(?:\*?:)?(\d+)$/.exec(text) ?? [];
  if (port === text) {
    if (Number(port) < 1 || Number(port) > 65535) throw refusal(`"${text}" needs a port from 1 to 65535`);
    return { family: "ipv4", address: "127.0.0.1", port: Number(port) };
  }
  if (port !== undefined) {
    throw refusal(`"${text}" names no address; write ${alone(port)} for this host alone, ${open(port)} for everybody`);
  }
  const [, local] = /^localhost:(\d+)$/i.exec(text) ?? [];
  if (local !== undefined) throw refusal(`"${text}" is a name; write ${alone(local)}, or [::1]:${local}`);
  const endpoint = parseEndpoint(text);
  if (isMapped(endpoint.address)) throw refusal(`"${text}" ${MAPPED}`);
  return endpoint;
}

// --- internal ---

function alone(port: string): string {
  return `${port} or 127.0.0.1:${port}`;
}

function open(port: string): string {
  return `0.0.0.0:${port} or [::]:${port}`;
}
