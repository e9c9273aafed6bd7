import { expect, test } from "bun:test";
import { renderRbac } from "../../src/manifest/rbac.ts";

test("a group may list and watch the slices of a namespace, and nothing else", () => {
  expect(renderRbac({ namespace: "default", subject: { kind: "Group", name: "system:nodes" } })).toBe(`\
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

test("so may a service account", () => {
  const subject = { kind: "ServiceAccount", namespace: "kube-system", name: "lvscare" } as const;
  expect(renderRbac({ namespace: "shop", subject })).toEndWith(
    "subjects:\n- kind: ServiceAccount\n  name: lvscare\n  namespace: kube-system\n",
  );
});
