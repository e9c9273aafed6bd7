import { describeError } from "../../domain/errors.ts";

/** What went wrong with a connection, in words: from the kernel's or the TLS library's name for it where there is one. */
export function failureReason(error: unknown): string {
  const name = errorName(error);
  if (name === "EPROTO") return tlsReason(describeError(error));
  return (name === undefined ? undefined : WORDS.get(name)) ?? describeError(error);
}

/** Whether a connection could not even be begun because this process or host ran out of something. */
export function isOwnShortage(error: unknown): boolean {
  return OWN_SHORTAGES.includes(errorName(error) ?? "");
}

/** Whether the kernel gave up on a connection because its peer acknowledged nothing. */
export function isSilence(error: unknown): boolean {
  return SILENCES.includes(errorName(error) ?? "");
}

/** Why the peer went away before TLS stood, from what the handshake reported. */
export function handshakeFailure(problem: Error | null | undefined): string {
  // Any other name is also given to a peer that just closes, so it would blame a reset that never was.
  return problem && errorName(problem) === "EPROTO" ? tlsReason(problem.message) : "closed during the TLS handshake";
}

// --- internal ---

const OWN_SHORTAGES = ["EMFILE", "ENFILE", "ENOBUFS", "ENOMEM", "EADDRNOTAVAIL"];

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
  ["EAFNOSUPPORT", "address family not supported by this host"],
  ["EACCES", "connecting not permitted by this host"],
  ["EPERM", "connecting not permitted by this host"],
  ["EMFILE", "too many open files"],
  ["ENFILE", "too many open files"],
  ["ENOBUFS", "out of kernel memory"],
  ["ENOMEM", "out of kernel memory"],
]);

const TLS_WORDS: ReadonlyMap<string, string> = new Map([
  ["WRONG_VERSION_NUMBER", "the server speaks no TLS"],
  ["TLSV1_ALERT_PROTOCOL_VERSION", "the server speaks no TLS 1.2 or 1.3"],
  ["UNSUPPORTED_PROTOCOL", "the server speaks no TLS 1.2 or 1.3"],
  ["TLSV1_ALERT_CERTIFICATE_REQUIRED", "the server demands a client certificate"],
]);

/** `errno` on our own errors, `code` on those of the runtime. */
function errorName(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null) return undefined;
  if ("errno" in error && typeof error.errno === "string") return error.errno;
  return "code" in error && typeof error.code === "string" ? error.code : undefined;
}

/** BoringSSL says `error:100000f7:SSL routines:OPENSSL_internal:WRONG_VERSION_NUMBER`: the last part is the matter. */
function tlsReason(message: string): string {
  const matter = message.split(":").at(-1)?.trim() ?? "";
  const words = TLS_WORDS.get(matter) ?? matter.toLowerCase().replaceAll("_", " ");
  return `TLS handshake failed: ${words}`;
}
