import type { DaemonSetOptions } from "../domain/daemon-set-options.ts";
import { LEAST_PRIVILEGE, mountOf, volumeOf, withTimes, type YamlMap } from "./pod-parts.ts";
import { rbacObjects } from "./rbac.ts";
import { renderYaml } from "./yaml.ts";

/** All that a daemon on every node needs of its cluster, an object after the other. */
export function renderDaemonSet(options: DaemonSetOptions): string {
  return partsOf(options)
    .flatMap(([, objects]) => objects.map(renderYaml))
    .join("---\n");
}

/** The same as a base of kustomize's: each file by its name. */
export function renderKustomization(options: DaemonSetOptions): ReadonlyMap<string, string> {
  const parts = partsOf(options).map(([file, objects]) => [file, objects.map(renderYaml).join("---\n")] as const);
  const kustomization = renderYaml({
    apiVersion: "kustomize.config.k8s.io/v1beta1",
    kind: "Kustomization",
    resources: parts.map(([file]) => file),
  });
  return new Map([[KUSTOMIZATION, `${KUSTOMIZATION_MARK}\n${kustomization}`], ...parts]);
}

/** The file that names the others. */
export const KUSTOMIZATION = "kustomization.yaml";

/** Tells a file of ours from one that somebody keeps. */
export const KUSTOMIZATION_MARK = "# Written by lvscare kustomize, and written anew by it: change it in an overlay.";

// --- internal ---

/** The files that it is divided into. */
function partsOf(options: DaemonSetOptions): readonly (readonly [file: string, objects: readonly YamlMap[]])[] {
  const { name, namespace, discovers } = options;
  const account = { kind: "ServiceAccount", namespace, name } as const;
  return [
    ["service-account.yaml", [{ apiVersion: "v1", kind: "ServiceAccount", metadata: { name, namespace } }]],
    ...(discovers === undefined ? [] : [["rbac.yaml", rbacObjects({ service: discovers, subject: account })] as const]),
    ["daemon-set.yaml", [daemonSet(options)]],
    ...(options.hasPodMonitor ? [["pod-monitor.yaml", [podMonitor(options)]] as const] : []),
  ];
}

function daemonSet({ name, namespace, discovers, ...pod }: DaemonSetOptions): YamlMap {
  return {
    apiVersion: "apps/v1",
    kind: "DaemonSet",
    metadata: { name, namespace, labels: { ...labelsOf(name), ...OURS } },
    spec: {
      selector: { matchLabels: labelsOf(name) },
      template: {
        metadata: { labels: { ...labelsOf(name), ...OURS } },
        spec: {
          automountServiceAccountToken: discovers !== undefined,
          containers: [container(pod, discovers !== undefined)],
          // The kernel's table is that of the node.
          hostNetwork: true,
          ...(pod.settingsArgs && { initContainers: [settings(pod.image, pod.settingsArgs)] }),
          priorityClassName: "system-node-critical",
          serviceAccountName: name,
          tolerations: [{ operator: "Exists" }],
          volumes: [
            { hostPath: { path: "/lib/modules", type: "" }, name: "lib-modules" },
            ...pod.hostPaths.map(volumeOf),
            // The host's own, so that `lvscare status` on the node finds the daemon.
            { hostPath: { path: "/run/lvscare", type: "DirectoryOrCreate" }, name: "run-lvscare" },
          ],
        },
      },
      // What stands in the kernel stays while a pod is exchanged.
      updateStrategy: { rollingUpdate: { maxUnavailable: 1 }, type: "RollingUpdate" },
    },
  };
}

function container(
  options: Omit<DaemonSetOptions, "name" | "namespace" | "discovers">,
  reportsItsNode: boolean,
): YamlMap {
  const { image, args, requests, page, hostPaths, virtualServer } = options;
  const asking = (path: string): YamlMap => ({
    httpGet: { ...(page?.host !== undefined && { host: page.host }), path, port: page?.port ?? 0 },
  });
  const alive =
    page === undefined
      ? { exec: { command: ["/usr/bin/lvscare", "status", "--vs", virtualServer, "--need-daemon"] } }
      : asking("/healthz");
  return {
    args,
    command: ["/usr/bin/lvscare"],
    ...(reportsItsNode && {
      env: [{ name: "LVSCARE_NODE_NAME", valueFrom: { fieldRef: { fieldPath: "spec.nodeName" } } }],
    }),
    image,
    imagePullPolicy: PULL,
    livenessProbe: withTimes(alive),
    name: "lvscare",
    ...(page && {
      ports: [{ containerPort: page.port, hostPort: page.port, name: METRICS, protocol: "TCP" }],
      readinessProbe: withTimes(asking("/readyz")),
    }),
    resources: Object.keys(requests).length > 0 ? { requests } : {},
    securityContext: LEAST_PRIVILEGE,
    volumeMounts: [
      { mountPath: "/lib/modules", name: "lib-modules", readOnly: true },
      ...hostPaths.map(mountOf),
      { mountPath: "/run/lvscare", name: "run-lvscare" },
    ],
    terminationMessagePolicy: "FallbackToLogsOnError",
  };
}

/** The daemon sees /proc/sys read-only. */
function settings(image: string, args: readonly string[]): YamlMap {
  return {
    args,
    command: ["/usr/bin/lvscare"],
    image,
    imagePullPolicy: PULL,
    name: "kernel-settings",
    securityContext: { privileged: true, readOnlyRootFilesystem: true },
    terminationMessagePolicy: "FallbackToLogsOnError",
  };
}

/** As in a static pod: an image that was brought to the node is there, whatever its tag. */
const PULL = "IfNotPresent";

function podMonitor({ name, namespace }: DaemonSetOptions): YamlMap {
  return {
    apiVersion: "monitoring.coreos.com/v1",
    kind: "PodMonitor",
    metadata: { name, namespace },
    spec: {
      // Whatever the DaemonSet is called, the alerts know the job.
      jobLabel: PART_OF,
      podMetricsEndpoints: [{ port: METRICS }],
      selector: { matchLabels: labelsOf(name) },
    },
  };
}

const METRICS = "metrics";

const PART_OF = "app.kubernetes.io/part-of";

/** What all of our DaemonSets have, for Prometheus to find them; no selector goes by it, as those cannot be changed. */
const OURS: YamlMap = { [PART_OF]: "lvscare" };

function labelsOf(name: string): YamlMap {
  return { "app.kubernetes.io/name": name };
}
