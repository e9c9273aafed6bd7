import type { ProbeKind } from "./probe-kind.ts";
import { resolveTarget, TARGET_ROWS, type ProbeTarget } from "./target-rows.ts";
import { resolveTimes, TIME_ROWS, type ProbeTimes } from "./time-rows.ts";
import { resolveTls, TLS_FILE_ROWS, TLS_FLAG_ROWS, type TlsSettings } from "./tls-settings.ts";

/** A TLS handshake, and nothing after it. */
export interface TlsProbeOptions extends ProbeTimes, ProbeTarget {
  readonly type: "tls";
  readonly tls: TlsSettings;
}

export const TLS_KIND: ProbeKind<TlsProbeOptions> = {
  type: "tls",
  help: "tls makes a handshake",
  schemes: ["tls"],
  rows: [...TLS_FLAG_ROWS, ...TLS_FILE_ROWS, ...TIME_ROWS, ...TARGET_ROWS],
  flatGroup: "tls",
  resolve: (values, context) => ({
    type: "tls",
    tls: resolveTls(values, context),
    ...resolveTimes(values, context),
    ...resolveTarget(values),
  }),
};
