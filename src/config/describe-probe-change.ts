import { formatDuration } from "../domain/duration.ts";
import { USUAL_STATUSES } from "./file/probe-draft.ts";
import { PROBE_KINDS, type ProbeOptions } from "./probe-kinds/probe-kinds.ts";

/**
 * What other options of a probe change: `expect.status: [204]`, under the names of a configuration file. What may be a
 * secret is named without its value.
 */
export function describeProbeChange(before: ProbeOptions, after: ProbeOptions): readonly string[] {
  if (before.type !== after.type) return [`type: ${after.type}`];
  const [was, is] = [written(before), written(after)];
  return [...is].flatMap(([key, text]) => {
    if (was.get(key) === text) return [];
    return [SECRET.has(key) ? key : `${key}: ${text === "" ? "none" : text}`];
  });
}

// --- internal ---

const SECRET: ReadonlySet<string> = new Set(["headers", "body", "send-hex", "expect"]);

/** Each key that the options have a value for, and that value as text; empty where there is none. */
function written(probe: ProbeOptions): ReadonlyMap<string, string> {
  const flatGroup = PROBE_KINDS.find(({ type }) => type === probe.type)?.flatGroup;
  return new Map([
    ...(probe.type === "http" ? requestOf(probe) : []),
    ...(probe.type === "tcp" ? conversationOf(probe) : []),
    ...tlsOf(probe, flatGroup === "tls" ? "" : "tls."),
    ["timeout", formatDuration(probe.timeoutMs)],
    ["connect-timeout", formatDuration(probe.connectTimeoutMs)],
  ]);
}

type Entry = readonly [key: string, text: string];

function requestOf(probe: Extract<ProbeOptions, { type: "http" }>): readonly Entry[] {
  const [first, ...others] = probe.headers;
  const hasHost = first?.[0] === "Host";
  return [
    ["scheme", probe.scheme],
    ["path", probe.path],
    ["method", probe.method],
    ["host", hasHost ? first[1] : ""],
    ["headers", JSON.stringify(hasHost ? others : probe.headers)],
    ["headers-file", probe.headersFile ?? ""],
    ["bearer-token-file", probe.tokenFile ?? ""],
    ["body", probe.body],
    ["expect.status", statusesOf(probe)],
    ["fresh-connection", String(probe.freshConnection)],
    ["sentinel", String(probe.sentinel)],
    ["sentinel-timeout", formatDuration(probe.sentinelTimeoutMs)],
  ];
}

function statusesOf({ acceptStatus, onlyStatus }: Extract<ProbeOptions, { type: "http" }>): string {
  const ranges = onlyStatus?.map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`));
  return `[${(ranges ?? [USUAL_STATUSES, ...acceptStatus]).join(", ")}]`;
}

function conversationOf({ sendHex, expect }: Extract<ProbeOptions, { type: "tcp" }>): readonly Entry[] {
  return [
    ["send-hex", sendHex],
    ["expect", expect === undefined ? "" : JSON.stringify(expect)],
  ];
}

function tlsOf({ tls }: ProbeOptions, prefix: string): readonly Entry[] {
  const entries: readonly Entry[] = [
    ["verify", tls?.verify ?? ""],
    ["ca-file", tls?.caFile ?? ""],
    ["cert-file", tls?.certFile ?? ""],
    // In the same file unless it is named.
    ["key-file", tls?.keyFile === tls?.certFile ? "" : (tls?.keyFile ?? "")],
    ["server-name", tls?.serverName ?? ""],
    ["alpn", tls === undefined || tls.alpn.length === 0 ? "" : `[${tls.alpn.join(", ")}]`],
  ];
  return entries.map(([key, text]) => [`${prefix}${key}`, text]);
}
