import { parseAddress } from "../domain/endpoint.ts";

/** Something that a kubeconfig has in itself, or names a file of. */
export type Stored = { readonly text: string } | { readonly file: string };

/** What a kubeconfig says of one cluster and one user of it; absent: it says nothing of that. */
export interface KubeCredentials {
  /** The cluster's authorities, in PEM. */
  readonly authority?: Stored;
  readonly certificate?: Stored;
  readonly key?: Stored;
  readonly token?: Stored;
  /** The name that the servers' certificates have to fit; their addresses when absent. */
  readonly serverName?: string;
  /** Where its API server is, as a URL. */
  readonly server?: string;
  /** Its cluster is to be reached by way of a proxy. */
  readonly hasProxy: boolean;
  /** Certificates are not to be looked at. */
  readonly skipsVerify: boolean;
}

/** The whole of a token, without blanks around it: what a header can carry. */
export function isBearerToken(text: string): boolean {
  return /^[\x21-\x7e]+$/.test(text);
}

/**
 * Reads a context of a kubeconfig, the current one unless another is named (kubernetes/client-go, tools/clientcmd). Checks do not use its server's address, but
 * the host name in it is what certificates are made out to. What runs programs or asks other services for credentials is
 * refused by its name. `folder`: what paths in it are relative to.
 */
export function readKubeconfig(
  text: string,
  folder: string,
  contextName?: string,
): KubeCredentials | { readonly problem: string } {
  let value: unknown;
  try {
    value = Bun.YAML.parse(text);
  } catch {
    return { problem: "it is no YAML" };
  }
  if (!isMap(value)) return { problem: "it is no kubeconfig" };
  const context = named(value["contexts"], contextName ?? value["current-context"], "context");
  if (context === undefined)
    return { problem: contextName === undefined ? "it has no current context" : `it has no context ${contextName}` };
  const cluster = named(value["clusters"], context["cluster"], "cluster");
  if (cluster === undefined) return { problem: `it has no cluster ${shown(context["cluster"])}` };
  const user = context["user"] === undefined ? {} : named(value["users"], context["user"], "user");
  if (user === undefined) return { problem: `it has no user ${shown(context["user"])}` };
  const unknown = UNKNOWN_WAYS.find((way) => way in user);
  if (unknown !== undefined) return { problem: `its user has ${unknown}, which is not run here` };
  try {
    return credentialsOf(cluster, user, folder);
  } catch (error) {
    if (error instanceof BadKubeconfig) return { problem: error.message };
    throw error;
  }
}

// --- internal ---

class BadKubeconfig extends Error {}

type YamlMap = Readonly<Record<string, unknown>>;

/** Ways to credentials that need a program, or a service. */
const UNKNOWN_WAYS = ["exec", "auth-provider", "username", "password"];

function credentialsOf(cluster: YamlMap, user: YamlMap, folder: string): KubeCredentials {
  const authority = stored(cluster, "certificate-authority", folder);
  const certificate = stored(user, "client-certificate", folder);
  const key = stored(user, "client-key", folder);
  if ((certificate === undefined) !== (key === undefined))
    throw new BadKubeconfig("its user has a client certificate without a key, or the other way round");
  const token = tokenOf(user, folder);
  const serverName = nameOf(cluster);
  const server = textAt(cluster, "server");
  return {
    ...(authority && { authority }),
    ...(certificate && { certificate }),
    ...(key && { key }),
    ...(token && { token }),
    ...(serverName !== undefined && { serverName }),
    ...(server !== undefined && { server }),
    hasProxy: textAt(cluster, "proxy-url") !== undefined,
    skipsVerify: cluster["insecure-skip-tls-verify"] === true,
  };
}

/** `token` counts, if both are there. */
function tokenOf(user: YamlMap, folder: string): Stored | undefined {
  const token = textAt(user, "token");
  if (token !== undefined) return { text: token };
  const file = textAt(user, "tokenFile");
  return file === undefined ? undefined : { file: pathIn(folder, file) };
}

function nameOf(cluster: YamlMap): string | undefined {
  const given = textAt(cluster, "tls-server-name");
  if (given !== undefined) return given;
  const host = URL.parse(textAt(cluster, "server") ?? "")?.hostname;
  if (host === undefined || host === "" || host === "localhost") return undefined;
  return parseAddress(host.replaceAll(/^\[|\]$/g, "")) === undefined ? host : undefined;
}

/** In base64 under `NAME-data`, which counts if both are there, or in a file. */
function stored(map: YamlMap, name: string, folder: string): Stored | undefined {
  const data = textAt(map, `${name}-data`);
  if (data !== undefined) {
    if (!/^[\w+/=\s-]+$/.test(data)) throw new BadKubeconfig(`its ${name}-data is no base64`);
    return { text: Buffer.from(data, "base64").toString("utf8") };
  }
  const file = textAt(map, name);
  return file === undefined ? undefined : { file: pathIn(folder, file) };
}

function textAt(map: YamlMap, key: string): string | undefined {
  const value = map[key];
  if (value === undefined || value === null || value === "") return undefined;
  if (typeof value !== "string") throw new BadKubeconfig(`its ${key} is no text`);
  if (value.includes("\0")) throw new BadKubeconfig(`its ${key} cannot be read`);
  return value;
}

function pathIn(folder: string, path: string): string {
  return path.startsWith("/") ? path : `${folder}/${path}`;
}

/** The member of this name in a list of `{name, context|cluster|user}`. */
function named(list: unknown, name: unknown, kind: string): YamlMap | undefined {
  if (!Array.isArray(list) || typeof name !== "string") return undefined;
  const found: unknown = list.find((one: unknown) => isMap(one) && one["name"] === name);
  const value = isMap(found) ? found[kind] : undefined;
  return isMap(value) ? value : undefined;
}

function isMap(value: unknown): value is YamlMap {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function shown(name: unknown): string {
  return typeof name === "string" ? name : "of its current context";
}
