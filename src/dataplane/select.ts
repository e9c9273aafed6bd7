import { describeError, LvscareError, type ErrorCode } from "../domain/errors.ts";
import type { VirtualServer } from "../domain/virtual-server.ts";
import type { DataPlane, DataPlaneKind } from "./data-plane.ts";

export interface Selection {
  readonly dataPlane: DataPlane;
  /** Why it is not the kernel, when `auto` would have preferred that. */
  readonly because: LvscareError | undefined;
}

/** What this host lacks for good. Anything else (a timeout, a busy kernel) passes, and must not change who moves the packets. */
const LACKING: readonly ErrorCode[] = ["MODULE_MISSING", "SCHEDULER_MISSING", "NOT_PERMITTED", "SOCKET_FAILED"];

/** The data plane to use, proven to work for this virtual server. `auto` is the kernel's where it works, else the userspace one. */
export async function selectDataPlane(
  choice: "auto" | DataPlaneKind,
  service: VirtualServer,
  open: (kind: DataPlaneKind) => Promise<DataPlane>,
): Promise<Selection> {
  if (choice !== "auto") return { dataPlane: await prove(await open(choice), service), because: undefined };
  try {
    return { dataPlane: await prove(await open("ipvs"), service), because: undefined };
  } catch (error) {
    if (!(error instanceof LvscareError) || !LACKING.includes(error.code)) throw error;
    return { dataPlane: await proveFallback(await open("userspace"), service, error), because: error };
  }
}

// --- internal ---

async function prove(dataPlane: DataPlane, service: VirtualServer): Promise<DataPlane> {
  try {
    await dataPlane.preflight(service);
    return dataPlane;
  } catch (error) {
    await dataPlane.close();
    throw error;
  }
}

async function proveFallback(dataPlane: DataPlane, service: VirtualServer, kernel: LvscareError): Promise<DataPlane> {
  try {
    return await prove(dataPlane, service);
  } catch (cause) {
    const code = cause instanceof LvscareError ? cause.code : "SOCKET_FAILED";
    throw new LvscareError(
      code,
      `neither data plane works here. ipvs: ${describeError(kernel)}; userspace: ${describeError(cause)}`,
      { cause },
    );
  }
}
