import { daysLeft, describeDays, type CertificateFacts } from "../../domain/certificate.ts";
import { errnoOf } from "../../domain/errors.ts";
import type { Endpoint } from "../../domain/endpoint.ts";
import { holdsPem } from "../../domain/pem.ts";
import type { TlsSettings } from "../../config/probe-kinds/tls-settings.ts";
import { WatchedFile } from "../watched-file.ts";
import { keyPairProblem } from "../key-pair.ts";
import { readCertificate } from "./read-certificate.ts";

/** How TLS is spoken with a server, and how its certificate is looked at. */
export interface TlsPolicy {
  /** The protocols that it is asked to choose from. */
  readonly offered: readonly string[];
  /** For a connection that is made now, with the files as they are; or why this host cannot make one. */
  prepare(): { readonly options: Bun.TLSOptions } | { readonly lacking: string };
  /**
   * Why this peer cannot be trusted; undefined when it can. `problem` is what the handshake found wrong with the
   * chain.
   */
  distrust(peer: Bun.Socket<unknown>, problem: Error | null, target: Endpoint): string | undefined;
  /** The certificate that was shown at the last handshake with this very target, trusted or not. */
  shownBy(target: Endpoint): CertificateFacts | undefined;
}

export interface TlsPolicyOptions extends TlsSettings {
  /** PEM certificates to trust instead of this system's, where no file has others. */
  readonly trustedRoots?: readonly string[] | undefined;
  /** What there is beside the files of the options, as it is now; or why it cannot be had. */
  readonly material?: (() => TlsMaterial | { readonly lacking: string }) | undefined;
}

/** In PEM; what is absent is not known. */
export interface TlsMaterial {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  /** That certificates have to fit. */
  readonly serverName?: string;
  /** Certificates are not looked at, whatever the options say. */
  readonly trustsAnybody?: true;
}

/**
 * TLS 1.2 or 1.3: the runtime offers nothing older. A name is sent only when there is one: an address is none (RFC 6066,
 * 3). If certificates are checked, it is against that name or else the real server's address.
 */
export function tlsPolicy(options: TlsPolicyOptions): TlsPolicy {
  const { verify, caFile, certFile, keyFile, serverName, alpn, minDaysLeft, trustedRoots, material } = options;
  const [authorities, certificate, key] = [caFile, certFile, keyFile].map((path) => path && new WatchedFile(path));
  // The handshake's own check compares names with "localhost", because it only knows a name that is sent. So we judge
  // here.
  const common: Bun.TLSOptions = {
    rejectUnauthorized: false,
    ...(alpn.length === 0
      ? {}
      : { ALPNProtocols: alpn.map((name) => String.fromCharCode(name.length) + name).join("") }),
    ...(serverName === undefined ? {} : { serverName }),
  };
  const roots =
    verify === "none" || caFile !== undefined || material !== undefined ? undefined : (trustedRoots ?? systemRoots());
  const unchanging = { options: roots === undefined ? common : { ...common, ca: [...roots] } };
  let besides: TlsMaterial = {};
  let examined: { readonly cert: string; readonly key: string; readonly lacking: string | undefined } | undefined;
  /** Once for the same two: it takes as long as a handshake. */
  const lackOf = (cert: string, key: string): string | undefined => {
    if (examined?.cert !== cert || examined.key !== key) {
      const found = keyPairProblem({ cert, key });
      const path = (found?.of === "cert" ? certFile : keyFile) ?? "the kubeconfig";
      examined = { cert, key, lacking: found && `${path}: ${found.problem}` };
    }
    return examined.lacking;
  };
  const prepare = (): ReturnType<TlsPolicy["prepare"]> => {
    const found = material?.() ?? besides;
    if ("lacking" in found) return found;
    besides = found;
    const { trustsAnybody: _, ...given } = besides;
    // Whoever is trusted then is nobody: that must not look like a stranger's certificate.
    if (given.ca !== undefined && !holdsPem(given.ca, "certificate"))
      return { lacking: "the kubeconfig's authority holds no certificate" };
    const texts = new Map<keyof Bun.TLSOptions, string>();
    for (const [name, file] of [
      ["ca", authorities],
      ["cert", certificate],
      ["key", key],
    ] as const) {
      if (!file) continue;
      try {
        const text = file.read();
        if (name === "ca" && !holdsPem(text, "certificate")) return { lacking: `${file.path} holds no certificate` };
        texts.set(name, text);
      } catch (failure) {
        return { lacking: `${file.path} cannot be read (${errnoOf(failure) ?? String(failure)})` };
      }
    }
    const [cert, own] = [texts.get("cert") ?? given.cert, texts.get("key") ?? given.key];
    const lacking = cert === undefined || own === undefined ? undefined : lackOf(cert, own);
    if (lacking !== undefined) return { lacking };
    return { options: { ...given, ...common, ...Object.fromEntries(texts) } };
  };
  // Whoever checks a target keeps its one endpoint for as long: what is known of a certificate goes with it.
  const shown = new WeakMap<Endpoint, CertificateFacts>();
  return {
    offered: alpn,
    shownBy: (target) => shown.get(target),
    prepare: [caFile, certFile, material].some((one) => one !== undefined) ? prepare : () => unchanging,
    distrust: (peer, problem, target) => {
      const certificate = look(peer, shown.get(target));
      if (certificate !== undefined) shown.set(target, certificate);
      const name = serverName ?? besides.serverName ?? target.address;
      const isAnyTaken = verify === "none" || besides.trustsAnybody === true;
      const distrusted = isAnyTaken ? undefined : certificateProblem(peer, problem, verify === "ca" ? undefined : name);
      return distrusted ?? (minDaysLeft === undefined ? undefined : ending(certificate, minDaysLeft));
    },
  };
}

/** Whether somebody is not trusted because of the authority that vouches for it. */
export function isStranger(distrust: string): boolean {
  return STRANGERS.has(distrust);
}

// --- internal ---

const SELF_SIGNED = "certificate is not trusted (self-signed)";
const UNKNOWN_AUTHORITY = "certificate is not trusted (unknown authority)";
const STRANGERS: ReadonlySet<string> = new Set([SELF_SIGNED, UNKNOWN_AUTHORITY]);

const EXPIRED = "certificate has expired";

const NAME_MISMATCH = "ERR_TLS_CERT_ALTNAME_INVALID";

const PROBLEMS: ReadonlyMap<string, string> = new Map([
  ["CERT_HAS_EXPIRED", EXPIRED],
  ["CERT_NOT_YET_VALID", "certificate is not valid yet"],
  ["CERT_REVOKED", "certificate has been revoked"],
  ["DEPTH_ZERO_SELF_SIGNED_CERT", SELF_SIGNED],
  ["SELF_SIGNED_CERT_IN_CHAIN", UNKNOWN_AUTHORITY],
  // An authority with the same name and another key, such as that of a rebuilt cluster.
  ["CERT_SIGNATURE_FAILURE", UNKNOWN_AUTHORITY],
  ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", UNKNOWN_AUTHORITY],
  ["UNABLE_TO_GET_ISSUER_CERT", UNKNOWN_AUTHORITY],
  ["UNABLE_TO_GET_ISSUER_CERT_LOCALLY", UNKNOWN_AUTHORITY],
]);

function certificateProblem(
  peer: Bun.Socket<unknown>,
  problem: Error | null,
  name: string | undefined,
): string | undefined {
  const code = problem !== null && "code" in problem ? String(problem.code) : undefined;
  if (problem !== null && code !== NAME_MISMATCH) {
    return PROBLEMS.get(code ?? "") ?? `certificate is not trusted (${problem.message})`;
  }
  if (name === undefined) return undefined;
  const fits = tls().checkServerIdentity(name, peer.getPeerCertificate()) === undefined;
  return fits ? undefined : `certificate is not valid for ${name}`;
}

/** Most handshakes show what the last one did: its fingerprint is a tenth of the cost of all that it says. */
function look(peer: Bun.Socket<unknown>, known: CertificateFacts | undefined): CertificateFacts | undefined {
  const shown = peer.getPeerX509Certificate();
  const fingerprint = shown?.fingerprint256;
  if (fingerprint === undefined) return undefined;
  return fingerprint === known?.fingerprint ? known : readCertificate(shown, fingerprint);
}

function ending(certificate: CertificateFacts | undefined, minDaysLeft: number): string | undefined {
  if (certificate === undefined) return "certificate does not say until when it is valid";
  const left = daysLeft(certificate, Date.now());
  if (left < 0) return EXPIRED;
  if (left >= minDaysLeft) return undefined;
  return `certificate expires in ${left === 0 ? "less than a day" : describeDays(left)}, min-days-left is ${minDaysLeft}`;
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
