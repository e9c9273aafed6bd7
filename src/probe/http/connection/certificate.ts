import { parseAddress, type Endpoint } from "../../../domain/endpoint.ts";
import type { HeaderList } from "../request.ts";

/** How the server's certificate is looked at. */
export interface TlsPolicy {
  readonly options: Bun.TLSOptions;
  /**
   * Why this peer cannot be trusted; undefined when it can. `problem` is what the handshake found wrong with the
   * chain.
   */
  distrust(peer: Bun.Socket<unknown>, problem: Error | null, target: Endpoint): string | undefined;
}

export interface TlsPolicyOptions {
  readonly insecureSkipVerify: boolean;
  readonly headers: HeaderList;
  /** PEM certificates to trust instead of this system's. */
  readonly trustedRoots?: readonly string[] | undefined;
}

/**
 * TLS 1.2 or 1.3 (the runtime offers nothing older) for HTTP/1.1: a server that speaks only another protocol can say
 * so (RFC 7301). A server name is sent only when the user's Host header holds one: an address is no name, and a dot
 * at the end is no part of it (RFC 6066, 3). If certificates are checked, it is against that name or else the real
 * server's address, with the trusted roots.
 */
export function tlsPolicy(options: TlsPolicyOptions): TlsPolicy {
  const { insecureSkipVerify, headers } = options;
  const serverName = nameInHostHeader(headers);
  const ca = insecureSkipVerify ? undefined : (options.trustedRoots ?? systemRoots());
  return {
    options: {
      // The handshake's own check compares names with "localhost", because it only knows a name that is sent. So we
      // judge here.
      rejectUnauthorized: false,
      ALPNProtocols: HTTP1,
      ...(serverName === undefined ? {} : { serverName }),
      ...(ca === undefined ? {} : { ca: [...ca] }),
    },
    distrust: (peer, problem, target) =>
      insecureSkipVerify ? undefined : certificateProblem(peer, problem, serverName ?? target.address),
  };
}

// --- internal ---

/** As it goes over the wire: its length, and then the name. */
const HTTP1 = "\x08http/1.1";

const NAME_MISMATCH = "ERR_TLS_CERT_ALTNAME_INVALID";

const PROBLEMS: ReadonlyMap<string, string> = new Map([
  ["CERT_HAS_EXPIRED", "certificate has expired"],
  ["CERT_NOT_YET_VALID", "certificate is not valid yet"],
  ["CERT_REVOKED", "certificate has been revoked"],
  ["DEPTH_ZERO_SELF_SIGNED_CERT", "certificate is not trusted (self-signed)"],
  ["SELF_SIGNED_CERT_IN_CHAIN", "certificate is not trusted (unknown authority)"],
  // An authority with the same name and another key, such as that of a rebuilt cluster.
  ["CERT_SIGNATURE_FAILURE", "certificate is not trusted (unknown authority)"],
  ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", "certificate is not trusted (unknown authority)"],
  ["UNABLE_TO_GET_ISSUER_CERT", "certificate is not trusted (unknown authority)"],
  ["UNABLE_TO_GET_ISSUER_CERT_LOCALLY", "certificate is not trusted (unknown authority)"],
]);

function certificateProblem(peer: Bun.Socket<unknown>, problem: Error | null, name: string): string | undefined {
  const code = problem !== null && "code" in problem ? String(problem.code) : undefined;
  if (problem !== null && code !== NAME_MISMATCH) {
    return PROBLEMS.get(code ?? "") ?? `certificate is not trusted (${problem.message})`;
  }
  return tls().checkServerIdentity(name, peer.getPeerCertificate()) === undefined
    ? undefined
    : `certificate is not valid for ${name}`;
}

function nameInHostHeader(headers: HeaderList): string | undefined {
  const value = headers.find(([name]) => name.toLowerCase() === "host")?.[1];
  const name = value?.trim().replace(/:\d*$/, "").replace(/\.$/, "");
  return name === undefined || !/^[\w.-]+$/.test(name) || parseAddress(name) !== undefined ? undefined : name;
}

/**
 * This system's roots and NODE_EXTRA_CA_CERTS. Undefined where the system has none: then the runtime's own are used.
 */
function systemRoots(): string[] | undefined {
  const { getCACertificates } = tls();
  const system = getCACertificates("system");
  return system.length === 0 ? undefined : [...system, ...getCACertificates("extra")];
}

/** Loading it takes milliseconds of the start, and only certificate checks need it. */
function tls(): typeof import("node:tls") {
  return process.getBuiltinModule("node:tls");
}
