import { existsSync } from "node:fs";
import { hostname } from "node:os";
import { KUBELET_CONF, type KubernetesSourceOptions } from "../../config/discover-options.ts";
import { parseAddress, type Endpoint, type Family } from "../../domain/endpoint.ts";
import { LvscareError } from "../../domain/errors.ts";
import type { Clock } from "../../probe/clock.ts";
import { KubeIdentity } from "../../probe/kube-apiserver/kube-identity.ts";
import type { Source, SourceUser } from "../source.ts";
import { ApiClient, type ApiClientPorts, type ApiIdentity } from "./api-client.ts";
import { KubernetesSource, listsApiServers } from "./kubernetes-source.ts";
import { Maintenance, type ServiceName } from "./maintenance.ts";
import { reportLease, writeReport } from "./report-lease.ts";
import { SERVICE_ACCOUNT, ServiceAccount } from "./service-account.ts";

export interface OpeningPorts extends Pick<ApiClientPorts, "openTcpSocket" | "watchSilence" | "acknowledgementOf"> {
  readonly clock: Clock;
  readonly random: () => number;
  /** Of the virtual server. */
  readonly family: Family;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** The members of a virtual server as the cluster's API lists them. */
export function openKubernetes(options: KubernetesSourceOptions, ports: OpeningPorts): Source {
  const { clock, random, family, environment, ...sockets } = ports;
  const identity = identityOf(options);
  // Behind the virtual server that this is asked for are the API servers themselves.
  const isOwn = listsApiServers(options);
  const servers = async (user: SourceUser): Promise<readonly Endpoint[]> => {
    const known = isOwn ? user.servers() : [];
    const named = await namedServers(identity, environment, isOwn);
    return [...known, ...named];
  };
  return new KubernetesSource(options, {
    api: (user) => new ApiClient({ ...sockets, identity, servers: () => servers(user) }),
    clock,
    random,
    family,
    report: (api, report) => {
      const material = identity.material();
      const { cert } = "lacking" in material ? {} : material;
      const nodeName = environment["LVSCARE_NODE_NAME"] ?? hostname().toLowerCase();
      return writeReport(api, reportLease(cert, nodeName), report);
    },
  });
}

/** What an operator may do for all nodes of a cluster, as a kubeconfig of theirs allows. To be disposed of. */
export function openMaintenance(
  { kubeconfig, context, service }: MaintenanceOptions,
  sockets: Pick<ApiClientPorts, "openTcpSocket" | "watchSilence" | "acknowledgementOf">,
): Maintenance {
  const identity = new KubeIdentity(kubeconfig, context);
  const servers = (): Promise<readonly Endpoint[]> => namedServers(identity, {}, false);
  return new Maintenance(new ApiClient({ ...sockets, identity, servers }), service);
}

export interface MaintenanceOptions {
  readonly kubeconfig: string;
  /** Its current one when undefined. */
  readonly context: string | undefined;
  readonly service: ServiceName;
}

// --- internal ---

function identityOf({
  kubeconfig,
  context,
}: KubernetesSourceOptions): ApiIdentity & Partial<Pick<KubeIdentity, "server">> {
  if (kubeconfig === undefined && existsSync(SERVICE_ACCOUNT)) return new ServiceAccount();
  return new KubeIdentity(kubeconfig ?? KUBELET_CONF, context);
}

/** Those that credentials or kubelet name; `isOwn`: one that cannot be found is no reason not to ask others. */
async function namedServers(
  identity: Partial<Pick<KubeIdentity, "server">>,
  environment: OpeningPorts["environment"],
  isOwn: boolean,
): Promise<readonly Endpoint[]> {
  const named = identity.server?.() ?? serverOfPod(environment);
  if ("lacking" in named) {
    if (isOwn) return [];
    throw new LvscareError("USAGE", named.lacking);
  }
  const { host, port } = named;
  const address = parseAddress(host);
  if (address !== undefined) return [{ ...address, port }];
  try {
    const found = await process.getBuiltinModule("node:dns/promises").lookup(host, { all: true });
    return found.flatMap((one) => {
      const known = parseAddress(one.address);
      return known === undefined ? [] : [{ ...known, port }];
    });
  } catch (error) {
    if (isOwn) return [];
    throw error;
  }
}

function serverOfPod(
  environment: OpeningPorts["environment"],
): { readonly host: string; readonly port: number } | { readonly lacking: string } {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port = "443" } = environment;
  return host === undefined
    ? { lacking: "this pod is not told where the API server is" }
    : { host, port: Number(port) };
}
