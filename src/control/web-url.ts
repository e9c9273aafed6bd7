import { formatEndpoint, isUnspecified, type Endpoint } from "../domain/endpoint.ts";

/** Where the page is to be found on this host, for somebody to click on: an address that stands for all of this host's is no way to it. */
export function webUrl({ address, family, port }: Endpoint): string {
  const own = isUnspecified(address) ? LOOPBACK[family] : address;
  return `http://${formatEndpoint({ address: own, family, port })}/`;
}

// --- internal ---

const LOOPBACK = { ipv4: "127.0.0.1", ipv6: "::1" } as const;
