import { readFileSync } from "node:fs";
import { request } from "node:http";
import { join, resolve } from "node:path";
import { cidrContains } from "../../domain/cidr.ts";
import { hostCidr } from "../../domain/endpoint.ts";
import { describeError } from "../../domain/errors.ts";
import { note, ok, problem, unknown, type Finding } from "../../domain/finding.ts";
import type { HostProcess } from "../culprit.ts";
import { configOfFile, configOfFlags, configPath, type KubeProxyConfig } from "./kube-proxy-config.ts";
import { readText } from "./read-text.ts";
import { about, type Subject } from "./subject.ts";

export interface KubeProxyReadings {
  /** Undefined when none is visible, as from a container with its own processes. */
  readonly pid: number | undefined;
  /** The interface that it has its service addresses on in IPVS mode, and leaves behind. */
  readonly hasInterface: boolean;
  /** By its own answer; undefined when it does not answer. */
  readonly toldMode: string | undefined;
  readonly config: KubeProxyConfig | { readonly unknownBecause: string };
}

/**
 * Whether kube-proxy runs in IPVS mode, where it deletes virtual servers of others unless it is configured to spare
 * them.
 */
export function judgeKubeProxy(readings: KubeProxyReadings, subjects: readonly Subject[]): Finding[] {
  const { pid, hasInterface, toldMode, config } = readings;
  const who = pid === undefined ? "kube-proxy" : `kube-proxy (pid ${pid})`;
  if (pid === undefined && toldMode === undefined && !hasInterface) return [ok("kube-proxy", "none runs here")];
  const configured = "mode" in config && config.mode !== "" ? config.mode : undefined;
  const mode = toldMode ?? configured ?? (hasInterface ? "ipvs" : undefined);
  if (mode !== "ipvs") {
    const shown = mode === undefined ? "not in IPVS mode" : `in ${mode} mode`;
    return [
      ok("kube-proxy", `${who} is ${shown} and leaves IPVS alone`),
      ...(mode === "nftables" && subjects.length > 0 ? [EMPTIES_ONCE] : []),
      ...(hasInterface ? [LEFT_BEHIND] : []),
    ];
  }
  return [ok("kube-proxy", `${who} is in IPVS mode`), ...subjects.map((subject) => judgeExclusion(config, subject))];
}

export async function readKubeProxy(
  processes: readonly HostProcess[],
  interfaces: readonly string[],
): Promise<KubeProxyReadings> {
  const pid = processes.find(({ name }) => name === "kube-proxy")?.pid;
  return {
    pid,
    hasInterface: interfaces.includes("kube-ipvs0"),
    toldMode: await askMode(),
    config: pid === undefined ? { unknownBecause: "its process is not to be seen from here" } : readConfig(pid),
  };
}

// --- internal ---

/** kubernetes/kubernetes, cmd/kube-proxy/app/server_linux.go, platformCleanup: what its IPVS mode may have left behind, and all else that is there. */
const EMPTIES_ONCE = note(
  "kube-proxy",
  "each time that it starts in nftables mode it empties the whole table of IPVS once; a daemon has its virtual servers back within its interval",
  "nothing where a daemon runs; what was set up by `--run-once` alone has to be set up again",
);

const LEFT_BEHIND = note(
  "kube-proxy",
  "an interface kube-ipvs0 was left behind by IPVS mode; its addresses are this host's own",
  "`ip link delete kube-ipvs0`, unless kube-proxy goes back to IPVS mode",
);

const EDIT =
  "`kubectl -n kube-system edit configmap kube-proxy`, then `kubectl -n kube-system rollout restart daemonset kube-proxy`";

function judgeExclusion(config: KubeProxyReadings["config"], subject: Subject): Finding {
  const { endpoint } = subject.service;
  const cidr = hostCidr(endpoint);
  const remedy = `add ${cidr} to ipvs.excludeCIDRs: ${EDIT}`;
  if ("unknownBecause" in config) {
    return {
      ...unknown(
        "kube-proxy",
        `whether its ipvs.excludeCIDRs have this address is not known: ${config.unknownBecause}`,
        about(subject),
      ),
      remedy: `see that ${cidr} is in ipvs.excludeCIDRs: \`kubectl -n kube-system get configmap kube-proxy -o yaml\``,
    };
  }
  const covering = config.excludeCidrs.find((text) => cidrContains(text, endpoint) === true);
  if (covering !== undefined) {
    return ok("kube-proxy", `its ipvs.excludeCIDRs have this address, by ${covering}`, about(subject));
  }
  const listed = config.excludeCidrs.length === 0 ? "are empty" : `are only ${config.excludeCidrs.join(", ")}`;
  return problem(
    "kube-proxy",
    `it deletes this virtual server again and again: its ipvs.excludeCIDRs ${listed}`,
    remedy,
    about(subject),
  );
}

/** Its arguments, and the configuration file that they name, as the process itself sees it. */
function readConfig(pid: number): KubeProxyReadings["config"] {
  try {
    const argv = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").slice(0, -1);
    const path = configPath(argv);
    if (path === undefined) return configOfFlags(argv);
    const inside = path.startsWith("/") ? join(`/proc/${pid}/root`, resolve(path)) : join(`/proc/${pid}/cwd`, path);
    const text = readText(inside);
    return text === undefined ? { unknownBecause: `there is no ${path} in its container` } : configOfFile(text);
  } catch (error) {
    return { unknownBecause: `its configuration cannot be read: ${describeError(error)}` };
  }
}

/** Where every kube-proxy reports its mode to its own host by default. */
const MODE_PORT = 10_249;
const MODE_TIMEOUT_MS = 500;
const MOST_BYTES = 100;

function askMode(): Promise<string | undefined> {
  const { promise, resolve: settle } = Promise.withResolvers<string | undefined>();
  const signal = AbortSignal.timeout(MODE_TIMEOUT_MS);
  const outgoing = request({ host: "127.0.0.1", port: MODE_PORT, path: "/proxyMode", signal }, (incoming) => {
    let text = "";
    incoming.setEncoding("utf8");
    incoming.on("data", (chunk: string) => {
      text += chunk;
      if (text.length > MOST_BYTES) outgoing.destroy();
    });
    incoming.on("error", () => settle(undefined));
    // Another program that listens there may send anything.
    incoming.on("end", () => settle(/^[a-z]{2,20}$/i.test(text.trim()) ? text.trim() : undefined));
  });
  outgoing.on("error", () => settle(undefined));
  outgoing.on("close", () => settle(undefined));
  outgoing.end();
  return promise;
}
