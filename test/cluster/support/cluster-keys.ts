import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { runCommand } from "../../kernel/harness/run-command.ts";

/** Who a certificate is made out to. */
export interface Subject {
  readonly name: string;
  /** Its group in the cluster. */
  readonly group?: string;
  /** Addresses and names that it serves at. */
  readonly serves?: readonly string[];
}

/** The authority of one cluster, and what it has signed, as files in a folder. */
export class ClusterKeys {
  readonly folder: string;
  readonly authority: string;

  static async create(folder: string): Promise<ClusterKeys> {
    await mkdir(folder, { recursive: true });
    const keys = new ClusterKeys(folder);
    await openssl(
      "req",
      "-x509",
      ...EC,
      "-keyout",
      join(folder, "ca.key"),
      "-out",
      keys.authority,
      "-days",
      "2",
      "-subj",
      "/CN=kubernetes",
    );
    return keys;
  }

  private constructor(folder: string) {
    this.folder = folder;
    this.authority = join(folder, "ca.crt");
  }

  /** A certificate and its key, by their paths. */
  async issue(
    file: string,
    { name, group, serves = [] }: Subject,
  ): Promise<{ readonly cert: string; readonly key: string }> {
    const [cert, key, request] = ["crt", "key", "csr"].map((suffix) => join(this.folder, `${file}.${suffix}`)) as [
      string,
      string,
      string,
    ];
    const subject = `${group === undefined ? "" : `/O=${group}`}/CN=${name}`;
    await openssl("req", "-new", ...EC, "-keyout", key, "-out", request, "-subj", subject);
    const names = serves.map((one) => (/^[\d.]+$/.test(one) ? `IP:${one}` : `DNS:${one}`));
    const extensions = join(this.folder, `${file}.ext`);
    await writeFile(
      extensions,
      names.length === 0 ? "basicConstraints=CA:FALSE\n" : `subjectAltName=${names.join(",")}\n`,
    );
    const authority = ["-CA", this.authority, "-CAkey", join(this.folder, "ca.key"), "-CAcreateserial"];
    await openssl("x509", "-req", "-in", request, ...authority, "-out", cert, "-days", "2", "-extfile", extensions);
    return { cert, key };
  }

  /** A kubeconfig of this subject for a server, by its path; certificate and key stand in files beside it, as kubelet has them. */
  async kubeconfig(file: string, subject: Subject, server: string): Promise<string> {
    const { cert, key } = await this.issue(file, subject);
    return this.#writeKubeconfig(file, { "client-certificate": cert, "client-key": key }, server);
  }

  /** One of whoever has the token in this file. */
  kubeconfigOfToken(file: string, tokenFile: string, server: string): Promise<string> {
    return this.#writeKubeconfig(file, { tokenFile }, server);
  }

  /** The key by which service accounts are known. */
  async serviceAccountKey(): Promise<string> {
    const path = join(this.folder, "service-accounts.key");
    await openssl("genpkey", "-algorithm", "RSA", "-out", path);
    return path;
  }

  async #writeKubeconfig(file: string, user: object, server: string): Promise<string> {
    const path = join(this.folder, `${file}.conf`);
    const config = {
      apiVersion: "v1",
      kind: "Config",
      "current-context": "lab",
      contexts: [{ name: "lab", context: { cluster: "lab", user: "lab" } }],
      clusters: [{ name: "lab", cluster: { server, "certificate-authority": this.authority } }],
      users: [{ name: "lab", user }],
    };
    await writeFile(path, JSON.stringify(config));
    await chmod(path, 0o600);
    return path;
  }
}

// --- internal ---

const EC = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"] as const;

function openssl(...argv: readonly string[]): Promise<string> {
  return runCommand(["openssl", ...argv], { timeoutMs: 60_000 });
}
