import { expect, test } from "bun:test";
import { renderRbac } from "../../src/manifest/rbac.ts";

test("nodes may list and watch the slices of a namespace, and nothing else", () => {
  expect(
    renderRbac({
      service: { namespace: "default", name: "kubernetes" },
      subject: { kind: "Group", name: "system:nodes" },
    }),
  ).toBe(`\
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: lvscare
  namespace: default
rules:
- apiGroups:
  - discovery.k8s.io
  resources:
  - endpointslices
  verbs:
  - list
  - watch
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: lvscare
  namespace: default
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: Role
  name: lvscare
subjects:
- apiGroup: rbac.authorization.k8s.io
  kind: Group
  name: system:nodes
`);
});

test("so may a service account, which also gets what nodes may do anyway", () => {
  const subject = { kind: "ServiceAccount", namespace: "kube-system", name: "lvscare" } as const;
  const printed = renderRbac({ service: { namespace: "shop", name: "web" }, subject });
  const objects = printed.split("---\n").map((text) => Bun.YAML.parse(text) as ApiObject);
  expect(objects.map(({ kind, metadata: { name, namespace } }) => [kind, namespace, name])).toEqual([
    ["Role", "shop", "lvscare"],
    ["RoleBinding", "shop", "lvscare-kube-system-lvscare"],
    ["Namespace", undefined, "lvscare-reports"],
    ["Role", "lvscare-reports", "lvscare"],
    ["RoleBinding", "lvscare-reports", "lvscare-kube-system-lvscare"],
  ]);
  expect(objects.flatMap(({ rules = [] }) => rules)).toEqual([
    { apiGroups: ["discovery.k8s.io"], resources: ["endpointslices"], verbs: ["list", "watch"] },
    { apiGroups: [""], resourceNames: ["web"], resources: ["services"], verbs: ["get"] },
    { apiGroups: ["coordination.k8s.io"], resources: ["leases"], verbs: ["create", "patch"] },
  ]);
  expect(objects.flatMap(({ subjects = [] }) => subjects)).toEqual([subject, subject]);
});

test("whoever is to count the nodes may list their leases", () => {
  const subject = { kind: "Group", name: "system:nodes" } as const;
  const printed = renderRbac({ service: { namespace: "default", name: "kubernetes" }, subject, countsNodes: true });
  expect(Bun.YAML.parse(printed.split("---\n")[2] ?? "")).toMatchObject({
    kind: "Role",
    metadata: { namespace: "kube-node-lease" },
    rules: [{ apiGroups: ["coordination.k8s.io"], resources: ["leases"], verbs: ["list"] }],
  });
});

// --- internal ---

interface ApiObject {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly rules?: readonly unknown[];
  readonly subjects?: readonly unknown[];
}
