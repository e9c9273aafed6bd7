import type { X509Certificate } from "node:crypto";
import { holdsPem } from "../domain/pem.ts";

/** Where the certificate that this host shows is, and its key; both may be one file. */
export interface KeyPair {
  readonly cert: string;
  readonly key: string;
}

/**
 * Why nobody can be shown this certificate with this key, both in PEM, and in which of the two; undefined when that
 * works. The TLS library has only codes for it.
 */
export function keyPairProblem({
  cert,
  key,
}: KeyPair): { readonly of: keyof KeyPair; readonly problem: string } | undefined {
  if (!holdsPem(cert, "certificate")) return { of: "cert", problem: "it holds no certificate" };
  if (!holdsPem(key, "key")) {
    const problem = cert === key ? "it holds no key, and there is no key-file" : "it holds no key";
    return { of: "key", problem };
  }
  const { X509Certificate, createPrivateKey } = process.getBuiltinModule("node:crypto");
  let shown: X509Certificate;
  try {
    shown = new X509Certificate(cert);
  } catch (failure) {
    return { of: "cert", problem: unusable("certificate", failure) };
  }
  try {
    if (shown.checkPrivateKey(createPrivateKey(key))) return undefined;
  } catch (failure) {
    return { of: "key", problem: unusable("key", failure) };
  }
  return { of: "key", problem: "its key is not that of the certificate" };
}

// --- internal ---

/** What the library says of it is for programmers. */
function unusable(what: string, failure: unknown): string {
  const isEncrypted = failure instanceof Error && "code" in failure && failure.code === "ERR_MISSING_PASSPHRASE";
  return isEncrypted ? `its ${what} is encrypted` : `its ${what} cannot be used: it is damaged, or of an unknown kind`;
}
