import { parseAddress } from "../domain/endpoint.ts";

/**
 * Whether a request that came over loopback means this host. A browser that a strange site led here by its own name (DNS rebinding) says that
 * name, and would let the site's scripts read the answer; an address or `localhost` cannot be made to point elsewhere. Programs that
 * name nobody are no browsers.
 */
export function meansThisHost(header: string | null): boolean {
  if (header === null || header === "") return true;
  const [, bracketed, name = ""] = /^(?:\[([^\]]*)\]|([^:[\]]*))(?::\d{0,5})?$/.exec(header) ?? [];
  if (bracketed !== undefined) return parseAddress(bracketed)?.family === "ipv6";
  return parseAddress(name) !== undefined || /^(?:[^.]+\.)*localhost\.?$/i.test(name);
}
