import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { hostCidr, type Endpoint } from "../domain/endpoint.ts";

/** A process of this host's, as far as it matters here. */
export interface HostProcess {
  readonly pid: number;
  /** Its name in the kernel, at most 15 bytes: `kube-proxy`. */
  readonly name: string;
}

/**
 * Which process may be undoing our work, and what to do about it, in one sentence for people. `processes` are those
 * in our network namespace, without ourselves; `interfaces` the names of the network interfaces.
 */
export function likelyCulprit(
  virtualServer: Endpoint,
  processes: readonly HostProcess[],
  interfaces: readonly string[],
): string {
  const { address } = virtualServer;
  const cidr = hostCidr(virtualServer);
  const find = (name: string): HostProcess | undefined => processes.find((process) => process.name === name);
  const proxy = find("kube-proxy");
  // kube-proxy in IPVS mode binds its service addresses to this interface; in other modes it leaves IPVS alone.
  if (interfaces.includes("kube-ipvs0")) {
    return (
      `this is most likely kube-proxy in IPVS mode${proxy === undefined ? "" : ` (pid ${proxy.pid})`}, which deletes virtual servers that it ` +
      `did not make: add ${cidr} to ipvs.excludeCIDRs in its configuration (ConfigMap kube-proxy in kube-system) and restart its pods`
    );
  }
  const keepalived = find("keepalived");
  if (keepalived !== undefined) {
    return `keepalived (pid ${keepalived.pid}) runs here: see that its configuration has no virtual_server ${address}`;
  }
  const other = find("lvscare");
  if (other !== undefined) {
    return `another lvscare (pid ${other.pid}) runs here: if it cares for ${address} too, stop one of them`;
  }
  return `look for a script or program that uses ipvsadm; \`ipvsadm -Ln\` shows what it leaves`;
}

/** The processes of this network namespace, without ourselves. Those that we may not look at are left out. */
export function neighbours(): HostProcess[] {
  const own = readlinkSync("/proc/self/ns/net");
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && name !== String(process.pid))
    .flatMap((name) => {
      try {
        if (readlinkSync(`/proc/${name}/ns/net`) !== own) return [];
        return [{ pid: Number(name), name: readFileSync(`/proc/${name}/comm`, "utf8").trim() }];
      } catch (error) {
        // It ended meanwhile, or is not ours to look at.
        if (error instanceof Error) return [];
        throw error;
      }
    });
}

/** For our network namespace, unlike /sys/class/net, which shows the namespace of the process that mounted it. */
export function interfaceNames(): string[] {
  return [...readFileSync("/proc/self/net/dev", "utf8").matchAll(/^ *([^\s:]+):/gm)].map(([, name = ""]) => name);
}
