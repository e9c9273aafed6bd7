import type { YamlMap } from "./pod-parts.ts";
import { renderYaml } from "./yaml.ts";

export interface RbacOptions {
  /** The namespace whose endpoints may be read. */
  readonly namespace: string;
  readonly subject: RbacSubject;
}

/** Who may read them. */
export type RbacSubject =
  | { readonly kind: "Group"; readonly name: string }
  | { readonly kind: "ServiceAccount"; readonly namespace: string; readonly name: string };

/** The right to list and watch the EndpointSlices of one namespace, and nothing else. */
export function renderRbac(options: RbacOptions): string {
  return rbacObjects(options).map(renderYaml).join("---\n");
}

/** The same as objects. */
export function rbacObjects({ namespace, subject }: RbacOptions): readonly YamlMap[] {
  const metadata = { name: NAME, namespace };
  return [
    {
      apiVersion: `${GROUP}/v1`,
      kind: "Role",
      metadata,
      rules: [{ apiGroups: ["discovery.k8s.io"], resources: ["endpointslices"], verbs: ["list", "watch"] }],
    },
    {
      apiVersion: `${GROUP}/v1`,
      kind: "RoleBinding",
      metadata,
      roleRef: { apiGroup: GROUP, kind: "Role", name: NAME },
      subjects: [subjectOf(subject)],
    },
  ];
}

// --- internal ---

const NAME = "lvscare";
const GROUP = "rbac.authorization.k8s.io";

function subjectOf(subject: RbacSubject): YamlMap {
  return subject.kind === "Group"
    ? { apiGroup: GROUP, kind: subject.kind, name: subject.name }
    : { kind: subject.kind, name: subject.name, namespace: subject.namespace };
}
