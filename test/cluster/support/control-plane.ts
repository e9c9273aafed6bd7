import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { linesOf } from "../../kernel/support/line-process.ts";
import type { Child, Namespace } from "../../kernel/support/namespace.ts";
import { waitFor } from "../../kernel/support/wait-for.ts";
import type { SwitchedNetwork } from "../../node/support/switched-network.ts";
import { ClusterKeys } from "./cluster-keys.ts";
import { clusterPrograms, type ClusterPrograms } from "./cluster-programs.ts";
import { Etcd } from "./etcd.ts";

export interface ControlPlaneOptions {
  /** The address of etcd. */
  readonly etcd: string;
  /** Where API servers may be; none runs yet. */
  readonly masters: readonly string[];
  /** What clients call them besides. */
  readonly names: readonly string[];
  /** Of all API servers, beside those that make them one cluster. */
  readonly flags?: readonly string[];
  /** Another one than is built. */
  readonly etcdProgram?: string;
}

/** One API server of it. */
interface Master {
  readonly address: string;
  readonly namespace: Namespace;
  /** Its port on the switch. */
  readonly port: string;
  child: Child | undefined;
  readonly log: string[];
}

/** A control plane: a real etcd and real API servers, natively in namespaces on a switch. */
export class ControlPlane implements AsyncDisposable {
  readonly keys: ClusterKeys;
  readonly etcd: Etcd;
  readonly #folder: string;
  readonly #programs: ClusterPrograms;
  readonly #network: SwitchedNetwork;
  readonly #masters = new Map<string, Master>();
  readonly #serving: { readonly cert: string; readonly key: string };
  readonly #serviceAccounts: string;
  readonly #flags: readonly string[];

  static async create(
    network: SwitchedNetwork,
    { etcd, masters, names, flags = [], etcdProgram }: ControlPlaneOptions,
  ): Promise<ControlPlane> {
    const programs = await clusterPrograms();
    const folder = await mkdtemp(join(tmpdir(), "lvscare-cluster-"));
    const keys = await ClusterKeys.create(join(folder, "keys"));
    const serves = [...masters, ...names, "10.97.0.1", "kubernetes", "kubernetes.default", "kubernetes.default.svc"];
    const serving = await keys.issue("apiserver", { name: "kube-apiserver", serves });
    const plane = new ControlPlane(
      folder,
      programs,
      network,
      keys,
      serving,
      await keys.serviceAccountKey(),
      await Etcd.start(network, etcd, etcdProgram ?? programs.etcd, join(folder, "etcd")),
      flags,
    );
    for (const address of masters) {
      const { namespace, port } = await network.addHost(`${address}/24`);
      plane.#masters.set(address, { address, namespace, port, child: undefined, log: [] });
    }
    return plane;
  }

  private constructor(
    folder: string,
    programs: ClusterPrograms,
    network: SwitchedNetwork,
    keys: ClusterKeys,
    serving: { readonly cert: string; readonly key: string },
    serviceAccounts: string,
    etcd: Etcd,
    flags: readonly string[],
  ) {
    this.#folder = folder;
    this.#programs = programs;
    this.#network = network;
    this.keys = keys;
    this.#serving = serving;
    this.#serviceAccounts = serviceAccounts;
    this.etcd = etcd;
    this.#flags = flags;
  }

  namespaceOf(address: string): Namespace {
    return this.#master(address).namespace;
  }

  /** Starts the API server at this address, once the one before it has ended, and waits until it is ready. */
  async start(address: string): Promise<void> {
    const master = this.#master(address);
    await master.child?.exited;
    master.child = master.namespace.spawn([this.#programs.apiServer, ...this.#arguments(address)]);
    void this.#follow(master);
    await waitFor(
      () => this.ask(address, "/readyz"),
      ({ stdout, exitCode }) => {
        if (master.child?.exitCode != null)
          throw new Error(`the API server at ${address} has ended:\n${master.log.slice(-30).join("\n")}`);
        return exitCode === 0 && stdout === "ok";
      },
      { timeoutMs: 120_000, everyMs: 200 },
    );
  }

  /** Ends the API server there: by `SIGTERM` it says goodbye and serves for a while. Or has it hang by `SIGSTOP`, and go on by `SIGCONT`. */
  stop(address: string, signal: "SIGTERM" | "SIGKILL" | "SIGSTOP" | "SIGCONT"): void {
    this.#master(address).child?.kill(signal);
  }

  /** What is behind a port that is down is gone for all others, and nobody's link tells them. */
  setPort(address: string, state: "up" | "down"): Promise<void> {
    return this.#network.setPort(this.#master(address).port, state);
  }

  /** Asks one API server as the cluster's administrator; with a body it is given that, by `POST` unless another method is named. */
  async ask(
    address: string,
    path: string,
    body?: object,
    method?: "PUT" | "DELETE",
  ): Promise<{ readonly stdout: string; readonly exitCode: number }> {
    const { cert, key } = await (this.#admin ??= this.keys.issue("admin", { name: "admin", group: "system:masters" }));
    const secrets = ["--cacert", this.keys.authority, "--cert", cert, "--key", key];
    const data =
      body === undefined ? [] : ["--header", "Content-Type: application/json", "--data", JSON.stringify(body)];
    const curl = [
      "curl",
      "--silent",
      "--fail-with-body",
      "--max-time",
      "30",
      ...secrets,
      ...(method === undefined ? [] : ["--request", method]),
      ...data,
      `https://${address}:6443${path}`,
    ];
    return this.namespaceOf(address).run(curl);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { child } of this.#masters.values()) child?.kill("SIGKILL");
    await rm(this.#folder, { recursive: true, force: true });
  }

  // --- internal ---

  #admin: Promise<{ readonly cert: string; readonly key: string }> | undefined;

  #master(address: string): Master {
    const master = this.#masters.get(address);
    if (master === undefined) throw new Error(`there is no master ${address}`);
    return master;
  }

  #arguments(address: string): readonly string[] {
    const { cert, key } = this.#serving;
    return [
      `--etcd-servers=${this.etcd.url}`,
      `--bind-address=${address}`,
      "--secure-port=6443",
      `--advertise-address=${address}`,
      `--cert-dir=${this.#folder}/${address}`,
      `--tls-cert-file=${cert}`,
      `--tls-private-key-file=${key}`,
      `--client-ca-file=${this.keys.authority}`,
      "--service-account-issuer=https://kubernetes.default.svc",
      `--service-account-key-file=${this.#serviceAccounts}`,
      `--service-account-signing-key-file=${this.#serviceAccounts}`,
      "--service-cluster-ip-range=10.97.0.0/16",
      "--authorization-mode=Node,RBAC",
      "--enable-admission-plugins=NodeRestriction",
      // As kubeadm has it: kube-proxy is privileged, too.
      "--allow-privileged=true",
      "--shutdown-delay-duration=5s",
      ...this.#flags,
    ];
  }

  async #follow({ child, log }: Master): Promise<void> {
    if (child === undefined) return;
    for await (const line of linesOf(child.stderr)) {
      log.push(line);
      if (log.length > 200) log.shift();
    }
  }
}
