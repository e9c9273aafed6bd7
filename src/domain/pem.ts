/** Whether a text in PEM (RFC 7468) has such a thing in it; of what it is worth this says nothing. */
export function holdsPem(text: string, kind: "certificate" | "key"): boolean {
  return kind === "key" ? KEY.test(text) : CERTIFICATE.test(text);
}

// --- internal ---

const CERTIFICATE = /^-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----/m;
const KEY = /^-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----/m;
