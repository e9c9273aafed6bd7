import type { OptionRow } from "../option-row.ts";
import { AGENT_KIND } from "./agent.ts";
import { EXEC_KIND } from "./exec.ts";
import { HTTP_KIND, HTTP_ROWS } from "./http.ts";
import { KUBE_APISERVER_KIND, KUBE_FLAG_ROWS } from "./kube-apiserver.ts";
import { fileKeyOf, type ProbeKind } from "./probe-kind.ts";
import { TCP_KIND } from "./tcp.ts";
import { TIME_ROWS } from "./time-rows.ts";
import { TLS_FLAG_ROWS } from "./tls-settings.ts";
import { TLS_KIND } from "./tls.ts";

/** Every kind of check. */
const KINDS = [HTTP_KIND, TCP_KIND, TLS_KIND, KUBE_APISERVER_KIND, EXEC_KIND, AGENT_KIND] as const;

/** How a real server is checked; `type` says by what kind. */
export type ProbeOptions = ReturnType<(typeof KINDS)[number]["resolve"]>;
export type ProbeType = ProbeOptions["type"];

export const PROBE_KINDS: readonly ProbeKind<ProbeOptions>[] = KINDS;

/** Those of their options that are flags, in the order of the help. */
export const PROBE_FLAG_ROWS = [...HTTP_ROWS, ...TLS_FLAG_ROWS, ...KUBE_FLAG_ROWS, ...TIME_ROWS] as const;

/** All of their options, each once. */
export const PROBE_ROWS: readonly OptionRow[] = [...new Set(KINDS.flatMap(({ rows }): readonly OptionRow[] => rows))];

/** The keys that a file has for a kind of check, with a dot between levels. */
export function fileKeysOf({ rows, flatGroup, otherKeys = [] }: ProbeKind<ProbeOptions>): readonly string[] {
  return [...otherKeys, ...rows.flatMap((row) => fileKeyOf(row, flatGroup) ?? [])];
}
