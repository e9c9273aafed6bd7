import { formatEndpoint } from "../domain/endpoint.ts";
import type { ObservedVirtualServer } from "../domain/virtual-server.ts";

/**
 * A real server that is itself a virtual server of this host: IPVS looks at each packet once, so what it has sent to the one is not balanced by the
 * other, and clients get no answer.
 */
export function describeNesting({ service }: Pick<ObservedVirtualServer, "service">): string {
  return (
    `${formatEndpoint(service.endpoint)} is itself a virtual server of this host: checks of it may pass, but the kernel leads no ` +
    "client through two"
  );
}
