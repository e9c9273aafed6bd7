import type { ProbeResponse } from "./response/response-reader.ts";

/**
 * How long a busy server asks to be left alone (RFC 9110, 10.2.3), in milliseconds; undefined when it does not. Only 429
 * and 503 are that of a busy server.
 */
export function retryAfterMs({ status, fields }: ProbeResponse, nowMs: () => number = Date.now): number | undefined {
  return status === 429 || status === 503 ? retryAfterIn(fields.get("retry-after")?.[0], nowMs) : undefined;
}

/** The same of a value of that field. */
export function retryAfterIn(value = "", nowMs: () => number = Date.now): number | undefined {
  if (/^\d{1,9}$/.test(value)) return Number(value) * 1000;
  const atMs = /^[A-Z][a-z]{2}, /.test(value) ? Date.parse(value) : Number.NaN;
  return Number.isNaN(atMs) ? undefined : Math.max(0, atMs - nowMs());
}
