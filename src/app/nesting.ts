import { formatEndpoint } from "../domain/endpoint.ts";
import type { ServiceKey } from "../domain/virtual-server.ts";

/**
 * A real server that is itself a virtual server of this host: IPVS looks at each packet only once, so packets that
 * one has forwarded are not balanced by the other, and clients get no answer.
 */
export function describeNesting({ endpoint }: ServiceKey): string {
  return (
    `${formatEndpoint(endpoint)} is itself a virtual server of this host: checks of it may pass, but the kernel leads no ` +
    "client through two"
  );
}
