import { NODE_LEASES_NAMESPACE, REPORTS_NAMESPACE } from "../domain/node-report.ts";
import type { YamlMap } from "./pod-parts.ts";
import { renderYaml } from "./yaml.ts";

export interface RbacOptions {
  /** The service whose endpoints may be read. */
  readonly service: { readonly namespace: string; readonly name: string };
  readonly subject: RbacSubject;
  /** They may count the nodes. */
  readonly countsNodes?: boolean;
}

/** Who may read them. */
export type RbacSubject =
  | { readonly kind: "Group"; readonly name: string }
  | { readonly kind: "ServiceAccount"; readonly namespace: string; readonly name: string };

/**
 * The right to list and watch the EndpointSlices of one namespace. Nodes may read its services and write their own leases
 * anyway; anybody else gets the right to read this one service, for drains of the whole cluster, and to report in leases
 * of a namespace where nothing else is.
 */
export function renderRbac(options: RbacOptions): string {
  return rbacObjects(options).map(renderYaml).join("---\n");
}

/** The same as objects. */
export function rbacObjects(options: RbacOptions): readonly YamlMap[] {
  const { subject, countsNodes = false } = options;
  const count = { apiGroups: ["coordination.k8s.io"], resources: ["leases"], verbs: ["list"] };
  return [...objectsOf(options), ...(countsNodes ? granted(NODE_LEASES_NAMESPACE, [count], subject) : [])];
}

// --- internal ---

function objectsOf({ service: { namespace, name }, subject }: RbacOptions): readonly YamlMap[] {
  const watch = { apiGroups: ["discovery.k8s.io"], resources: ["endpointslices"], verbs: ["list", "watch"] };
  if (subject.kind === "Group" && subject.name === NODES) return granted(namespace, [watch], subject);
  const read = { apiGroups: [""], resourceNames: [name], resources: ["services"], verbs: ["get"] };
  const report = { apiGroups: ["coordination.k8s.io"], resources: ["leases"], verbs: ["create", "patch"] };
  return [
    ...granted(namespace, [watch, read], subject),
    { apiVersion: "v1", kind: "Namespace", metadata: { name: REPORTS_NAMESPACE } },
    ...granted(REPORTS_NAMESPACE, [report], subject),
  ];
}

const NAME = "lvscare";
/** All nodes of a cluster, whose rights Kubernetes itself sees to. */
const NODES = "system:nodes";
const GROUP = "rbac.authorization.k8s.io";

function granted(namespace: string, rules: readonly YamlMap[], subject: RbacSubject): readonly YamlMap[] {
  // There may be several of them in the namespace of reports.
  const binding = subject.kind === "Group" ? NAME : `${NAME}-${subject.namespace}-${subject.name}`;
  return [
    { apiVersion: `${GROUP}/v1`, kind: "Role", metadata: { name: NAME, namespace }, rules },
    {
      apiVersion: `${GROUP}/v1`,
      kind: "RoleBinding",
      metadata: { name: binding, namespace },
      roleRef: { apiGroup: GROUP, kind: "Role", name: NAME },
      subjects: [subjectOf(subject)],
    },
  ];
}

function subjectOf(subject: RbacSubject): YamlMap {
  return subject.kind === "Group"
    ? { apiGroup: GROUP, kind: subject.kind, name: subject.name }
    : { kind: subject.kind, name: subject.name, namespace: subject.namespace };
}
