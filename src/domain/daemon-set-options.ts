import type { HostPath } from "./static-pod-options.ts";

/** A pod on every node of a cluster. */
export interface DaemonSetOptions {
  /** Of all objects. */
  readonly name: string;
  readonly namespace: string;
  readonly image: string;
  /** What follows `/usr/bin/lvscare`. */
  readonly args: readonly string[];
  readonly requests: Readonly<Record<string, string>>;
  /** The virtual server that kubelet's probes ask for. */
  readonly virtualServer: string;
  /** Where the daemon's page is, for kubelet's probes and metrics; undefined: there is none. */
  readonly page: { readonly host: string | undefined; readonly port: number } | undefined;
  readonly hostPaths: readonly HostPath[];
  /**
   * What follows `/usr/bin/lvscare` in a privileged container that makes the kernel settings before the daemon starts, which may not;
   * undefined: there is none.
   */
  readonly settingsArgs: readonly string[] | undefined;
  /** The service whose endpoints the pods read as who they are; undefined: of none. */
  readonly discovers: { readonly namespace: string; readonly name: string } | undefined;
  /** With an object that has Prometheus' operator collect the metrics. */
  readonly hasPodMonitor: boolean;
}
