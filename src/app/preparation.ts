import { descriptorLimit, dialTcpSocket, listenPausably, socketBytes } from "#native";
import type { VirtualServerOptions } from "../config/care-options.ts";
import type { DataPlane, DataPlaneKind } from "../dataplane/data-plane.ts";
import { selectDataPlane, type Selection } from "../dataplane/select.ts";
import { formatEndpoint } from "../domain/endpoint.ts";
import { describeError, LvscareError } from "../domain/errors.ts";
import type { Logger } from "../domain/logger.ts";
import { formatServiceKey, sameService } from "../domain/virtual-server.ts";
import { ensureLocalAddress, removeLoopbackAddress } from "../reach/loopback-address.ts";
import { countServers } from "./about.ts";
import { withdrawFromKernel } from "./clean.ts";
import { describeNesting } from "./nesting.ts";
import { obstacleTo, planReach, type Reach } from "./reach.ts";
import type { Surroundings } from "./surroundings.ts";

/** What one virtual server is to be cared for with, proven to work on this host. Nothing of it is made yet. */
export interface Preparation {
  readonly selection: Selection;
  readonly reach: Reach;
  readonly logger: Logger;
  /** Says what it is cared for with, once it is certain that it will be; and takes out of the kernel what would be in the way. */
  begin(): void;
}

/**
 * Chooses and opens the data plane of a virtual server, and plans its reach. Rejects with what this host lacks, and
 * then leaves nothing open.
 */
export async function prepare(
  options: VirtualServerOptions,
  surroundings: Surroundings,
  logger: Logger,
): Promise<Preparation> {
  const selection = await select(options, surroundings, logger);
  try {
    const reach = planReach(options, selection.dataPlane.kind, surroundings.reachHost, logger);
    const nested = selection.dataPlane.kind === "ipvs" ? await nestedIn(options, surroundings) : [];
    const tell = surroundings.isCrowded ? logger.debug : logger.info;
    return {
      selection,
      reach,
      logger,
      begin: () => {
        announce(options, selection, tell, logger);
        for (const inner of nested) logger.warn(`real server ${inner}`);
        if (reach.remark !== undefined) logger.info(reach.remark);
        // A kernel that could, and once did, would take the clients before they get to the proxy.
        if (selection.because?.code === "NO_PASSAGE")
          withdrawFromKernel(options.service, logger).catch((error: unknown) => logger.error(describeError(error)));
      },
    };
  } catch (error) {
    await selection.dataPlane.close();
    throw error;
  }
}

/**
 * The reach for other options of a virtual server that is cared for already, and is to go on in its data plane.
 * Rejects with what this host lacks for them.
 */
export async function prepareAnew(
  { selection, logger }: Preparation,
  before: VirtualServerOptions,
  options: VirtualServerOptions,
  surroundings: Surroundings,
): Promise<Reach> {
  const { dataPlane } = selection;
  const { kind } = dataPlane;
  const refusal = refusesChangeOver(kind, options);
  if (refusal !== undefined) throw refusal;
  const obstacle = obstacleTo(kind, options, () => surroundings.ownAddresses());
  if (obstacle !== undefined) throw obstacle;
  if (!sameService(before.service, options.service)) await surroundings.preflight(dataPlane, options.service);
  return planReach(options, kind, surroundings.reachHost, logger);
}

/** Why a virtual server that this data plane serves cannot go on with other options; undefined where it can. */
export function refusesChangeOver(
  kind: DataPlaneKind,
  { dataPlane }: Pick<VirtualServerOptions, "dataPlane">,
): LvscareError | undefined {
  if (dataPlane === "auto" || dataPlane === kind) return undefined;
  return new LvscareError(
    "NOT_SUPPORTED",
    `it is served by the data plane ${kind}, and cannot change over while it serves`,
    { remedy: "start the daemon anew for that" },
  );
}

// --- internal ---

function select(options: VirtualServerOptions, surroundings: Surroundings, logger: Logger): Promise<Selection> {
  const open = (kind: DataPlaneKind): Promise<DataPlane> =>
    kind === "ipvs" ? surroundings.openKernel() : openUserspace(options, logger);
  return selectDataPlane(
    options.dataPlane,
    options.service,
    open,
    (kind) => obstacleTo(kind, options, () => surroundings.ownAddresses()),
    (dataPlane, service) => surroundings.preflight(dataPlane, service),
  );
}

/** Checks of such a real server pass, because each goes only through the inner virtual server. */
async function nestedIn(
  { service, realServers }: VirtualServerOptions,
  surroundings: Surroundings,
): Promise<readonly string[]> {
  const nested: string[] = [];
  for (const { endpoint } of realServers) {
    const inner = await surroundings.standing({ protocol: service.protocol, endpoint });
    if (inner !== undefined) nested.push(describeNesting(inner));
  }
  return nested;
}

async function openUserspace({ realServers }: VirtualServerOptions, logger: Logger): Promise<DataPlane> {
  const { UserspaceDataPlane } = await import("../dataplane/userspace/userspace-data-plane.ts");
  const { descriptorBudget } = await import("./descriptor-budget.ts");
  const limit = descriptorLimit();
  const mostConnections = limit === undefined ? undefined : descriptorBudget(limit, realServers.length).proxied;
  return new UserspaceDataPlane({
    dial: dialTcpSocket,
    listen: listenPausably,
    bytes: socketBytes,
    ...(mostConnections !== undefined && { mostConnections }),
    onCrowd: () =>
      logger.warn(
        `${mostConnections} clients at a time is all that the limit of open files (${limit}) leaves room for: the others wait; raise it (LimitNOFILE, ulimit -n)`,
      ),
    localAddresses: { ensure: ensureLocalAddress, release: removeLoopbackAddress },
    onFault: (error) => logger.error(describeError(error)),
    onFull: () =>
      logger.warn(
        "64 MiB are held for connections that do not read what is sent to them: those that need more are cut off",
      ),
  });
}

function announce(
  options: VirtualServerOptions,
  { dataPlane, because }: Selection,
  tell: Logger["info"],
  logger: Logger,
): void {
  if (because !== undefined)
    logger.warn(`using the userspace data plane, because the kernel's does not work here: ${describeError(because)}`);
  const { service, realServers } = options;
  const what = `${formatServiceKey(service)} (${service.scheduler}) with ${countServers(options)}`;
  tell(`caring for ${what}`, { dataPlane: dataPlane.kind });
  const remark = dataPlane.remark === undefined ? "" : `, as ${dataPlane.remark}`;
  logger.debug(`data plane ${dataPlane.kind} through ${dataPlane.via}${remark}`);
  for (const { endpoint } of realServers) logger.debug(`real server ${formatEndpoint(endpoint)}`);
}
