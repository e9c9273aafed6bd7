import { daysReached, nextReachedMs, type CertificateFacts } from "../domain/certificate.ts";
import type { CareEvent } from "../domain/events.ts";

export interface CertificateNewsPorts {
  /** The time of day, which certificates go by. */
  readonly today: () => number;
  readonly emit: (event: CareEvent) => void;
}

/** Tells of each certificate that comes to its end, once for each number of days that is left. */
export class CertificateNews {
  readonly #ports: CertificateNewsPorts;
  /** The fewest days that were told, by fingerprint; those told last come last. */
  readonly #told = new Map<string, number>();
  /** Until then there is nothing to tell: of nearly all certificates, at each of their checks. */
  readonly #quietUntilMs = new WeakMap<CertificateFacts, number>();

  constructor(ports: CertificateNewsPorts) {
    this.#ports = ports;
  }

  /** A server shows this certificate, still. */
  note(server: string, certificate: CertificateFacts): void {
    const nowMs = this.#ports.today();
    if (nowMs < (this.#quietUntilMs.get(certificate) ?? Number.NEGATIVE_INFINITY)) return;
    this.#quietUntilMs.set(certificate, nextReachedMs(certificate, nowMs));
    const { fingerprint, subject, issuer, notAfterMs } = certificate;
    const days = daysReached(certificate, nowMs);
    if (days === undefined || days >= (this.#told.get(fingerprint) ?? Number.POSITIVE_INFINITY)) return;
    this.#remember(fingerprint, days);
    const notAfter = new Date(notAfterMs).toISOString();
    this.#ports.emit({ type: "certificate.expiring", server, subject, issuer, notAfter, days });
  }

  // --- internal ---

  /** A server may show another one each time: the oldest are forgotten. */
  #remember(fingerprint: string, days: number): void {
    this.#told.delete(fingerprint);
    this.#told.set(fingerprint, days);
    const [oldest] = this.#told.keys();
    if (this.#told.size > MOST_TOLD && oldest !== undefined) this.#told.delete(oldest);
  }
}

// --- internal ---

const MOST_TOLD = 10_000;
