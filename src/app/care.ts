import { descriptorLimit, dialTcpSocket, listenPausably, socketBytes } from "#native";
import type { CareConfig, CareOptions, VirtualServerOptions } from "../config/care-options.ts";
import type { DataPlane, DataPlaneKind } from "../dataplane/data-plane.ts";
import { openIpvs } from "../dataplane/ipvs/ipvs-plane.ts";
import { selectDataPlane, type Selection } from "../dataplane/select.ts";
import { SharedDataPlane } from "../dataplane/shared-data-plane.ts";
import { describeError, LvscareError } from "../domain/errors.ts";
import { formatEndpoint } from "../domain/endpoint.ts";
import type { Logger } from "../domain/logger.ts";
import { formatServiceKey } from "../domain/virtual-server.ts";
import { ensureLocalAddress, removeLoopbackAddress } from "../reach/loopback-address.ts";
import { claimVirtualServers } from "./claim.ts";
import { clean, withdrawFromKernel } from "./clean.ts";
import type { DaemonObserver } from "./daemon.ts";
import { describeNesting } from "./nesting.ts";
import { establishReach, obstacleTo, planReach } from "./reach.ts";
import { daemonFolder } from "./daemon-sockets.ts";
import { HoldFile, tellHeld } from "./hold-file.ts";
import { runOnce } from "./run-once.ts";
import type { CareSetting } from "./virtual-server-care.ts";

/** Does what the options say: care until stopped, set up once, or clean up. Throws the reason if it cannot. */
export async function runCare(
  options: CareOptions,
  stop: AbortSignal,
  logger: Logger,
  observer: DaemonObserver = {},
): Promise<void> {
  if (options.clean) return clean(options, logger);
  if (!options.runOnce) return careFor({ ...options, virtualServers: [options] }, stop, logger, observer);
  using claim = claimFor(options, logger);
  if (claim === undefined) return;
  // A proxy in this process would end with it: setting up once makes sense in the kernel only.
  const selection = await select({ ...options, dataPlane: "ipvs" }, () => openIpvs(), logger);
  try {
    const reach = planReach(options, selection.dataPlane.kind, logger);
    const holds = new HoldFile(daemonFolder(), options.service).read(logger);
    const listed = options.realServers.map(({ endpoint }) => formatEndpoint(endpoint));
    tellHeld(holds, listed, logger);
    await runOnce(options, selection.dataPlane, holds, logger);
    await establishReach(reach, logger);
  } finally {
    await selection.dataPlane.close();
  }
}

/**
 * Cares for these virtual servers in one process until stopped. Each has its own claim, holds, machines and share of
 * reach; all use one connection to the kernel and one schedule of checks.
 */
export async function careFor(
  config: CareConfig,
  stop: AbortSignal,
  logger: Logger,
  observer: DaemonObserver = {},
): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const services = config.virtualServers.map(({ service }) => service);
  stack.use(claimVirtualServers(services, process.getuid?.() ?? 0, logger));
  const ipvs = new SharedDataPlane(openIpvs);
  const settings: CareSetting[] = [];
  for (const options of config.virtualServers) {
    const own = config.virtualServers.length === 1 ? logger : prefixed(logger, formatServiceKey(options.service));
    const selection = await select(options, () => ipvs.open(), own);
    stack.defer(() => selection.dataPlane.close());
    const reach = planReach(options, selection.dataPlane.kind, own);
    settings.push({ options, selection, reach, logger: own });
  }
  const { runDaemon } = await import("./daemon.ts");
  await runDaemon(settings, config.httpListen, stop, logger, observer);
}

// --- internal ---

async function select(
  options: VirtualServerOptions,
  openKernel: () => Promise<DataPlane>,
  logger: Logger,
): Promise<Selection> {
  const open = (kind: DataPlaneKind): Promise<DataPlane> =>
    kind === "ipvs" ? openKernel() : openUserspace(options, logger);
  const selection = await selectDataPlane(options.dataPlane, options.service, open, (kind) =>
    obstacleTo(kind, options),
  );
  announce(options, selection.dataPlane, selection.because, logger);
  // A kernel that could, and once did, would take the clients before they get to the proxy.
  if (selection.because?.code === "NO_PASSAGE") await withdrawFromKernel(options.service, logger);
  if (selection.dataPlane.kind === "ipvs") await warnOfNesting(options, selection.dataPlane, logger);
  return selection;
}

/** Puts the name of its virtual server in front of each line. */
function prefixed(logger: Logger, name: string): Logger {
  return {
    debug: (message, fields) =>
      logger.debug(typeof message === "string" ? `${name}: ${message}` : () => `${name}: ${message()}`, fields),
    info: (message, fields) => logger.info(`${name}: ${message}`, fields),
    warn: (message, fields) => logger.warn(`${name}: ${message}`, fields),
    error: (message, fields) => logger.error(`${name}: ${message}`, fields),
  };
}

/**
 * Undefined when there is nothing to do: when a one-time setup is tried again, a daemon may already care for the
 * virtual server.
 */
function claimFor({ service, runOnce }: CareOptions, logger: Logger): Disposable | undefined {
  try {
    return claimVirtualServers([service], process.getuid?.() ?? 0, logger);
  } catch (error) {
    if (!runOnce || !(error instanceof LvscareError) || error.code !== "ALREADY_RUNNING") throw error;
    logger.warn(`${error.message}, so it is left to that and nothing was set up here`);
    return undefined;
  }
}

/** Checks of such a real server pass, because each goes only through the inner virtual server. */
async function warnOfNesting(
  { service, realServers }: VirtualServerOptions,
  dataPlane: DataPlane,
  logger: Logger,
): Promise<void> {
  for (const { endpoint } of realServers) {
    const inner = await dataPlane.read({ protocol: service.protocol, endpoint });
    if (inner !== undefined) logger.warn(`real server ${describeNesting(inner)}`);
  }
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
  dataPlane: DataPlane,
  because: LvscareError | undefined,
  logger: Logger,
): void {
  const { service, realServers } = options;
  if (because !== undefined)
    logger.warn(`using the userspace data plane, because the kernel's does not work here: ${describeError(because)}`);
  const servers = realServers.length === 1 ? "1 real server" : `${realServers.length} real servers`;
  logger.info(`caring for ${formatServiceKey(service)} (${service.scheduler}) with ${servers}`, {
    dataPlane: dataPlane.kind,
  });
  const remark = dataPlane.remark === undefined ? "" : `, as ${dataPlane.remark}`;
  logger.debug(`data plane ${dataPlane.kind} through ${dataPlane.via}${remark}`);
  for (const { endpoint } of realServers) logger.debug(`real server ${formatEndpoint(endpoint)}`);
}
