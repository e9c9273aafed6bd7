import { descriptorLimit, listenPausably } from "#native";
import type { WebServer } from "../control/web-server.ts";
import { webUrl } from "../control/web-url.ts";
import { formatEndpoint, type Endpoint } from "../domain/endpoint.ts";
import { describeError } from "../domain/errors.ts";
import type { Logger } from "../domain/logger.ts";
import { keyOf } from "../domain/virtual-server-name.ts";
import type { CareProcess } from "./care-process.ts";
import type { Caretaker } from "./caretaker.ts";
import { descriptorBudget } from "./descriptor-budget.ts";
import { listenerOnPort } from "./socket-owner.ts";

/** Where a daemon serves its page, metrics and health, if anywhere; another configuration may have it elsewhere. */
export class DaemonWeb implements AsyncDisposable {
  readonly #caretaker: Caretaker;
  readonly #process: CareProcess;
  readonly #logger: Logger;
  #endpoint: Endpoint | undefined;
  #server: WebServer | undefined;

  constructor(caretaker: Caretaker, process: CareProcess, logger: Logger) {
    this.#caretaker = caretaker;
    this.#process = process;
    this.#logger = logger;
    process.bus.join(() => this.#server?.happened());
  }

  /**
   * Serves at this address, and no longer where it did. Rejects with ADDRESS_IN_USE or SOCKET_FAILED, and then serves
   * where it did before. `realServers`: how many there are to care for, which need descriptors, too.
   */
  async listen(endpoint: Endpoint | undefined, realServers: number): Promise<void> {
    const before = this.#endpoint;
    if (Bun.deepEquals(endpoint, before)) return;
    // On the same port, the one may be in the other's way: 127.0.0.1 and all addresses.
    if (before !== undefined && endpoint?.port === before.port) {
      await this.#serve(undefined, realServers);
      try {
        await this.#serve(endpoint, realServers);
      } catch (error) {
        await this.#serve(before, realServers);
        throw error;
      }
    } else await this.#serve(endpoint, realServers);
  }

  /** The same for a running daemon, which goes on in any case: returns why it cannot. */
  async move(endpoint: Endpoint | undefined, realServers: number): Promise<readonly string[]> {
    try {
      await this.listen(endpoint, realServers);
      return [];
    } catch (error) {
      const before = this.#endpoint === undefined ? "nowhere" : `at ${formatEndpoint(this.#endpoint)}`;
      const problem = `the page and metrics stay ${before}: ${describeError(error)}`;
      this.#logger.warn(problem);
      return [problem];
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server?.close();
  }

  // --- internal ---

  async #serve(endpoint: Endpoint | undefined, realServers: number): Promise<void> {
    const server = endpoint && (await this.#open(endpoint, realServers));
    await this.#server?.close();
    this.#endpoint = endpoint;
    this.#server = server;
    this.#process.page = endpoint && webUrl(endpoint);
  }

  /** Most daemons serve none, and start without its code, its page and the table of metrics. */
  async #open(endpoint: Endpoint, realServers: number): Promise<WebServer> {
    const { serveWeb } = await import("../control/web-server.ts");
    const { renderMetrics } = await import("../metrics/render-metrics.ts");
    const { processFigures } = await import("./process-figures.ts");
    const limit = descriptorLimit();
    const server = serveWeb(
      endpoint,
      {
        virtualServers: () => this.#caretaker.virtualServers,
        metrics: (statuses, format) => {
          this.#process.bus.catchUp();
          const cares = new Map(this.#caretaker.virtualServers.map((care) => [keyOf(care.named), care]));
          const virtualServers = statuses.flatMap((status) => {
            const metrics = cares.get(keyOf(status))?.metrics;
            return metrics === undefined ? [] : [{ metrics, status }];
          });
          const { configuration, facts, turns, now } = this.#process;
          return renderMetrics(
            {
              virtualServers,
              configuration: configuration?.(),
              process: processFigures(limit),
              version: facts.version,
              turns: turns.read(now()),
            },
            format,
          );
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
    this.#logger.info(`page, metrics and health are at ${webUrl(endpoint)}`);
    return server;
  }
}
