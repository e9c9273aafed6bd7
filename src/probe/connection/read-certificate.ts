import type { X509Certificate } from "node:crypto";
import { oneLine } from "../../config/one-line.ts";
import type { CertificateFacts } from "../../domain/certificate.ts";
import { parseAddress } from "../../domain/endpoint.ts";

/** What a certificate says; undefined where it does not say until when it is valid. */
export function readCertificate(shown: X509Certificate, fingerprint: string): CertificateFacts | undefined {
  const [notBeforeMs, notAfterMs] = [Date.parse(shown.validFrom), Date.parse(shown.validTo)];
  if (!Number.isFinite(notBeforeMs) || !Number.isFinite(notAfterMs)) return undefined;
  const names = namesIn(shown.subjectAltName ?? "");
  return {
    fingerprint,
    subject: nameOf(shown.subject) || names[0] || NAMELESS,
    issuer: nameOf(shown.issuer) || NAMELESS,
    names,
    notBeforeMs,
    notAfterMs,
  };
}

// --- internal ---

/** A server may say as much as it likes, and all of it is kept. */
const LONGEST = 200;
const MOST_NAMES = 500;

const NAMELESS = "nobody";

/** `O=Example\, Inc.\nCN=kubernetes`: a line each, with escapes (RFC 4514, 2.4). */
function nameOf(distinguished: string | undefined): string {
  const parts = (distinguished ?? "").split("\n").map(unescaped);
  const common = parts.find((part) => part.startsWith("CN="))?.slice(3);
  return shown(common ?? parts.join(", "));
}

function unescaped(text: string): string {
  return text.replaceAll(/\\([\dA-F]{2}|.)/g, (_, what: string) =>
    what.length === 2 ? String.fromCharCode(Number.parseInt(what, 16)) : what,
  );
}

/** `DNS:a.test, IP Address:10.0.0.1, DNS:"a, b"`: quoted as in JSON where it holds what could be taken for another one. */
function namesIn(text: string): readonly string[] {
  const entries = text.matchAll(/(DNS|IP Address|[\w ]+):("(?:[^"\\]|\\.)*"|[^,]*)(?:, |$)/gy);
  const names: string[] = [];
  for (const [, kind, name = ""] of entries) {
    if (names.length === MOST_NAMES) break;
    if (name === "") continue;
    if (kind === "DNS") names.push(shown(name));
    else if (kind === "IP Address") names.push(parseAddress(name)?.address ?? shown(name));
  }
  return names;
}

function shown(text: string): string {
  return oneLine(text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text);
}
