import type { VirtualServerOptions } from "../../config/care-options.ts";
import type { DataPlaneKind } from "../../dataplane/data-plane.ts";
import { openIpvs } from "../../dataplane/ipvs/ipvs-plane.ts";
import { ipvsOutlook } from "../../dataplane/ipvs/outlook.ts";
import { isLacking, neitherWorks } from "../../dataplane/select.ts";
import { formatEndpoint, parseEndpoint } from "../../domain/endpoint.ts";
import { describeError, LvscareError } from "../../domain/errors.ts";
import type { VirtualServerStatus } from "../../domain/status.ts";
import { realServer, virtualServer, type ObservedVirtualServer, type ServiceKey } from "../../domain/virtual-server.ts";
import { localAddress } from "../../reach/loopback-address.ts";
import { mayChangeNetwork } from "../doctor/capability.ts";
import { refusesChangeOver } from "../preparation.ts";
import { obstacleTo } from "../reach.ts";

/** A data plane and what stands in it. */
export interface Sight {
  readonly kind: DataPlaneKind;
  readonly observed: ObservedVirtualServer | undefined;
  /** What cannot be known without trying it out. */
  readonly doubts: readonly string[];
}

/** The data plane that would be chosen and what stands in it, without a trial. Rejects with what this host lacks. */
export async function look(options: VirtualServerOptions): Promise<Sight> {
  if (options.dataPlane === "userspace") return lookAtUserspace(options);
  try {
    return await lookAtKernel(options);
  } catch (error) {
    if (options.dataPlane === "ipvs" || !isLacking(error)) throw error;
    const reason = `using the userspace data plane, because the kernel's does not work here: ${describeError(error)}`;
    try {
      const sight = await lookAtUserspace(options);
      return { ...sight, doubts: [reason, ...sight.doubts] };
    } catch (cause) {
      throw neitherWorks(error, cause);
    }
  }
}

/** The same for the daemon that serves it and goes on. */
export async function lookAgain(options: VirtualServerOptions, running: VirtualServerStatus): Promise<Sight> {
  const { kind } = running.dataPlane;
  const refusal = refusesChangeOver(kind, options);
  if (refusal !== undefined) throw refusal;
  if (kind === "ipvs") return lookAtKernel(options);
  const { doubts: _alreadyListening, ...sight } = await lookAtUserspace(options);
  return { ...sight, observed: observedBy(running), doubts: [] };
}

export async function readKernel(key: ServiceKey): Promise<ObservedVirtualServer | undefined> {
  const dataPlane = await openIpvs();
  try {
    return await dataPlane.read(key);
  } finally {
    await dataPlane.close();
  }
}

/** What a daemon tells of the proxy in its process. */
export function observedBy(status: VirtualServerStatus): ObservedVirtualServer {
  return {
    service: virtualServer(serviceOf(status), status.scheduler),
    stats: status.stats,
    realServers: status.realServers.flatMap(({ address, weight, activeConnections, inactiveConnections }) =>
      weight === undefined
        ? []
        : [{ server: realServer(parseEndpoint(address), weight), activeConnections, inactiveConnections }],
    ),
  };
}

/** Of a virtual server that a daemon told of. */
export function serviceOf({ protocol, address }: VirtualServerStatus): ServiceKey {
  return { protocol, endpoint: parseEndpoint(address) };
}

// --- internal ---

async function lookAtKernel(options: VirtualServerOptions): Promise<Sight> {
  const { service } = options;
  const obstacle = obstacleTo("ipvs", options);
  if (obstacle !== undefined) throw obstacle;
  const { isLoaded, doubts } = ipvsOutlook(service.scheduler);
  if (isLoaded) return { kind: "ipvs", observed: await readKernel(service), doubts };
  if (mayChangeNetwork()) return { kind: "ipvs", observed: undefined, doubts };
  throw notPermitted("load IPVS into the kernel");
}

/** A proxy has nothing that outlives its process. */
async function lookAtUserspace(options: VirtualServerOptions): Promise<Sight> {
  const { service } = options;
  const obstacle = obstacleTo("userspace", options);
  if (obstacle !== undefined) throw obstacle;
  const { checkSupported } = await import("../../dataplane/userspace/userspace-data-plane.ts");
  checkSupported(service);
  const isMissing = (await localAddress(service.endpoint.address).inspect()) !== undefined;
  if (isMissing && !mayChangeNetwork()) throw notPermitted(`add ${service.endpoint.address} to lo`);
  const doubts = [`whether ${formatEndpoint(service.endpoint)} can be listened at was not tried`];
  return { kind: "userspace", observed: undefined, doubts };
}

function notPermitted(operation: string): LvscareError {
  return new LvscareError("NOT_PERMITTED", "this process may not (it has no CAP_NET_ADMIN)", {
    operation,
    remedy: "run as root or with CAP_NET_ADMIN (in a container: --cap-add NET_ADMIN)",
  });
}
