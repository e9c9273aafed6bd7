/** What a node says of one virtual server whose members its cluster lists. Plain data that survives JSON. */
export interface NodeReport {
  /** Of the program. */
  readonly version: string;
  /** ISO 8601, UTC. */
  readonly at: string;
  /** `default/kubernetes` */
  readonly service: string;
  /** The key of its virtual server. */
  readonly virtualServer: string;
  /** How it learns of changes. */
  readonly way: "watched" | "polled";
  readonly inService: number;
  readonly of: number;
  /** By address, those that the cluster drains and that get no new connections here by now. */
  readonly drained: Readonly<Record<string, NodeDrain>>;
}

export interface NodeDrain {
  /** Of the drain that was heard of, by which it is told from one before it. */
  readonly since: string;
  /** Connections that go on. */
  readonly open: number;
}

/** The annotation that holds it. `name`: of the virtual server among files, such as `tcp-10.96.0.1:6443`. */
export function reportAnnotation(name: string): string {
  return `${PREFIX}${name
    .replaceAll(/[^\w.-]+/g, "_")
    .replaceAll(/^[^\da-z]+|[^\da-z]+$/gi, "")
    .slice(0, LONGEST)}`;
}

/** Those among all annotations of a lease. */
export function reportsIn(annotations: Readonly<Record<string, unknown>>): readonly NodeReport[] {
  return Object.entries(annotations).flatMap(([name, value]) => {
    const report = name.startsWith(PREFIX) ? parsed(value) : undefined;
    return isReport(report) ? [report] : [];
  });
}

/** Where those report that are no nodes to the cluster, such as pods with a service account: nothing else is there. */
export const REPORTS_NAMESPACE = "lvscare-reports";

/** Where each node has a lease that it may write itself. */
export const NODE_LEASES_NAMESPACE = "kube-node-lease";

// --- internal ---

const PREFIX = "report.lvscare/";
/** Of the name of an annotation. */
const LONGEST = 63;

function isReport(value: unknown): value is NodeReport {
  if (typeof value !== "object" || value === null) return false;
  const report = value as Readonly<Record<string, unknown>>;
  const { at, service, virtualServer, version, way, inService, of, drained } = report;
  return (
    (way === "watched" || way === "polled") &&
    [at, service, virtualServer, version].every((one) => typeof one === "string") &&
    !Number.isNaN(Date.parse(String(at))) &&
    [inService, of].every((one) => Number.isInteger(one)) &&
    typeof drained === "object" &&
    drained !== null &&
    Object.values(drained).every((one) => isDrain(one))
  );
}

function isDrain(value: unknown): boolean {
  const { since, open } = Object(value) as Readonly<Record<string, unknown>>;
  return typeof since === "string" && Number.isInteger(open);
}

function parsed(value: unknown): unknown {
  try {
    return JSON.parse(String(value));
  } catch {
    return undefined;
  }
}
