import { expect } from "bun:test";
import { renderRbac } from "../../../src/manifest/rbac.ts";
import type { ControlPlane } from "./control-plane.ts";

/** One who may watch who the API servers are. */
export const WATCHER = { name: "lvscare", group: "watchers" } as const;

/** As `lvscare rbac` prints it for all nodes, but for a group of those who watch. */
export async function allowWatching(plane: ControlPlane, master: string): Promise<void> {
  for (const { path, object } of rights()) {
    const { exitCode, stdout } = await plane.ask(master, path, object);
    expect(exitCode === 0 ? "" : stdout).toBe("");
  }
}

/** Takes that back. */
export async function forbidWatching(plane: ControlPlane, master: string): Promise<void> {
  for (const { path, object } of rights())
    expect(await plane.ask(master, `${path}/${object.metadata.name}`, {}, "DELETE")).toMatchObject({ exitCode: 0 });
}

// --- internal ---

const NODES = "system:nodes";

interface Right {
  readonly kind: string;
  readonly metadata: { readonly name: string };
}

function rights(): readonly { readonly path: string; readonly object: Right }[] {
  const printed = renderRbac({
    service: { namespace: "default", name: "kubernetes" },
    subject: { kind: "Group", name: NODES },
  });
  const ofWatchers = printed.replaceAll(NODES, WATCHER.group);
  return ofWatchers.split("---\n").map((text) => {
    const object = Bun.YAML.parse(text) as Right;
    return { path: `/apis/rbac.authorization.k8s.io/v1/namespaces/default/${object.kind.toLowerCase()}s`, object };
  });
}
