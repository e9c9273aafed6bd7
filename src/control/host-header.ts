import { parseAddress } from "../domain/endpoint.ts";

/**
 * Whether a request that came over loopback means this host. If a foreign site led a browser here by its own name
 * (DNS rebinding), the browser sends that name, and would let the site's scripts read the answer. An address or
 * `localhost` cannot be made to point elsewhere. Programs that send no name are no browsers.
 */
export function meansThisHost(header: string | null): boolean {
  if (header === null || header === "") return true;
  const [, bracketed, name = ""] = /^(?:\[([^\]]*)\]|([^:[\]]*))(?::\d{0,5})?$/.exec(header) ?? [];
  if (bracketed !== undefined) return parseAddress(bracketed)?.family === "ipv6";
  return parseAddress(name) !== undefined || /^(?:[^.]+\.)*localhost\.?$/i.test(name);
}
