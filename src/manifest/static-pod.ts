import { LvscareError } from "../domain/errors.ts";
import type { StaticPodOptions } from "../domain/static-pod-options.ts";
import { LEAST_PRIVILEGE, mountOf, volumeOf, withTimes } from "./pod-parts.ts";
import { renderYaml, type YamlValue } from "./yaml.ts";

/** Byte for byte what `sealctl static-pod lvscare` writes, unless a new option is used. */
export function renderStaticPod(options: StaticPodOptions): string {
  const { name, image, args, nodeIp, requests = {}, configFolder, hostPaths = [], leastPrivilege = false } = options;
  const liveness = livenessProbe(options);
  const runtime = leastPrivilege || liveness !== undefined || configFolder !== undefined;
  const container: Record<string, YamlValue> = {
    args,
    command: ["/usr/bin/lvscare"],
    ...(nodeIp !== undefined && { env: [{ name: "LVSCARE_NODE_IP", value: nodeIp }] }),
    image,
    imagePullPolicy: "IfNotPresent",
    ...(liveness !== undefined && { livenessProbe: liveness }),
    name,
    resources: Object.keys(requests).length > 0 ? { requests } : {},
    securityContext: leastPrivilege ? LEAST_PRIVILEGE : { privileged: true },
    volumeMounts: [
      { mountPath: "/lib/modules", name: "lib-modules", readOnly: true },
      ...(configFolder === undefined ? [] : [{ mountPath: configFolder, name: "config", readOnly: true }]),
      ...hostPaths.map(mountOf),
      ...(runtime ? [{ mountPath: "/run/lvscare", name: "run-lvscare" }] : []),
    ],
  };
  return renderYaml({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { creationTimestamp: null, name, namespace: "kube-system" },
    spec: {
      containers: [container],
      hostNetwork: true,
      priorityClassName: "system-node-critical",
      volumes: [
        { hostPath: { path: "/lib/modules", type: "" }, name: "lib-modules" },
        ...(configFolder === undefined
          ? []
          : [{ hostPath: { path: configFolder, type: "Directory" }, name: "config" }]),
        ...hostPaths.map(volumeOf),
        // The host's own, so that `lvscare status` on the node finds the daemon.
        ...(runtime ? [{ hostPath: { path: "/run/lvscare", type: "DirectoryOrCreate" }, name: "run-lvscare" }] : []),
      ],
    },
    status: {},
  });
}

/**
 * The manifest with another image for its first container, and otherwise unchanged to the byte. Throws BAD_MANIFEST
 * for anything but a pod with an image.
 */
export function withImage(manifest: string, image: string): string {
  const expected = parse(manifest);
  firstContainer(expected).image = image;
  const line = imageLine(manifest);
  if (line === undefined) throw badManifest("its first container has no image of its own line");
  const { start, end } = line;
  const after = `${manifest.slice(0, start)}${renderYaml({ image }).slice("image: ".length, -1)}${manifest.slice(end)}`;
  // However the file is written, nothing else may have changed.
  if (!Bun.deepEquals(parse(after), expected)) throw badManifest("its image stands where it cannot be replaced");
  return after;
}

// --- internal ---

function livenessProbe({ livenessOf, livenessAt }: StaticPodOptions): YamlValue | undefined {
  if (livenessOf !== undefined)
    return withTimes({ exec: { command: ["/usr/bin/lvscare", "status", "--vs", livenessOf, "--need-daemon"] } });
  return livenessAt && withTimes({ httpGet: { host: livenessAt.host, path: "/healthz", port: livenessAt.port } });
}

function parse(text: string): unknown {
  try {
    return Bun.YAML.parse(text);
  } catch (error) {
    throw badManifest(`it is no YAML: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Of the first document: kubelet reads no other. */
function firstContainer(parsed: unknown): { image?: unknown } {
  const { kind, spec } = Object(Array.isArray(parsed) ? parsed[0] : parsed) as {
    kind?: unknown;
    spec?: { containers?: unknown };
  };
  if (kind !== "Pod") throw badManifest("it is no Pod");
  const container: unknown = Array.isArray(spec?.containers) ? spec.containers[0] : undefined;
  if (typeof container !== "object" || container === null) throw badManifest("it has no container");
  return container;
}

/** The position of the value of the first `image:` below `containers:`. */
function imageLine(text: string): { readonly start: number; readonly end: number } | undefined {
  const containers = /^[ \t]+containers:[ \t]*(?:#.*)?$/m.exec(text);
  if (containers === null) return undefined;
  const from = containers.index + containers[0].length;
  const match = /^[ \t]*(?:-[ \t]+)?image:[ \t]*/m.exec(text.slice(from));
  if (match === null) return undefined;
  const start = from + match.index + match[0].length;
  const value = /^(?:"(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^\s#][^\n]*?)(?=[ \t]*(?:[ \t]#.*)?$)/m.exec(text.slice(start));
  return value === null || value.index !== 0 ? undefined : { start, end: start + value[0].length };
}

function badManifest(why: string): LvscareError {
  return new LvscareError("BAD_MANIFEST", why, { remedy: "write it anew, without --set-img" });
}
