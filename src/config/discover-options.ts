import type { Endpoint } from "../domain/endpoint.ts";

/** Where a virtual server's members are read from, and how far such a list is trusted. */
export interface DiscoverOptions {
  readonly source: DiscoverSource;
  /**
   * `bootstrap`: those that the configuration lists count until there is a list, and when nobody of it serves;
   * `merge`: they count beside it; `only`: the list alone counts.
   */
  readonly policy: "bootstrap" | "merge" | "only";
  /** The share of the members, in percent, that may vanish at once. */
  readonly removeAtMost: number;
  /** After this time a list that loses more of them is believed, if it still says so. */
  readonly confirmMs: number;
  /** For how long changes are gathered. */
  readonly debounceMs: number;
  /** Of members whose source tells none. */
  readonly weight: number;
}

export type DiscoverSource = FileSourceOptions | KubernetesSourceOptions | DnsSourceOptions;

/** Those that have to be waited for. */
export type AskedSource = Exclude<DiscoverSource, FileSourceOptions>;

/** A file that another program writes. */
export interface FileSourceOptions {
  readonly type: "file";
  readonly path: string;
}

/** The endpoints of a service of Kubernetes. */
export interface KubernetesSourceOptions {
  readonly type: "kubernetes";
  readonly namespace: string;
  readonly name: string;
  /** Its name or number; undefined for the only one. */
  readonly port: string | number | undefined;
  /** Undefined: that of the pod's service account, else kubelet's. */
  readonly kubeconfig: string | undefined;
  /** Of the kubeconfig; undefined: its current one. */
  readonly context: string | undefined;
  /** From one question to the next, where the list may not be watched. */
  readonly pollMs: number;
}

/** A name, or that of a service (RFC 2782), which has ports of its own. */
export interface DnsSourceOptions {
  readonly type: "dns";
  readonly name: string;
  /** Undefined for a service. */
  readonly port: number | undefined;
  /** Name servers; none: those of this host. */
  readonly servers: readonly Endpoint[];
  /** From one question to the next, whatever answers say of their time. */
  readonly minTtlMs: number;
  readonly maxTtlMs: number;
  /** For how long a member stays that answers lack. */
  readonly obsoleteMs: number;
}

/** By which a node of kubeadm's is known to its cluster; the certificate that it names is exchanged in the folder of the other. */
export const KUBELET_CONF = "/etc/kubernetes/kubelet.conf";
export const KUBELET_PKI = "/var/lib/kubelet/pki";

export const DISCOVER_TYPES = ["file", "kubernetes", "dns"] as const;

/** `file /etc/members`, `service default/kubernetes` */
export function describeSource(source: DiscoverSource): string {
  switch (source.type) {
    case "file":
      return `file ${source.path}`;
    case "kubernetes":
      return `service ${source.namespace}/${source.name}`;
    case "dns":
      return `name ${source.name}`;
  }
}
