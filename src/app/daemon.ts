import { descriptorLimit, listenPausably } from "#native";
import type { WebServer } from "../control/web-server.ts";
import { webUrl } from "../control/web-url.ts";
import type { Endpoint } from "../domain/endpoint.ts";
import type { CareEvent } from "../domain/events.ts";
import type { Logger } from "../domain/logger.ts";
import type { ReloadReport } from "../domain/reload.ts";
import type { VirtualServerStatus } from "../domain/status.ts";
import { renderMetrics } from "../metrics/metrics.ts";
import { CareProcess } from "./care-process.ts";
import { openControlSocket } from "./control-socket.ts";
import { descriptorBudget } from "./descriptor-budget.ts";
import { listenerOnPort } from "./socket-owner.ts";
import { VirtualServerCare, type CareSetting } from "./virtual-server-care.ts";

/** An observer of a daemon from inside its process. */
export interface DaemonObserver {
  /** It runs, and can be asked. */
  running?(status: () => Promise<VirtualServerStatus>): void;
  event?(event: CareEvent): void;
}

/** Where the virtual servers come from, if that is a file. */
export interface ConfigSource {
  /** Its absolute path. */
  readonly configFile?: string;
  /** Reads it again, as an operator asked. */
  readonly reload?: () => Promise<ReloadReport>;
}

/** Cares for these virtual servers until `stop` is aborted. The kernel's entries stay when it ends. */
export async function runDaemon(
  settings: readonly CareSetting[],
  httpListen: Endpoint | undefined,
  stop: AbortSignal,
  logger: Logger,
  observer: DaemonObserver = {},
  source: ConfigSource = {},
): Promise<void> {
  using process = new CareProcess(logger);
  process.bus.join((event) => observer.event?.(event));
  const cares = settings.map((setting) => new VirtualServerCare(process, setting));
  const [first] = cares;
  if (first === undefined) throw new Error("there is no virtual server to care for");
  // An address that is not available is a mistake in the options: nothing has begun yet.
  const web = httpListen && (await openWeb(httpListen, settings, cares, process, logger));
  process.bus.join(() => web?.happened());
  for (const care of cares) care.start();
  const closeControl = openControl(settings, cares, process, source, logger);
  observer.running?.(() => first.status());
  const shutDown = (): void => {
    process.manager.stopping();
    for (const care of cares) care.shutDown();
  };
  stop.addEventListener("abort", shutDown, { once: true });
  if (stop.aborted) shutDown();
  try {
    await Promise.all(cares.map(({ ended }) => ended));
    process.bus.catchUp();
    for (const { selection, logger: own } of settings)
      own.info(
        selection.dataPlane.kind === "ipvs"
          ? "stopped; the virtual server stays in the kernel as it is"
          : "stopped, and with this process the userspace data plane",
      );
  } finally {
    process.bus.catchUp();
    await web?.close();
    await closeControl();
    for (const care of cares) care.close();
  }
}

// --- internal ---

function openControl(
  settings: readonly CareSetting[],
  cares: readonly VirtualServerCare[],
  { facts: { networkNamespace } }: CareProcess,
  { configFile, reload }: ConfigSource,
  logger: Logger,
): () => Promise<void> {
  return openControlSocket(
    {
      keys: settings.map(({ options }) => options.service),
      intervalMs: Math.min(...settings.map(({ options }) => options.policy.intervalMs)),
      logger,
      remade: () => {
        for (const care of cares) care.keepAgain();
      },
    },
    {
      virtualServers: () => cares,
      ...(networkNamespace !== undefined && { networkNamespace }),
      ...(configFile !== undefined && { configFile }),
      ...(reload && { reload }),
    },
  );
}

/** Most daemons serve none, and start without its code and its page. */
async function openWeb(
  endpoint: Endpoint,
  settings: readonly CareSetting[],
  cares: readonly VirtualServerCare[],
  process: CareProcess,
  logger: Logger,
): Promise<WebServer> {
  const { serveWeb } = await import("../control/web-server.ts");
  const limit = descriptorLimit();
  const realServers = settings.reduce((sum, { options }) => sum + options.realServers.length, 0);
  const server = serveWeb(
    endpoint,
    {
      virtualServers: cares,
      metrics: (statuses) => {
        process.bus.catchUp();
        const all = statuses.flatMap((status, index) => {
          const metrics = cares[index]?.metrics;
          return metrics === undefined ? [] : [{ metrics, status }];
        });
        return renderMetrics(all, process.now());
      },
    },
    {
      listen: listenPausably,
      whoListens: () => {
        const owner = listenerOnPort(endpoint);
        return owner === undefined ? "another process" : `pid ${owner.pid} (${owner.name})`;
      },
      ...(limit !== undefined && { mostConnections: descriptorBudget(limit, realServers).web }),
    },
  );
  logger.info(`page, metrics and health are at ${webUrl(endpoint)}`);
  return server;
}
