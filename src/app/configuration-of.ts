import type { VirtualServerOptions } from "../config/care-options.ts";
import type { VirtualServerConfiguration } from "../domain/virtual-server-configuration.ts";

/** The part of a virtual server's options that its machine decides by. */
export function configurationOf({
  service,
  realServers,
  policy,
  initState,
  keepForeign,
  drained,
}: VirtualServerOptions): VirtualServerConfiguration {
  return { service, realServers, policy, initState, drained, unlisted: keepForeign ? "keep" : "remove" };
}
