import { expect } from "bun:test";
import type { ControlPlane } from "./control-plane.ts";

/** Has API servers leave the list of themselves to others, so that a test can have it lie. */
export const LIST_IS_LEFT_ALONE = ["--endpoint-reconciler-type=none"] as const;

/** Has the cluster say through this API server that the API servers are these, as an EndpointSlice and as Endpoints. */
export async function proposeMembers(
  plane: ControlPlane,
  through: string,
  ...addresses: readonly string[]
): Promise<void> {
  const ports = [{ name: "https", port: 6443, protocol: "TCP" }];
  await write(plane, through, "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices", {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { name: "kubernetes", namespace: "default", labels: { "kubernetes.io/service-name": "kubernetes" } },
    addressType: "IPv4",
    endpoints: addresses.map((address) => ({ addresses: [address], conditions: { ready: true } })),
    ports,
  });
  await write(plane, through, "/api/v1/namespaces/default/endpoints", {
    apiVersion: "v1",
    kind: "Endpoints",
    metadata: { name: "kubernetes", namespace: "default" },
    subsets: addresses.length === 0 ? [] : [{ addresses: addresses.map((ip) => ({ ip })), ports }],
  });
}

// --- internal ---

interface ApiObject {
  readonly metadata: { readonly name: string; readonly namespace: string; readonly labels?: object };
  readonly [key: string]: unknown;
}

/** Made or replaced. */
async function write(plane: ControlPlane, through: string, path: string, object: ApiObject): Promise<void> {
  const { exitCode } = await plane.ask(through, `${path}/${object.metadata.name}`, object, "PUT");
  if (exitCode === 0) return;
  const { stdout, exitCode: failed } = await plane.ask(through, path, object);
  expect(failed === 0 ? "" : stdout).toBe("");
}
