import { formatDuration } from "../domain/duration.ts";
import type { HttpRequestOptions } from "./care-options.ts";
import { formatStatusRange, USUAL_STATUSES, type StatusRange } from "./http-expectations.ts";
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

/** What is asked, in the same words: what may be a secret is left out, as are the kept connection and what is off. */
export function describeProbe(probe: ProbeOptions): readonly string[] {
  const told = [...written(probe)].filter(
    ([key, text]) => !SECRET.has(key) && !key.startsWith("sentinel") && !UNTOLD.has(text),
  );
  return [`type: ${probe.type}`, ...told.map(([key, text]) => `${key}: ${text}`)];
}

// --- internal ---

const UNTOLD: ReadonlySet<string> = new Set(["", "[]", "false"]);

const SECRET: ReadonlySet<string> = new Set([
  "headers",
  "body",
  "send-hex",
  "expect",
  "expect.header",
  "expect.body",
  "environment",
]);

/** Each key that the options have a value for, and that value as text; empty where there is none. */
function written(probe: ProbeOptions): ReadonlyMap<string, string> {
  const flatGroup = PROBE_KINDS.find(({ type }) => type === probe.type)?.flatGroup;
  return new Map([
    ...(probe.type === "http" ? requestOf(probe) : []),
    ...(probe.type === "kube-apiserver" ? kubeOf(probe) : []),
    ...(probe.type === "tcp" ? conversationOf(probe) : []),
    ...(probe.type === "agent" ? agentOf(probe) : []),
    ...(probe.type === "exec" ? programOf(probe) : connectionOf(probe, flatGroup === "tls" ? "" : "tls.")),
    ["timeout", formatDuration(probe.timeoutMs)],
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
    ["basic-auth-file", probe.basicAuthFile ?? ""],
    ["body", probe.body],
    ["expect.status", statusesOf(probe)],
    ["expect.header", JSON.stringify(probe.expectHeaders)],
    ["expect.body", JSON.stringify(probe.expectBody ?? "")],
    ["follow-redirects", probe.followRedirects ? "" : "no"],
    ["send-state", String(probe.sendState === true)],
    ["drain-on", rangesOf(probe.drainOn)],
    ["fail-at-once", rangesOf(probe.failAtOnce)],
    ...keepingOf(probe),
  ];
}

function kubeOf(probe: Extract<ProbeOptions, { type: "kube-apiserver" }>): readonly Entry[] {
  const [path = "", query = ""] = probe.path.split("?");
  return [
    ["kubeconfig", probe.kubeconfig ?? ""],
    ["livez", String(path === "/livez")],
    ["ignore", query.replaceAll("exclude=", "").replaceAll("&", ", ")],
    ["unauthorized", probe.unauthorized],
    ["bearer-token-file", probe.tokenFile ?? ""],
    ...keepingOf(probe),
  ];
}

function keepingOf(probe: HttpRequestOptions): readonly Entry[] {
  return [
    ["fresh-connection", String(probe.freshConnection)],
    ["sentinel", String(probe.sentinel)],
    ["sentinel-timeout", formatDuration(probe.sentinelTimeoutMs)],
  ];
}

function statusesOf({ acceptStatus, onlyStatus }: Extract<ProbeOptions, { type: "http" }>): string {
  return onlyStatus === undefined ? `[${[USUAL_STATUSES, ...acceptStatus].join(", ")}]` : rangesOf(onlyStatus);
}

function rangesOf(ranges: readonly StatusRange[]): string {
  return ranges.length === 0 ? "" : `[${ranges.map(formatStatusRange).join(", ")}]`;
}

function programOf(probe: Extract<ProbeOptions, { type: "exec" }>): readonly Entry[] {
  return [
    ["command", JSON.stringify(probe.command)],
    ["exit-code", probe.exitCode],
    ["output", probe.output],
    ["user", probe.user ?? ""],
    ["environment", JSON.stringify(probe.environment)],
    ["directory", probe.directory],
  ];
}

function conversationOf({ sendHex, expect }: Extract<ProbeOptions, { type: "tcp" }>): readonly Entry[] {
  return [
    ["send-hex", sendHex],
    ["expect", expect === undefined ? "" : JSON.stringify(expect)],
  ];
}

function agentOf({ sendHex, staleAfterMs }: Extract<ProbeOptions, { type: "agent" }>): readonly Entry[] {
  return [
    ["send-hex", sendHex],
    ["stale-after", formatDuration(staleAfterMs)],
  ];
}

function connectionOf(probe: Exclude<ProbeOptions, { type: "exec" }>, prefix: string): readonly Entry[] {
  const { connectTimeoutMs, askedAddress, askedPort, origin } = probe;
  const isPlain = probe.type === "http" && probe.scheme === "http";
  const tls = "tls" in probe && !isPlain ? probe.tls : undefined;
  const entries: readonly Entry[] = [
    ["verify", tls?.verify ?? ""],
    ["ca-file", tls?.caFile ?? ""],
    ["cert-file", tls?.certFile ?? ""],
    // In the same file unless it is named.
    ["key-file", tls?.keyFile === tls?.certFile ? "" : (tls?.keyFile ?? "")],
    ["server-name", tls?.serverName ?? ""],
    ["alpn", tls === undefined || tls.alpn.length === 0 ? "" : `[${tls.alpn.join(", ")}]`],
    ["min-days-left", tls?.minDaysLeft === undefined ? "" : String(tls.minDaysLeft)],
  ];
  return [
    ...entries.map(([key, text]): Entry => [`${prefix}${key}`, text]),
    ["address", askedAddress?.address ?? ""],
    ["port", askedPort === undefined ? "" : String(askedPort)],
    ["source", origin?.source?.address ?? ""],
    ["mark", origin?.mark === undefined ? "" : String(origin.mark)],
    ["connect-timeout", formatDuration(connectTimeoutMs)],
  ];
}
