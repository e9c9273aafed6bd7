import { describeError, LvscareError, type ErrorCode } from "../domain/errors.ts";
import type { VirtualServer } from "../domain/virtual-server.ts";
import type { DataPlane, DataPlaneKind } from "./data-plane.ts";

export interface Selection {
  readonly dataPlane: DataPlane;
  /** Why it is not the kernel, when `auto` would have preferred that. */
  readonly because: LvscareError | undefined;
}

/**
 * What this host lacks for good. Any other failure (a timeout, a busy kernel) passes, and must not change the data
 * plane.
 */
const LACKING: readonly ErrorCode[] = [
  "MODULE_MISSING",
  "SCHEDULER_MISSING",
  "NOT_PERMITTED",
  "SOCKET_FAILED",
  "NO_PASSAGE",
];

type Preflight = (dataPlane: DataPlane, service: VirtualServer) => Promise<void>;

/**
 * The data plane to use, proven to work for this virtual server. `auto` means the kernel's where that works, else the
 * userspace one. `obstacleTo` says why a data plane would not serve clients although it could be set up: that one is
 * not even opened. `preflight` proves it; by default with the data plane's own.
 */
export async function selectDataPlane(
  choice: "auto" | DataPlaneKind,
  service: VirtualServer,
  open: (kind: DataPlaneKind) => Promise<DataPlane>,
  obstacleTo: (kind: DataPlaneKind) => LvscareError | undefined = () => undefined,
  preflight: Preflight = (dataPlane) => dataPlane.preflight(service),
): Promise<Selection> {
  const proven = async (kind: DataPlaneKind): Promise<DataPlane> => {
    const obstacle = obstacleTo(kind);
    if (obstacle !== undefined) throw obstacle;
    return prove(await open(kind), service, preflight);
  };
  if (choice !== "auto") return { dataPlane: await proven(choice), because: undefined };
  try {
    return { dataPlane: await proven("ipvs"), because: undefined };
  } catch (error) {
    if (!isLacking(error)) throw error;
    return { dataPlane: await fallBack(() => proven("userspace"), error), because: error };
  }
}

/** Whether `auto` falls back to the userspace data plane for this. */
export function isLacking(error: unknown): error is LvscareError {
  return error instanceof LvscareError && LACKING.includes(error.code);
}

export function neitherWorks(kernel: LvscareError, cause: unknown): LvscareError {
  const code = cause instanceof LvscareError ? cause.code : "SOCKET_FAILED";
  return new LvscareError(
    code,
    `neither data plane works here. ipvs: ${describeError(kernel)}; userspace: ${describeError(cause)}`,
    { cause },
  );
}

// --- internal ---

async function prove(dataPlane: DataPlane, service: VirtualServer, preflight: Preflight): Promise<DataPlane> {
  try {
    await preflight(dataPlane, service);
    return dataPlane;
  } catch (error) {
    await dataPlane.close();
    throw error;
  }
}

async function fallBack(prove: () => Promise<DataPlane>, kernel: LvscareError): Promise<DataPlane> {
  try {
    return await prove();
  } catch (cause) {
    throw neitherWorks(kernel, cause);
  }
}
