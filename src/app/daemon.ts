import { descriptorLimit, listenPausably } from "#native";
import type { WebSources, WebServer } from "../control/web-server.ts";
import { webUrl } from "../control/web-url.ts";
import type { Endpoint } from "../domain/endpoint.ts";
import type { CareEvent } from "../domain/events.ts";
import type { Logger } from "../domain/logger.ts";
import type { VirtualServerStatus } from "../domain/status.ts";
import { renderMetrics } from "../metrics/metrics.ts";
import { CareProcess } from "./care-process.ts";
import { descriptorBudget } from "./descriptor-budget.ts";
import { listenerOnPort } from "./socket-owner.ts";
import { VirtualServerCare, type CareSetting } from "./virtual-server-care.ts";

/** Who watches a daemon from inside its process. */
export interface DaemonObserver {
  /** It runs, and can be asked. */
  running?(status: () => Promise<VirtualServerStatus>): void;
  event?(event: CareEvent): void;
}

/** Cares for a virtual server until `stop` is aborted. What stands in the kernel stays when it ends. */
export async function runDaemon(
  setting: CareSetting,
  stop: AbortSignal,
  logger: Logger,
  observer: DaemonObserver = {},
): Promise<void> {
  using process = new CareProcess();
  process.bus.join((event) => observer.event?.(event));
  const care = new VirtualServerCare(process, setting, logger);
  const { httpListen, realServers } = setting.options;
  const sources = {
    status: () => care.status(),
    events: (after: number) => care.events(after),
    metrics: (status: VirtualServerStatus) => {
      process.bus.catchUp();
      return renderMetrics([{ metrics: care.metrics, status }], process.now());
    },
  };
  // An address that cannot be had is a mistake in the options: nothing has begun yet.
  const web = httpListen && (await openWeb(httpListen, sources, realServers.length, logger));
  process.bus.join(() => web?.happened());
  care.start();
  observer.running?.(() => care.status());
  const shutDown = (): void => {
    process.manager.stopping();
    care.shutDown();
  };
  stop.addEventListener("abort", shutDown, { once: true });
  if (stop.aborted) shutDown();
  try {
    await care.ended;
    process.bus.catchUp();
    logger.info(
      setting.selection.dataPlane.kind === "ipvs"
        ? "stopped; the virtual server stays in the kernel as it is"
        : "stopped, and with this process the userspace data plane",
    );
  } finally {
    process.bus.catchUp();
    await web?.close();
    await care.close();
  }
}

// --- internal ---

/** Most daemons serve none, and start without its code and its page. */
async function openWeb(
  endpoint: Endpoint,
  sources: WebSources,
  realServers: number,
  logger: Logger,
): Promise<WebServer> {
  const { serveWeb } = await import("../control/web-server.ts");
  const limit = descriptorLimit();
  const server = serveWeb(endpoint, sources, {
    listen: listenPausably,
    whoListens: () => {
      const owner = listenerOnPort(endpoint);
      return owner === undefined ? "another process" : `pid ${owner.pid} (${owner.name})`;
    },
    ...(limit !== undefined && { mostConnections: descriptorBudget(limit, realServers).web }),
  });
  logger.info(`page, metrics and health are at ${webUrl(endpoint)}`);
  return server;
}
