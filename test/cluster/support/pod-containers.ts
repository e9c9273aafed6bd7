import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { installMissingPackages } from "../../kernel/harness/packages.ts";

/** What a pod's manifest says of a container, as far as we say anything. */
export interface PodContainer {
  readonly name: string;
  readonly command: readonly string[];
  readonly args: readonly string[];
  readonly securityContext: {
    readonly privileged?: boolean;
    readonly readOnlyRootFilesystem?: boolean;
    readonly allowPrivilegeEscalation?: boolean;
    readonly capabilities?: { readonly add?: readonly string[] };
  };
  readonly volumeMounts?: readonly { readonly name: string; readonly mountPath: string; readonly readOnly?: boolean }[];
}

export interface PodSpec {
  readonly initContainers?: readonly PodContainer[];
  readonly containers: readonly PodContainer[];
  readonly volumes: readonly { readonly name: string; readonly hostPath: { readonly path: string } }[];
}

export async function installRunc(): Promise<void> {
  await installMissingPackages([{ name: "runc", file: "/usr/sbin/runc" }]);
}

/**
 * Lays out what runc starts as kubelet's runtime would start this container of a pod with the host's network, on the image's root. Returns the folder.
 */
export async function layOutBundle(
  folder: string,
  root: string,
  { volumes }: PodSpec,
  container: PodContainer,
): Promise<string> {
  const bundle = join(folder, container.name);
  await mkdir(bundle, { recursive: true });
  const { privileged = false, readOnlyRootFilesystem = false } = container.securityContext;
  const rights = privileged ? ALL_RIGHTS : (container.securityContext.capabilities?.add ?? []);
  const capabilities = rights.map((name) => `CAP_${name}`);
  const volumeMounts = (container.volumeMounts ?? []).map(({ name, mountPath, readOnly = false }) => ({
    destination: mountPath,
    source: volumes.find((volume) => volume.name === name)?.hostPath.path,
    type: "bind",
    options: ["rbind", readOnly ? "ro" : "rw"],
  }));
  const config = {
    ociVersion: "1.0.2",
    process: {
      cwd: "/",
      args: [...container.command, ...container.args],
      env: ["PATH=/usr/bin"],
      user: { uid: 0, gid: 0 },
      noNewPrivileges: container.securityContext.allowPrivilegeEscalation === false,
      capabilities: { bounding: capabilities, effective: capabilities, permitted: capabilities },
    },
    root: { path: root, readonly: readOnlyRootFilesystem },
    mounts: [...mountsOf(privileged), ...volumeMounts],
    linux: {
      namespaces: ["pid", "mount", "ipc", "uts"].map((type) => ({ type })),
      ...(!privileged && { readonlyPaths: READ_ONLY_PATHS }),
    },
  };
  await writeFile(join(bundle, "config.json"), JSON.stringify(config));
  return bundle;
}

// --- internal ---

/** Of those that a privileged container has, the ones that a container of ours could have a use for. */
const ALL_RIGHTS = ["CHOWN", "DAC_OVERRIDE", "FOWNER", "KILL", "NET_ADMIN", "NET_RAW", "SYS_ADMIN", "SYS_MODULE"];

/** As containerd and CRI-O have them. */
const READ_ONLY_PATHS = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

function mountsOf(isPrivileged: boolean): readonly object[] {
  const still = ["nosuid", "noexec", "nodev"];
  return [
    { destination: "/proc", source: "proc", type: "proc", options: still },
    { destination: "/dev", source: "tmpfs", type: "tmpfs", options: ["nosuid", "mode=755", "size=65536k"] },
    { destination: "/sys", source: "/sys", type: "bind", options: ["rbind", isPrivileged ? "rw" : "ro"] },
  ];
}
