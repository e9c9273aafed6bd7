import type { OptionRow } from "../option-row.ts";
import type { OptionValues } from "../option-values.ts";
import {
  formatStatusRange,
  type BodyExpectation,
  type StatusRange,
  parseBodyExpectation,
  parseHeaderPatterns,
  parseStatusRanges,
} from "../http-expectations.ts";
import { parseHeaders, parseMethod, parsePath, parseWholePath } from "../http-values.ts";
import {
  asWritten,
  parseAbsolutePath,
  parseBoolean,
  parseChoice,
  parseInteger,
  parseTimeout,
} from "../value-parsers.ts";
import { CHECKS, type ProbeContext, type ProbeKind } from "./probe-kind.ts";
import { resolveTarget, TARGET_ROWS, type ProbeTarget } from "./target-rows.ts";
import { resolveTimes, TIME_ROWS, type ProbeTimes } from "./time-rows.ts";
import { resolveTls, TLS_FILE_ROWS, TLS_FLAG_ROWS, type TlsSettings } from "./tls-settings.ts";

/** One request, and an answer that passes by its status, and by its headers and body where that is asked for. */
export interface HttpProbeOptions extends HttpRequestOptions {
  readonly type: "http";
  /** Status codes that pass although the rule (below 400) says otherwise. */
  readonly acceptStatus: readonly number[];
  /** The status codes that pass, instead of that rule. */
  readonly onlyStatus?: readonly StatusRange[];
  /** Of answers whose status passes: what their headers have to hold, by lower-case name. */
  readonly expectHeaders: readonly (readonly [name: string, pattern: string])[];
  /** The same of their bodies. */
  readonly expectBody: BodyExpectation | undefined;
  /** Status codes by which a server says that it is shutting down. */
  readonly drainOn: readonly StatusRange[];
  /** Status codes of failures that count at once, whatever the policy asks for. */
  readonly failAtOnce: readonly StatusRange[];
  /** Whether a redirect to the same server is followed; one to another never is. */
  readonly followRedirects: boolean;
  /** Whether the real server is told how it stands. */
  readonly sendState?: true;
}

/** One HTTP request, over connections that may be kept. */
export interface HttpRequestOptions extends ProbeTimes, ProbeTarget {
  readonly scheme: "http" | "https";
  /** Begins with a slash. */
  readonly path: string;
  readonly method: string;
  readonly body: string;
  /** In order; a name may come more than once. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** A file whose first line is a token to send; read again when it changes, as all files of secrets. */
  readonly tokenFile: string | undefined;
  /** A file whose first line is `user:password`, to be sent by the scheme Basic (RFC 7617). */
  readonly basicAuthFile?: string | undefined;
  /** A file of further headers, a line each. */
  readonly headersFile: string | undefined;
  /** Without effect when the scheme is http. */
  readonly tls: TlsSettings;
  /** Whether a connection stays open between checks. Its end makes the server suspect. */
  readonly sentinel: boolean;
  /** How long a kept connection's peer may leave data unacknowledged before the server is suspect. */
  readonly sentinelTimeoutMs: number;
  /**
   * No connection is kept to a server that closes them sooner than this: renewing them in time would mean far more
   * requests than the interval asks for.
   */
  readonly sentinelWorthMs: number;
  /** Whether each check makes a connection of its own. */
  readonly freshConnection: boolean;
}

/** The header that tells a real server how it stands. */
export const STATE_HEADER = "X-Lvscare-State";

const SCHEMES_OF_PAGES = ["http", "https"];
const REDIRECTS = ["same-server", "no"];

export const HTTP_ROWS = [
  {
    flag: "health-path",
    kind: "text",
    valueName: "path",
    default: "/healthz",
    help: "the path to ask for, with a query if need be",
    group: CHECKS,
    inFile: { place: "probe", key: "path", type: "text" },
  },
  {
    flag: "health-schem",
    kind: "text",
    valueName: "scheme",
    choices: ["http", "https", "tcp", "tls", "kube-apiserver"],
    default: "https",
    help: "what is asked: http or https a page, tcp only a connection, tls only a handshake, kube-apiserver whether an API server is ready",
    group: CHECKS,
    inFile: { place: "probe", key: "scheme", type: "choice", choices: ["http", "https"], help: "http or https" },
  },
  {
    flag: "health-req-method",
    kind: "text",
    valueName: "method",
    default: "GET",
    help: "the request's method",
    group: CHECKS,
    inFile: { place: "probe", key: "method", type: "text" },
  },
  {
    flag: "health-req-body",
    kind: "text",
    valueName: "text",
    default: "",
    help: "the request's body",
    group: CHECKS,
    inFile: { place: "probe", key: "body", type: "text" },
  },
  {
    flag: "health-req-headers",
    kind: "map",
    valueName: "name=value",
    help: "a request header; repeat the flag for more, commas in the value make several headers of that name",
    group: CHECKS,
    inFile: {
      place: "probe",
      key: "headers",
      type: "headers",
      help: "request headers by name; a list of values makes several headers of that name",
    },
  },
  {
    flag: "health-status",
    kind: "list",
    valueName: "code",
    help: "a status code that passes too, besides all below 400; repeat the flag or list several with commas",
    group: CHECKS,
    inFile: {
      place: "probe",
      key: "expect.status",
      type: "statuses",
      help: "the status codes that pass, alone or as ranges such as 200-299, instead of all below 400",
    },
  },
  {
    flag: "health-fresh-connection",
    kind: "boolean",
    help: "make a new connection for every check; otherwise the first two have one, every tenth, and the first after 20s",
    group: CHECKS,
    inFile: { place: "probe", key: "fresh-connection", type: "boolean" },
  },
  {
    flag: "health-token-file",
    kind: "text",
    valueName: "file",
    takesFile: true,
    fileKind: "token",
    help: "a file whose first line is sent as bearer token. Read again when it changes",
    group: CHECKS,
    inFile: { place: "probe", key: "bearer-token-file", type: "text" },
  },
] as const satisfies readonly OptionRow[];

const HTTP_FILE_ROWS = [
  {
    flag: "http-basic-auth-file",
    kind: "text",
    takesFile: true,
    fileKind: "basic-auth",
    help: "a file whose first line is user:password, which is sent by the scheme Basic. Read again when it changes",
    group: CHECKS,
    inFile: { place: "probe", key: "basic-auth-file", type: "text" },
  },
  {
    flag: "http-headers-file",
    kind: "text",
    takesFile: true,
    fileKind: "headers",
    help: "a file of further request headers, Name: value on a line each. Read again when it changes",
    group: CHECKS,
    inFile: { place: "probe", key: "headers-file", type: "text" },
  },
  {
    flag: "http-expect-header",
    kind: "map",
    help: "headers that an answer has to have: a regular expression for the value of each, by name",
    group: CHECKS,
    inFile: { place: "probe", key: "expect.header", type: "patterns" },
  },
  {
    flag: "http-expect-body",
    kind: "text",
    help: "what the body has to hold: contains, regex, sha256, and not with contains or regex; at most 64 KiB are looked at",
    group: CHECKS,
    inFile: { place: "probe", key: "expect.body", type: "body" },
  },
  {
    flag: "http-follow-redirects",
    kind: "text",
    choices: REDIRECTS,
    help: "same-server (unless told) follows a redirect to the same address, port and scheme; no has its status decide",
    group: CHECKS,
    inFile: { place: "probe", key: "follow-redirects", type: "choice", choices: REDIRECTS },
  },
  {
    flag: "http-send-state",
    kind: "boolean",
    help: "tell the real server how it stands: X-Lvscare-State: UP 3/3; weight=1/3; active=12",
    group: CHECKS,
    inFile: { place: "probe", key: "send-state", type: "boolean" },
  },
  {
    flag: "http-drain-on",
    kind: "list",
    help: "status codes, alone or as ranges, that say that the server is shutting down: weight 0 at once, and no failure",
    group: CHECKS,
    inFile: { place: "probe", key: "drain-on", type: "codes" },
  },
  {
    flag: "http-fail-at-once",
    kind: "list",
    help: "status codes, alone or as ranges, whose failure counts at once, whatever fall says",
    group: CHECKS,
    inFile: { place: "probe", key: "fail-at-once", type: "codes" },
  },
] as const satisfies readonly OptionRow[];

export const HTTP_KIND: ProbeKind<HttpProbeOptions> = {
  type: "http",
  help: "http asks for a page",
  schemes: SCHEMES_OF_PAGES,
  rows: [
    ...HTTP_ROWS,
    ...HTTP_FILE_ROWS,
    ...TLS_FLAG_ROWS,
    ...TLS_FILE_ROWS.filter(({ flag }) => flag !== "tls-alpn"),
    ...TIME_ROWS,
    ...TARGET_ROWS,
  ],
  otherKeys: ["host"],
  resolve(values, context) {
    const scheme = values.read("health-schem", parseChoice(context.isFile ? SCHEMES_OF_PAGES : context.schemes));
    const drainOn = values.readAll("http-drain-on", parseStatusRanges) ?? [];
    const failAtOnce = values.readAll("http-fail-at-once", parseStatusRanges) ?? [];
    const both = failAtOnce.find((one) => drainOn.some((other) => one[0] <= other[1] && other[0] <= one[1]));
    if (both !== undefined) values.refuse("http-fail-at-once", `${formatStatusRange(both)} is in drain-on, too`);
    const request = resolveRequest(values, context, scheme === "http" ? "http" : "https");
    const sendState = values.readOptional("http-send-state", parseBoolean) === true;
    const basicAuthFile = values.readOptional("http-basic-auth-file", parseAbsolutePath);
    if (basicAuthFile !== undefined && request.tokenFile !== undefined)
      values.refuse("http-basic-auth-file", "there is a token of bearer-token-file to send already");
    return {
      type: "http",
      ...request,
      basicAuthFile,
      path: values.read("health-path", context.isFile ? parseWholePath : parsePath),
      method: values.read("health-req-method", parseMethod),
      body: values.read("health-req-body", asWritten),
      acceptStatus: [...new Set(values.readList("health-status", parseInteger(100, 999)))],
      expectHeaders: values.readAll("http-expect-header", parseHeaderPatterns) ?? [],
      expectBody: values.readOptional("http-expect-body", parseBodyExpectation),
      drainOn,
      failAtOnce,
      ...(sendState && { sendState }),
      followRedirects: values.readOptional("http-follow-redirects", parseChoice(REDIRECTS)) !== "no",
    };
  },
};

/** What all kinds of checks over HTTP have: whom to trust, what to show, whether connections are kept. */
export function resolveRequest(
  values: OptionValues<string>,
  context: ProbeContext,
  scheme: "http" | "https",
): Omit<HttpRequestOptions, "path" | "method" | "body"> {
  const tls = resolveTls(values, context);
  if (scheme === "http" && tls.caFile !== undefined) values.refuse("health-ca-file", NO_TLS);
  if (scheme === "http" && tls.certFile !== undefined) values.refuse("health-cert-file", NO_TLS);
  if (scheme === "http" && tls.minDaysLeft !== undefined) values.refuse("tls-min-days-left", NO_TLS);
  if (scheme === "http" && tls.serverName !== undefined) values.refuse("tls-server-name", NO_TLS);
  // As a flag it stands in many a command line, whatever is asked.
  if (scheme === "http" && context.isFile && !values.isMissing("health-insecure-skip-verify"))
    values.refuse("health-insecure-skip-verify", NO_TLS);
  const headers = values.readAll("health-req-headers", parseHeaders) ?? [];
  const tokenFile = values.readOptional("health-token-file", parseAbsolutePath);
  for (const { flag, problem } of twiceSent({ headers, tokenFile })) values.refuse(flag, problem);
  return {
    scheme,
    headers,
    tokenFile,
    headersFile: values.readOptional("http-headers-file", parseAbsolutePath),
    // Flags may say more of it than there is.
    tls: scheme === "http" ? { ...tls, verify: "none" } : tls,
    ...resolveTimes(values, context),
    ...resolveTarget(values),
    sentinel: values.read("sentinel", parseBoolean),
    sentinelTimeoutMs: values.read("sentinel-timeout", parseTimeout),
    sentinelWorthMs: Math.max(SHORTEST_IDLE_MS, LEAST_WORTH * context.intervalMs),
    freshConnection: values.read("health-fresh-connection", parseBoolean),
  };
}

/** What would be sent as a header that is given already. */
export function twiceSent({
  headers,
  tokenFile,
  basicAuthFile,
  sendState,
}: Pick<HttpRequestOptions, "headers" | "tokenFile" | "basicAuthFile"> &
  Pick<HttpProbeOptions, "sendState">): readonly { readonly flag: string; readonly problem: string }[] {
  const given = new Set(headers.map(([name]) => name.toLowerCase()));
  const sent = [
    { flag: "health-token-file", header: "Authorization", isSent: tokenFile !== undefined },
    { flag: "http-basic-auth-file", header: "Authorization", isSent: basicAuthFile !== undefined },
    { flag: "http-send-state", header: STATE_HEADER, isSent: sendState === true },
  ];
  return sent
    .filter(({ header, isSent }) => isSent && given.has(header.toLowerCase()))
    .map(({ flag, header }) => ({ flag, problem: `there is an ${header} among the headers already` }));
}

// --- internal ---

const NO_TLS = "the scheme http has no TLS";

const SHORTEST_IDLE_MS = 1000;

/** Of an interval: a kept connection is renewed a fifth before the server closes it, so this makes five checks of one. */
const LEAST_WORTH = 0.25;
