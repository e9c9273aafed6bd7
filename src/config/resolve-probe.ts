import type { HealthPolicy } from "../domain/health-policy.ts";
import type { CareFlag } from "./care-option-rows.ts";
import type { HttpProbeOptions } from "./care-options.ts";
import { parseHeaders, parseMethod, parsePath } from "./http-values.ts";
import type { OptionValues } from "./option-values.ts";
import { asWritten, parseBoolean, parseChoice, parseInteger, parseTimeout } from "./value-parsers.ts";

/** How a real server is checked; the interval bounds the time for connecting, so that a dead link never outlasts a round. */
export function resolveProbe(values: OptionValues<CareFlag>, { intervalMs }: HealthPolicy): HttpProbeOptions {
  const timeoutMs = values.read("health-timeout", parseTimeout);
  return {
    scheme: values.read("health-schem", parseChoice(["http", "https"])),
    path: values.read("health-path", parsePath),
    method: values.read("health-req-method", parseMethod),
    body: values.read("health-req-body", asWritten),
    headers: values.readAll("health-req-headers", parseHeaders) ?? [],
    acceptStatus: [...new Set(values.readList("health-status", parseInteger(100, 999)))],
    insecureSkipVerify: values.read("health-insecure-skip-verify", parseBoolean),
    timeoutMs,
    sentinel: values.read("sentinel", parseBoolean),
    sentinelTimeoutMs: values.read("sentinel-timeout", parseTimeout),
    sentinelWorthMs: Math.max(SHORTEST_IDLE_MS, LEAST_WORTH * intervalMs),
    freshConnection: values.read("health-fresh-connection", parseBoolean),
    connectTimeoutMs: Math.min(values.read("health-connect-timeout", parseTimeout), timeoutMs, intervalMs),
  };
}

// --- internal ---

const SHORTEST_IDLE_MS = 1000;

/** Of an interval: a kept connection is renewed a fifth before the server closes it, so this makes five checks of one. */
const LEAST_WORTH = 0.25;
