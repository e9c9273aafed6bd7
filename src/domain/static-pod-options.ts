/** A pod that kubelet runs from a file, before there is any API server to ask. */
export interface StaticPodOptions {
  /** Of the pod and of its only container. */
  readonly name: string;
  readonly image: string;
  /** What follows `/usr/bin/lvscare`. */
  readonly args: readonly string[];
  /** The node's own address, as its hosts file has it; undefined leaves it out. */
  readonly nodeIp?: string | undefined;
  /** `cpu` and `memory` by name, as Kubernetes writes quantities. */
  readonly requests?: Readonly<Record<string, string>>;
  /** Restart the container when no daemon answers for this virtual server any more. */
  readonly livenessOf?: string | undefined;
  /** Restart the container when its page, at this port of this address, no longer answers. */
  readonly livenessAt?: { readonly host: string; readonly port: number } | undefined;
  /** A folder of the host that the container sees at the same path: as it is, whatever is exchanged in it. */
  readonly configFolder?: string | undefined;
  /** What else of the host the container sees, each at the same path. */
  readonly hostPaths?: readonly HostPath[];
  /** With the one capability that IPVS, routes and rules need, instead of every right on the host. */
  readonly leastPrivilege?: boolean;
}

/** A part of the host's files, as kubelet mounts it. */
export interface HostPath {
  /** Of the volume. */
  readonly name: string;
  readonly path: string;
  readonly type: "File" | "Directory" | "DirectoryOrCreate";
  readonly readOnly: boolean;
}
