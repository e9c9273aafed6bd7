import type { HostPath } from "../domain/static-pod-options.ts";
import type { YamlValue } from "./yaml.ts";

export type YamlMap = { readonly [key: string]: YamlValue };

/** With the one capability that IPVS, routes and rules need, instead of every right on the host. */
export const LEAST_PRIVILEGE: YamlMap = {
  allowPrivilegeEscalation: false,
  // The kernel loads its modules by itself when they are needed: that takes no privilege of ours.
  capabilities: { add: ["NET_ADMIN"], drop: ["ALL"] },
  readOnlyRootFilesystem: true,
};

/** The times of a probe of kubelet's. */
export function withTimes(probe: YamlMap): YamlMap {
  return { ...probe, failureThreshold: 3, initialDelaySeconds: 10, periodSeconds: 15, timeoutSeconds: 5 };
}

export function mountOf({ path, name, readOnly }: HostPath): YamlMap {
  return { mountPath: path, name, ...(readOnly && { readOnly }) };
}

export function volumeOf({ path, name, type }: HostPath): YamlMap {
  return { hostPath: { path, type }, name };
}
