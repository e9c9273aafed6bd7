import type { OptionRow } from "../option-row.ts";
import { parseAbsolutePath, parseBoolean, parseChoice, refusal } from "../value-parsers.ts";
import { HTTP_ROWS, resolveRequest, type HttpRequestOptions } from "./http.ts";
import { CHECKS, type ProbeKind } from "./probe-kind.ts";
import { TARGET_ROWS } from "./target-rows.ts";
import { TIME_ROWS } from "./time-rows.ts";
import { TLS_FILE_ROWS, TLS_FLAG_ROWS } from "./tls-settings.ts";

/** An API server of Kubernetes, by what it says of its own readiness. */
export interface KubeApiserverProbeOptions extends HttpRequestOptions {
  readonly type: "kube-apiserver";
  /** Whom to trust and what to show, where the options say nothing of it. */
  readonly kubeconfig: string | undefined;
  /** What 401 and 403 mean: that it lives, or that it fails. */
  readonly unauthorized: "alive" | "fail";
}

export const KUBE_FLAG_ROWS = [
  {
    flag: "kubeconfig",
    kind: "text",
    valueName: "file",
    takesFile: true,
    fileKind: "kubeconfig",
    help: "a kubeconfig, whose authority, client certificate and token checks of API servers and --discover kubernetes use. Its server is not checked. Read again when it changes",
    group: CHECKS,
    inFile: {
      place: "probe",
      type: "text",
      help: "a kubeconfig, whose authority, client certificate and token checks of API servers use. Its server is not asked. Read again when it changes",
    },
  },
] as const satisfies readonly OptionRow[];

const KUBE_FILE_ROWS = [
  {
    flag: "kube-unauthorized",
    kind: "text",
    default: "alive",
    help: "what it means when the API server tells nothing without credentials (401, 403): that it is alive, or fail",
    group: CHECKS,
    inFile: { place: "probe", key: "unauthorized", type: "choice", choices: ["alive", "fail"] },
  },
  {
    flag: "kube-ignore",
    kind: "list",
    help: "parts of its readiness that do not count, by their names there, such as etcd",
    group: CHECKS,
    inFile: { place: "probe", key: "ignore", type: "words" },
  },
  {
    flag: "kube-livez",
    kind: "boolean",
    help: "ask whether it is alive (/livez), instead of whether it is ready (/readyz)",
    group: CHECKS,
    inFile: { place: "probe", key: "livez", type: "boolean" },
  },
] as const satisfies readonly OptionRow[];

/** Of the rows of `http`, those that make sense here. */
const SHARED_WITH_HTTP: ReadonlySet<string> = new Set(["health-token-file", "health-fresh-connection"]);

export const KUBE_APISERVER_KIND: ProbeKind<KubeApiserverProbeOptions> = {
  type: "kube-apiserver",
  help: "kube-apiserver asks an API server of Kubernetes whether it is ready",
  schemes: ["kube-apiserver"],
  rows: [
    ...KUBE_FLAG_ROWS,
    ...KUBE_FILE_ROWS,
    ...HTTP_ROWS.filter(({ flag }) => SHARED_WITH_HTTP.has(flag)),
    ...TLS_FLAG_ROWS,
    ...TLS_FILE_ROWS.filter(({ flag }) => flag !== "tls-alpn"),
    ...TIME_ROWS,
    ...TARGET_ROWS,
  ],
  flatGroup: "tls",
  resolve(values, context) {
    const kubeconfig = values.readOptional("kubeconfig", parseAbsolutePath);
    const request = resolveRequest(values, context, "https");
    const isLivez = values.readOptional("kube-livez", parseBoolean) === true;
    const ignored = values.readAll("kube-ignore", parseCheckNames) ?? [];
    const query = ignored.map((name) => `exclude=${name}`).join("&");
    // What a kubeconfig trusts is there to be checked.
    const isSilent = values.isMissing("health-insecure-skip-verify");
    const verify = isSilent && kubeconfig !== undefined ? "full" : request.tls.verify;
    return {
      type: "kube-apiserver",
      ...request,
      tls: { ...request.tls, verify },
      path: `${isLivez ? "/livez" : "/readyz"}${query === "" ? "" : `?${query}`}`,
      method: "GET",
      body: "",
      kubeconfig,
      unauthorized:
        values.readOptional("kube-unauthorized", parseChoice(["alive", "fail"])) === "fail" ? "fail" : "alive",
    };
  },
};

// --- internal ---

/** As they are in the table: `etcd`, `poststarthook/rbac/bootstrap-roles`. */
function parseCheckNames(texts: readonly string[]): readonly string[] {
  const wrong = texts.find((text) => !/^[\w./-]{1,200}$/.test(text));
  if (wrong !== undefined) throw refusal(`"${wrong}" is no name of a check`);
  return [...new Set(texts)];
}
