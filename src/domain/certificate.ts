/** What a server's certificate says of itself; of what a server says, nothing that a terminal would obey. */
export interface CertificateFacts {
  /** SHA-256 of the certificate, in hexadecimal pairs. */
  readonly fingerprint: string;
  /** The common name, or all of the name, or the first of `names`, as far as it has them. */
  readonly subject: string;
  /** The same of whoever signed it. */
  readonly issuer: string;
  /** The DNS names and addresses that it is valid for. */
  readonly names: readonly string[];
  /** By the time of day, as all times here. */
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

/** The same as plain data that survives JSON. */
export interface CertificateStatus extends Omit<CertificateFacts, "notBeforeMs" | "notAfterMs"> {
  readonly notBefore: string;
  readonly notAfter: string;
  /** Who showed it, where checks ask somebody else than the real server: `10.0.0.1:9443`. */
  readonly shownBy?: string;
}

/** Whole days that are left, rounded down; below zero when it has expired. */
export function daysLeft({ notAfterMs }: Pick<CertificateFacts, "notAfterMs">, nowMs: number): number {
  return Math.floor((notAfterMs - nowMs) / DAY_MS);
}

/** `1 day`, `12 days` */
export function describeDays(days: number): string {
  return days === 1 ? "1 day" : `${days} days`;
}

/**
 * The least of 30, 7, 1 and 0 days that no more of is left; undefined as long as it is more. For a certificate that is
 * valid for a day or a week to begin with, only those count that are less than half of that: who renews each day needs
 * no warning each day.
 */
export function daysReached(certificate: CertificateFacts, nowMs: number): number | undefined {
  return thresholdsOf(certificate).findLast((days) => nowMs >= certificate.notAfterMs - days * DAY_MS);
}

/** When the next of these days is reached; infinity after the last one. */
export function nextReachedMs(certificate: CertificateFacts, nowMs: number): number {
  const next = thresholdsOf(certificate)
    .map((days) => certificate.notAfterMs - days * DAY_MS)
    .find((ms) => ms > nowMs);
  return next ?? Number.POSITIVE_INFINITY;
}

export function certificateStatus(facts: CertificateFacts): CertificateStatus {
  const { notBeforeMs, notAfterMs, ...others } = facts;
  const iso = (ms: number): string => new Date(ms).toISOString();
  return { ...others, notBefore: iso(notBeforeMs), notAfter: iso(notAfterMs) };
}

// --- internal ---

const DAY_MS = 86_400_000;

/** In the order in which they are reached. */
const THRESHOLDS = [30, 7, 1, 0] as const;

function thresholdsOf({ notBeforeMs, notAfterMs }: CertificateFacts): readonly number[] {
  return THRESHOLDS.filter((days) => 2 * days * DAY_MS < notAfterMs - notBeforeMs || days === 0);
}
