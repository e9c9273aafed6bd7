import type { DaemonSetOptions } from "../domain/daemon-set-options.ts";
import type { CareOptions } from "./care-options.ts";
import { formatEndpoint, isLoopback, isUnspecified } from "../domain/endpoint.ts";
import { DAEMON_SET_OPTION_ROWS, ON_EVERY_NODE, type DaemonSetFlag } from "./daemon-set-option-rows.ts";
import { hostPathsOf } from "./host-paths.ts";
import { OptionValues } from "./option-values.ts";
import { parseImageName, parsePodName, parseRequest } from "./pod-values.ts";
import { argumentsOf, type ArgvReading } from "./read-argv.ts";
import { resolveCareOptions } from "./resolve-care-options.ts";
import { UsageError } from "./usage-error.ts";
import { parseBoolean } from "./value-parsers.ts";

/** What `lvscare daemonset` is to print. Throws a UsageError with every problem, also of the daemons' arguments. */
export function resolveDaemonSet({ given, problems }: Pick<ArgvReading, "given" | "problems">): DaemonSetOptions {
  const values = new OptionValues<DaemonSetFlag>(DAEMON_SET_OPTION_ROWS, given, problems);
  const own = {
    name: values.read("name", parsePodName),
    namespace: values.read("namespace", parsePodName),
    image: values.read("image", parseImageName),
    requests: Object.fromEntries(values.readList("requests", parseRequest)),
    hasPodMonitor: values.read("pod-monitor", parseBoolean),
  };
  const leastPrivilege = values.read("least-privilege", parseBoolean);
  const ofPods = new Set<string>(DAEMON_SET_OPTION_ROWS.map(({ flag }) => flag));
  const care = resolveCareOptions(
    { given: new Map([...given].filter(([flag]) => !ofPods.has(flag))), problems: values.problems },
    {},
  );
  const { service, httpListen, discover, reach } = care;
  if (own.hasPodMonitor && (httpListen === undefined || isLoopback(httpListen.address)))
    throw new UsageError([
      "--pod-monitor: needs --http-listen with an address that Prometheus gets to, such as 0.0.0.0:9105",
    ]);
  const source = discover?.source.type === "kubernetes" ? discover.source : undefined;
  return {
    ...own,
    args: ["care", ...argumentsOf(given, ON_EVERY_NODE)],
    virtualServer: formatEndpoint(service.endpoint),
    page: httpListen && {
      // Of every address, kubelet asks that of the node.
      host: isUnspecified(httpListen.address) ? undefined : httpListen.address,
      port: httpListen.port,
    },
    hostPaths: hostPathsOf(care, true),
    settingsArgs: leastPrivilege || reach.sysctls === "keep" ? undefined : settingsArgs(care),
    discovers:
      source === undefined || source.kubeconfig !== undefined
        ? undefined
        : { namespace: source.namespace, name: source.name },
  };
}

/** What of it is as asked for, but perhaps not as meant. */
export function remarksOnPage(page: DaemonSetOptions["page"]): string[] {
  if (page?.host === undefined || !isLoopback(page.host)) return [];
  return [
    `--http-listen: only the node itself gets to ${page.host}, and no Prometheus elsewhere; 0.0.0.0:${page.port} is on all of its addresses`,
  ];
}

// --- internal ---

function settingsArgs({ service, reach: { mode, strictArp } }: Pick<CareOptions, "service" | "reach">): string[] {
  const { family } = service.endpoint;
  return ["sysctls", "--set", "--mode", mode, "--family", family, ...(strictArp ? ["--strict-arp"] : [])];
}
