import { reconcileReach } from "../actors/reconcile-reach.ts";
import type { ReachOptions, VirtualServerOptions } from "../config/care-options.ts";
import type { DataPlaneKind } from "../dataplane/data-plane.ts";
import { isLoopback, type Endpoint } from "../domain/endpoint.ts";
import { describeError, LvscareError, throwFailures } from "../domain/errors.ts";
import type { Logger } from "../domain/logger.ts";
import type { ServiceKey } from "../domain/virtual-server.ts";
import { HostChanges } from "../reach/host-changes.ts";
import type { HostObject } from "../reach/host-object.ts";
import { HostView } from "../reach/host-view.ts";
import { localAddress } from "../reach/loopback-address.ts";
import { foundGateway, NODE_NAME, nodeAddress } from "../reach/node-address.ts";
import { FirewallTables } from "../reach/link/iptables.ts";
import { everyHostObject, hostObjects } from "../reach/modes.ts";
import { boundToLoopback, takenOver } from "../reach/obstacles.ts";
import { readOwnAddresses, type IsOwn } from "../reach/own-addresses.ts";
import { SYSCTL_FOLDERS } from "../reach/sysctls.ts";
import { AddressUsers } from "./address-users.ts";
import { tellLeft } from "../events/event-log.ts";

/** This host, as all virtual servers of a process see it and hear of its changes. */
export class ReachHost {
  readonly view: HostView;
  readonly changes: HostChanges;
  readonly firewall: FirewallTables;
  /** What is taken for this node's address, once it is logged. */
  readonly toldAddresses = new Set<string>();

  /** Without a clock, nothing that was seen is believed for longer than one look. */
  constructor(now?: () => number) {
    this.view = new HostView(now);
    this.firewall = new FirewallTables(now);
    this.changes = new HostChanges({ changed: () => this.view.forget() });
  }
}

/** How this host gets to the virtual address. */
export interface Reach {
  readonly objects: readonly HostObject[];
  /** Calls back when something changed that they may depend on; returns a function that ends it. */
  readonly watch: (onChange: () => void) => () => void;
  /** What of the options is not followed, and why. */
  readonly remark?: string;
}

/** This host gets there by itself. */
export const NO_REACH: Reach = { objects: [], watch: () => () => undefined };

/**
 * What the options ask for; nothing of it is made yet. The userspace data plane needs the virtual address on this
 * host itself, in any mode. Throws USAGE for a gateway that cannot be one.
 */
export function planReach(
  { service, realServers, reach: options }: VirtualServerOptions,
  kind: DataPlaneKind,
  { view, changes, firewall, toldAddresses }: ReachHost,
  logger: Logger,
): Reach {
  const { address, family } = service.endpoint;
  const servers = realServers.map(({ endpoint }) => endpoint);
  const named = kind === "ipvs" && options.mode === "route" ? gatewayOf(options, service.endpoint) : undefined;
  const watch: Reach["watch"] = (onChange) => {
    const folders = kind === "ipvs" ? SYSCTL_FOLDERS : [];
    // A gateway that was not named changes with the ways to the real servers.
    const towards = kind === "ipvs" && options.mode === "route" && named === undefined ? servers : [];
    return changes.watch({ address: { address, family }, towards, folders }, onChange);
  };
  if (kind === "userspace") return { objects: [localAddress(address)], watch };
  const gateway = named === undefined ? foundGateway(servers, service.endpoint, logger, toldAddresses) : () => named;
  // This host reaches another host's address, and a route of ours would cut it off.
  const isOthers = servers.some((server) => server.address === address) && !readOwnAddresses()(address);
  const mode = isOthers && options.mode === "route" ? "none" : options.mode;
  const needs = { service, options: { ...options, mode }, gateway, servers, view, firewall, logger };
  const objects = hostObjects({ ...needs, isInUse: () => new AddressUsers().isInUse(service) });
  const remark = `no route to ${address} is made: it is a real server's, on another host`;
  return { ...(objects.length === 0 ? NO_REACH : { objects, watch }), ...(mode !== options.mode && { remark }) };
}

/**
 * Whether clients of an empty virtual server in the kernel wait in vain: elsewhere it tells them that nobody is there, but
 * that does not get back to them where their route to it is by way of loopback.
 */
export function leavesUnanswered({
  service: { endpoint },
  realServers,
  reach,
}: Pick<VirtualServerOptions, "service" | "realServers" | "reach">): boolean {
  if (reach.mode !== "route" || endpoint.family !== "ipv4" || isLoopback(endpoint.address)) return false;
  return realServers.length > 0 && realServers.every((server) => isLoopback(server.endpoint.address));
}

/** Why this data plane would not serve clients, or would harm this host. Checked only where that is possible. */
export function obstacleTo(
  kind: DataPlaneKind,
  { service, realServers, reach: { mode } }: Pick<VirtualServerOptions, "service" | "realServers" | "reach">,
  ownAddresses: () => IsOwn = readOwnAddresses,
): LvscareError | undefined {
  const { endpoint } = service;
  const servers = realServers.map((one) => one.endpoint);
  const isAtRisk = isLoopback(endpoint.address) || servers.some(({ address }) => address === endpoint.address);
  if (!isAtRisk) return undefined;
  const arrangement = { service: endpoint, servers };
  const isOwn = ownAddresses();
  if (kind === "userspace") return takenOver(arrangement, isOwn, false);
  return boundToLoopback(arrangement, isOwn) ?? (mode === "link" ? takenOver(arrangement, isOwn, true) : undefined);
}

/** Makes everything once. Throws what could not be made, after all else was. */
export async function establishReach({ objects }: Reach, logger: Logger): Promise<void> {
  const reports = await reconcileReach(objects);
  for (const report of reports) {
    if (report.outcome === "mended") logger.info(`set up ${report.name}`);
    if (report.outcome === "stood") logger.debug(`stands already: ${report.name}`);
    if (report.outcome === "left") tellLeft({ object: report.name, ...report }, logger);
  }
  const failures = reports.flatMap((report) => (report.outcome === "failed" ? [report.error] : []));
  // Before a node joins, the rest of its network may be to come: the daemon makes the route then.
  const lacking = failures.filter((error) => error instanceof LvscareError && error.code === "NO_NODE_ADDRESS");
  for (const error of lacking) logger.warn(describeError(error));
  throwFailures(failures.filter((error) => !lacking.includes(error)));
}

/** What is not removed. */
export interface Spared {
  /** Virtual servers that need nothing of it, this one among them where its daemon does not count. */
  readonly besides?: readonly ServiceKey[];
  /** Those that need it. */
  readonly users?: AddressUsers;
  /** It keeps the address. */
  readonly sparedLink?: string | undefined;
}

/** Everything that daemons for this virtual server may have made, in the order of its removal. */
export function reachToRemove(
  { service, reach: options }: { readonly service: ServiceKey; readonly reach: ReachOptions },
  { view, firewall }: ReachHost,
  logger: Logger,
  { besides = [], users = new AddressUsers(), sparedLink }: Spared = {},
): readonly HostObject[] {
  const isInUse = (): Promise<boolean> => users.isInUse(service, besides);
  const named = options.gateway ?? nodeAddress(service.endpoint.family)?.address;
  const gateway = (): string | undefined => named;
  const needs = { service, options, gateway, servers: [], view, firewall, logger, isInUse, sparedLink };
  return everyHostObject(needs).toReversed();
}

/**
 * What these options made of reach that others for the same virtual server do not need, in the order of its removal. By
 * the same sight of the host as what the others make: else that would take for standing what is removed here.
 */
export function reachToRetire(
  before: Pick<VirtualServerOptions, "service" | "reach">,
  after: Pick<VirtualServerOptions, "reach">,
  host: ReachHost,
  logger: Logger,
): readonly HostObject[] {
  const [was, is] = [before.reach, after.reach];
  if (was.mode === "none" || (was.mode === is.mode && (was.mode === "route" || was.iface === is.iface))) return [];
  const sparedLink = is.mode === "link" ? is.iface : undefined;
  const [link, masquerading, route] = reachToRemove(before, host, logger, { besides: [before.service], sparedLink });
  const made = was.mode === "route" ? [route] : [link, ...(is.mode === "link" ? [] : [masquerading])];
  return made.filter((object) => object !== undefined);
}

/**
 * The gateway that --ip or the hosts file names; undefined without one. Throws USAGE when the one in the hosts file
 * is of the other family.
 */
export function gatewayOf(options: ReachOptions, { family, address }: Endpoint): string | undefined {
  if (options.gateway !== undefined) return options.gateway;
  const node = nodeAddress(family);
  if (node !== undefined && node.family !== family) {
    throw new LvscareError(
      "USAGE",
      `${NODE_NAME} in /etc/hosts is "${node.address}", which cannot be the gateway to ${address}: one is IPv4, the other IPv6`,
      { remedy: "name a gateway with --ip" },
    );
  }
  return node?.address;
}
