import type { ReachOptions } from "../config/care-options.ts";
import { isLoopback } from "../domain/endpoint.ts";
import type { Logger } from "../domain/logger.ts";
import type { ServiceKey } from "../domain/virtual-server.ts";
import type { HostObject } from "./host-object.ts";
import { hostRoute, type Gateway } from "./host-route.ts";
import type { HostView } from "./host-view.ts";
import type { HostAddress } from "./hosts-file.ts";
import { dummyLink } from "./link/dummy-link.ts";
import { masquerade } from "./link/masquerade.ts";
import type { FirewallTables } from "./link/iptables.ts";
import { sysctls } from "./sysctls.ts";

export interface ReachNeeds {
  readonly service: ServiceKey;
  readonly options: ReachOptions;
  /** Of route mode. */
  readonly gateway: Gateway;
  readonly servers: readonly HostAddress[];
  readonly view: HostView;
  /** By which the virtual servers of this process look at the firewall and change it together. */
  readonly firewall: FirewallTables;
  readonly logger: Logger;
  /** Whether something else on this host needs the virtual address, such as a virtual server on another port of it. */
  readonly isInUse: () => Promise<boolean>;
  /** A dummy link whose address is not taken back: another configuration has it there. */
  readonly sparedLink?: string | undefined;
}

/** What the kernel's data plane needs of this host in the mode of the options: to be established in this order. */
export function hostObjects(needs: ReachNeeds): readonly HostObject[] {
  const { service, options } = needs;
  const settings = options.sysctls === "manage" ? settingsOf(needs) : [];
  switch (options.mode) {
    case "route":
      // Loopback addresses are this host's own by themselves.
      return isLoopback(service.endpoint.address) ? settings : [...settings, routeOf(needs)];
    case "link":
      return [...settings, ...linkOf(needs)];
    case "none":
      return settings;
  }
}

/** Everything that any mode may have made for this virtual server, with any options: to be removed in reverse order. */
export function everyHostObject(needs: ReachNeeds): readonly HostObject[] {
  return [routeOf(needs), ...linkOf(needs)];
}

// --- internal ---

function settingsOf({ service, options, view }: ReachNeeds): HostObject[] {
  return sysctls({ mode: options.mode, strictArp: options.strictArp, family: service.endpoint.family, view });
}

/** The rules come before the address: no client may be served without them. */
function linkOf({ service, options, isInUse, sparedLink, firewall }: ReachNeeds): HostObject[] {
  return [
    masquerade({ service, bit: options.masqueradeBit }, firewall),
    dummyLink({ name: options.iface, destination: service.endpoint, isInUse, spared: sparedLink }),
  ];
}

function routeOf({ service, gateway, servers, view, logger, isInUse }: ReachNeeds): HostObject {
  return hostRoute({ destination: service.endpoint, gateway, servers, isInUse, view, logger });
}
