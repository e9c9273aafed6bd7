import { parseAddress } from "../domain/endpoint.ts";
import type { OptionRow } from "./option-row.ts";
import type { OptionValues } from "./option-values.ts";
import type { Environment } from "./read-environment.ts";
import { parseContext, parseServiceName } from "./resolve-discover.ts";
import { parseBoolean, parseChoice, refusal } from "./value-parsers.ts";

const GROUP = "All nodes of a cluster";

/** What a command takes that may mean all nodes of a cluster. */
export function clusterRows(help: string) {
  return [
    { flag: "cluster", kind: "boolean", help, group: GROUP },
    {
      flag: "service",
      kind: "text",
      valueName: "namespace/service",
      default: "default/kubernetes",
      help: "the service whose endpoints the nodes discover as real servers",
      group: GROUP,
    },
    {
      flag: "kubeconfig",
      kind: "text",
      valueName: "file",
      takesFile: true,
      fileKind: "kubeconfig",
      help: "whom to trust and what to show (default: $KUBECONFIG, else ~/.kube/config)",
      group: GROUP,
    },
    {
      flag: "context",
      kind: "text",
      valueName: "name",
      help: "the context of the kubeconfig (default: its current-context)",
      group: GROUP,
    },
  ] as const satisfies readonly OptionRow[];
}

export interface ClusterLine {
  readonly service: { readonly namespace: string; readonly name: string };
  readonly kubeconfig: string;
  readonly context: string | undefined;
}

type ClusterFlag = ReturnType<typeof clusterRows>[number]["flag"];

/**
 * Undefined where this node alone is meant. Any problems are added to those of the values; `others` are flags that do not
 * go with all nodes.
 */
export function readCluster<Flag extends string>(
  values: OptionValues<Flag | ClusterFlag>,
  environment: Environment,
  others: readonly Flag[],
): ClusterLine | undefined {
  if (!values.read("cluster", parseBoolean)) {
    for (const flag of ["service", "kubeconfig", "context"] as const)
      if (!values.isMissing(flag)) values.refuse(flag, "goes with --cluster alone");
    return undefined;
  }
  for (const flag of others) if (!values.isMissing(flag)) values.refuse(flag, "does not go with --cluster");
  const service = values.read("service", parseServiceName);
  const context = values.readOptional("context", parseContext);
  const named = values.isMissing("kubeconfig") ? kubeconfigOf(environment) : undefined;
  if (named !== undefined && "problem" in named) values.problems.push(`--cluster: ${named.problem}`);
  const path = named !== undefined && "path" in named ? named.path : "";
  return { service, kubeconfig: values.readOptional("kubeconfig", parsePath) ?? path, context };
}

/** The same of a command on real servers. */
export function readClusterWork(
  values: OptionValues<"vs" | "output" | ClusterFlag>,
  operands: readonly string[],
  environment: Environment,
) {
  const line = readCluster(values, environment, ["vs"]);
  if (line === undefined) return undefined;
  const format = values.read("output", parseChoice(["text", "json"]));
  return { line, format, addresses: readAddresses(values, operands) };
}

// --- internal ---

/** Addresses without a port: a service has one port for all. Any problems are added to those of the values. */
function readAddresses(values: OptionValues<string>, operands: readonly string[]): readonly string[] {
  if (operands.length === 0) values.problems.push("name an address: <IP>");
  const addresses = operands.flatMap((operand) => {
    const found = parseAddress(operand);
    if (found === undefined)
      values.problems.push(
        `"${operand}" is no IP address; with --cluster, name a real server by its address without a port`,
      );
    return found?.address ?? [];
  });
  return [...new Set(addresses)];
}

function parsePath(text: string): string {
  if (text !== "" && !text.includes("\0")) return text;
  throw refusal("it is no path");
}

/** As kubectl has it, but that several files are not read as one here. */
function kubeconfigOf({
  KUBECONFIG = "",
  HOME = "",
}: Environment): { readonly path: string } | { readonly problem: string } {
  const [path, ...others] = KUBECONFIG.split(":").filter((one) => one !== "");
  if (others.length > 0) return { problem: "$KUBECONFIG names several files; name one by --kubeconfig" };
  if (path !== undefined) return { path };
  return HOME === "" ? { problem: "needs --kubeconfig" } : { path: `${HOME}/.kube/config` };
}
