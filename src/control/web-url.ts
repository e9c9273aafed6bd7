import { formatEndpoint, isUnspecified, type Endpoint } from "../domain/endpoint.ts";

/** A URL of the page on this host, to click on: a wildcard address cannot be used in one. */
export function webUrl({ address, family, port }: Endpoint): string {
  const own = isUnspecified(address) ? LOOPBACK[family] : address;
  return `http://${formatEndpoint({ address: own, family, port })}/`;
}

// --- internal ---

const LOOPBACK = { ipv4: "127.0.0.1", ipv6: "::1" } as const;
