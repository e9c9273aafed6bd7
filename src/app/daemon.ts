import { descriptorLimit, listenPausably } from "#native";
import type { CareConfig } from "../config/care-options.ts";
import type { WebServer } from "../control/web-server.ts";
import { webUrl } from "../control/web-url.ts";
import type { Endpoint } from "../domain/endpoint.ts";
import type { CareEvent } from "../domain/events.ts";
import type { Logger } from "../domain/logger.ts";
import type { VirtualServerStatus } from "../domain/status.ts";
import { renderMetrics } from "../metrics/metrics.ts";
import { CareProcess } from "./care-process.ts";
import { Caretaker } from "./caretaker.ts";
import { descriptorBudget } from "./descriptor-budget.ts";
import { listenerOnPort } from "./socket-owner.ts";

/** An observer of a daemon from inside its process. */
export interface DaemonObserver {
  /** It runs, and can be asked. */
  running?(status: () => Promise<VirtualServerStatus>): void;
  event?(event: CareEvent): void;
}

/**
 * Cares for the virtual servers of a configuration until `stop` is aborted. The kernel's entries stay when it ends.
 * Rejects with the reason when it cannot begin, and then leaves nothing behind.
 */
export async function runDaemon(
  config: CareConfig,
  stop: AbortSignal,
  logger: Logger,
  observer: DaemonObserver = {},
): Promise<void> {
  using process = new CareProcess(logger);
  process.bus.join((event) => observer.event?.(event));
  const caretaker = new Caretaker(process, logger, config.virtualServers.length === 1);
  await using prepared = await caretaker.prepare(config);
  // An address that is not available is a mistake in the configuration: nothing has begun yet.
  const web = config.httpListen && (await openWeb(config.httpListen, config, caretaker, process, logger));
  try {
    process.bus.join(() => web?.happened());
    prepared.apply();
    const [first] = caretaker.virtualServers;
    if (first === undefined) throw new Error("there is no virtual server to care for");
    observer.running?.(() => first.status());
    const shutDown = (): void => {
      process.manager.stopping();
      caretaker.shutDown();
    };
    stop.addEventListener("abort", shutDown, { once: true });
    if (stop.aborted) shutDown();
    await caretaker.ended;
    process.bus.catchUp();
    for (const care of caretaker.virtualServers) care.tellStopped();
  } finally {
    process.bus.catchUp();
    await web?.close();
    await caretaker.close();
  }
}

// --- internal ---

/** Most daemons serve none, and start without its code and its page. */
async function openWeb(
  endpoint: Endpoint,
  { virtualServers }: CareConfig,
  caretaker: Caretaker,
  process: CareProcess,
  logger: Logger,
): Promise<WebServer> {
  const { serveWeb } = await import("../control/web-server.ts");
  const limit = descriptorLimit();
  const realServers = virtualServers.reduce((sum, one) => sum + one.realServers.length, 0);
  const server = serveWeb(
    endpoint,
    {
      virtualServers: () => caretaker.virtualServers,
      metrics: (statuses) => {
        process.bus.catchUp();
        const cares = new Map(caretaker.virtualServers.map((care) => [care.address, care]));
        const all = statuses.flatMap((status) => {
          const metrics = cares.get(status.address)?.metrics;
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
