import { dirname } from "node:path";
import type { HostPath } from "../domain/static-pod-options.ts";
import type { CareOptions } from "./care-options.ts";
import { KUBELET_CONF, KUBELET_PKI } from "./discover-options.ts";

/**
 * What a daemon in a pod reads and writes of the host because of its options. `ownAccount`: the pod has a service account, by
 * which it asks where no kubeconfig is named; a static pod has none, and uses kubelet's.
 */
export function hostPathsOf(
  { discover, probe, cacheDirectory }: Pick<CareOptions, "discover" | "probe" | "cacheDirectory">,
  ownAccount: boolean,
): readonly HostPath[] {
  const source = discover?.source;
  const ofProbe = probe.type === "kube-apiserver" ? probe.kubeconfig : undefined;
  const ofDiscovery =
    source?.type === "kubernetes" ? (source.kubeconfig ?? (ownAccount ? undefined : KUBELET_CONF)) : undefined;
  const kubeconfig = ofDiscovery ?? ofProbe;
  const list = source?.type === "file" ? dirname(source.path) : undefined;
  return [
    ...(kubeconfig === undefined
      ? []
      : [{ name: "kubeconfig", path: kubeconfig, type: "File", readOnly: true } as const]),
    // In a folder, so that an exchanged certificate is seen.
    ...(kubeconfig === KUBELET_CONF
      ? [{ name: "kubelet-pki", path: KUBELET_PKI, type: "Directory", readOnly: true } as const]
      : []),
    ...(list === undefined ? [] : [{ name: "members", path: list, type: "Directory", readOnly: true } as const]),
    ...(discover === undefined
      ? []
      : [{ name: "cache", path: cacheDirectory, type: "DirectoryOrCreate", readOnly: false } as const]),
  ];
}
