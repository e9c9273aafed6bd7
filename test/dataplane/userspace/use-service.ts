import { expect } from "bun:test";
import type { UserspaceDataPlaneOptions } from "../../../src/dataplane/userspace/userspace-data-plane.ts";
import type { Endpoint } from "../../../src/domain/endpoint.ts";
import type { Operation } from "../../../src/domain/plan.ts";
import { realServer, virtualServer, type RealServer, type VirtualServer } from "../../../src/domain/virtual-server.ts";
import type { Stage } from "../contract.ts";
import { openStage } from "./open-stage.ts";

export interface ServiceStage extends AsyncDisposable {
  readonly stage: Stage;
  readonly endpoint: Endpoint;
  readonly service: VirtualServer;
  /** Applies operations that must all succeed. */
  apply(...operations: Operation[]): Promise<void>;
  /** Active and inactive connections of each real server. */
  counts(): Promise<(readonly [number, number])[]>;
}

/** A userspace plane with one virtual server. */
export async function useService(
  realServers: readonly (Endpoint | RealServer)[],
  options: Partial<UserspaceDataPlaneOptions> & { readonly scheduler?: string } = {},
): Promise<ServiceStage> {
  const { scheduler = "rr", ...planeOptions } = options;
  const stage = await openStage(planeOptions);
  const endpoint = stage.virtualEndpoint(1);
  const service = virtualServer({ protocol: "tcp", endpoint }, scheduler);
  const apply = async (...operations: Operation[]) => {
    expect(await stage.plane.apply(service, operations)).toEqual([]);
  };
  await apply(
    { kind: "service.create", service },
    ...realServers.map((one): Operation => {
      return { kind: "server.add", server: "weight" in one ? one : realServer(one) };
    }),
  );
  const counts = async () => {
    const observed = await stage.plane.read(service);
    return (observed?.realServers ?? []).map((one) => [one.activeConnections, one.inactiveConnections] as const);
  };
  return { stage, endpoint, service, apply, counts, [Symbol.asyncDispose]: () => stage.close() };
}
