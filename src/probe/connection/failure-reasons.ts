import { describeError } from "../../domain/errors.ts";

/** What went wrong with a connection, in words: from the name that the kernel or the TLS library gives it, if any. */
export function failureReason(error: unknown): string {
  const name = errorName(error);
  if (name === "EPROTO") return tlsReason(describeError(error));
  return (name === undefined ? undefined : WORDS.get(name)) ?? describeError(error);
}

/** Whether a connection could not even be begun because this process or host ran out of something, or lacks it. */
export function isOwnShortage(error: unknown): boolean {
  return OWN_SHORTAGES.includes(errorName(error) ?? "");
}

/** Whether the kernel gave up on a connection because its peer acknowledged nothing. */
export function isSilence(error: unknown): boolean {
  return SILENCES.includes(errorName(error) ?? "");
}

/**
 * Whether it says what went wrong with TLS. Any other name is also given when a peer just closes, and would report a
 * reset that did not happen.
 */
export function isTlsProblem(problem: Error | null | undefined): problem is Error {
  return errorName(problem) === "EPROTO";
}

/**
 * Why the peer left before TLS was up, from what the handshake reported. `afterItsCertificate`: it had shown its own
 * by then, so only ours was missing (TLS 1.2 has no alert for that: RFC 5246, 7.4.6).
 */
export function handshakeFailure(problem: Error | null | undefined, afterItsCertificate: boolean): string {
  if (!isTlsProblem(problem)) return "closed during the TLS handshake";
  const isRefusal = afterItsCertificate && matterOf(problem.message) === "SSLV3_ALERT_HANDSHAKE_FAILURE";
  return tlsReason(isRefusal ? "TLSV1_ALERT_CERTIFICATE_REQUIRED" : problem.message);
}

/** The same reason for who speaks TLS unless told otherwise: perhaps nobody meant to. */
export function orInPlain(reason: string): string {
  return reason.endsWith(NO_TLS) ? `${reason}; plain HTTP? scheme: http (--health-schem http)` : reason;
}

/** The same reason for who offered other protocols than HTTP/1.1. */
export function inProtocol(reason: string, offered: readonly string[]): string {
  if (offered.length === 0 || offered.includes("http/1.1")) return reason;
  return reason.replace(NO_PROTOCOL, `the server speaks none of ${offered.join(", ")} (ALPN)`);
}

// --- internal ---

const OWN_SHORTAGES = [
  "EMFILE",
  "ENFILE",
  "ENOBUFS",
  "ENOMEM",
  "EADDRNOTAVAIL",
  // An address to ask from, and the right to mark packets.
  "SOURCE_MISSING",
  "NOT_PERMITTED",
];

const SILENCES = ["ETIMEDOUT", "EHOSTUNREACH", "ENETUNREACH"];

const WORDS: ReadonlyMap<string, string> = new Map([
  ["ECONNREFUSED", "connect refused"],
  ["ECONNRESET", "connection reset"],
  ["ECONNABORTED", "connection reset"],
  ["EPIPE", "connection reset"],
  ["ETIMEDOUT", "connection timed out"],
  ["EHOSTUNREACH", "no route to host"],
  ["EHOSTDOWN", "no route to host"],
  ["ENETUNREACH", "network unreachable"],
  ["ENETDOWN", "network down"],
  ["EADDRNOTAVAIL", "no local port or address left"],
  // connect(2) says so of nothing else.
  ["EINVAL", "a blackhole route swallows what is sent there"],
  ["EAFNOSUPPORT", "address family not supported by this host"],
  ["EACCES", "connecting not permitted by this host"],
  ["EPERM", "connecting not permitted by this host"],
  ["EMFILE", "too many open files"],
  ["ENFILE", "too many open files"],
  ["ENOBUFS", "out of kernel memory"],
  ["ENOMEM", "out of kernel memory"],
]);

const NO_TLS = "the server speaks no TLS";

const NO_PROTOCOL = "the server speaks no HTTP/1.1, perhaps only HTTP/2";

const NO_NAME =
  "the server knows no such name (in a file, server-name gives one; by flags, Host in --health-req-headers)";

const TLS_WORDS: ReadonlyMap<string, string> = new Map([
  ["WRONG_VERSION_NUMBER", NO_TLS],
  ["TLSV1_ALERT_PROTOCOL_VERSION", "the server speaks no TLS 1.2 or 1.3"],
  ["UNSUPPORTED_PROTOCOL", "the server speaks no TLS 1.2 or 1.3"],
  ["TLSV1_ALERT_CERTIFICATE_REQUIRED", "the server demands a client certificate"],
  // We show none that could be a bad one.
  ["SSLV3_ALERT_BAD_CERTIFICATE", "the server demands a client certificate"],
  ["SSLV3_ALERT_NO_CERTIFICATE", "the server demands a client certificate"],
  ["TLSV1_ALERT_NO_APPLICATION_PROTOCOL", NO_PROTOCOL],
  ["TLSV1_UNRECOGNIZED_NAME", NO_NAME],
  ["TLSV1_ALERT_UNRECOGNIZED_NAME", NO_NAME],
]);

/** `errno` on our own errors, `code` on those of the runtime. */
function errorName(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null) return undefined;
  if ("errno" in error && typeof error.errno === "string") return error.errno;
  return "code" in error && typeof error.code === "string" ? error.code : undefined;
}

/** BoringSSL says `error:100000f7:SSL routines:OPENSSL_internal:WRONG_VERSION_NUMBER`: the last part is the matter. */
function tlsReason(message: string): string {
  const matter = matterOf(message);
  const words =
    TLS_WORDS.get(matter) ?? matter.replace(ALERT, "alert of the server: ").toLowerCase().replaceAll("_", " ");
  return `TLS handshake failed: ${words}`;
}

/** The version belongs to the protocol that carried the alert, not to the one that is spoken. */
const ALERT = /^(?:SSLV3|TLSV1)_ALERT_/;

function matterOf(message: string): string {
  return message.split(":").at(-1)?.trim() ?? "";
}
