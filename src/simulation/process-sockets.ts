import { formatEndpoint } from "../domain/endpoint.ts";
import type { Clock } from "../probe/clock.ts";
import type { NewConnection } from "../probe/connection/connection.ts";
import type { ProcessClock } from "./process-clock.ts";
import { ScriptedConnection } from "./scripted-connection.ts";
import type { ScriptedServer } from "./scripted-server.ts";

/** The connections of one simulated process, which end with it. */
export class ProcessSockets {
  readonly #servers: ReadonlyMap<string, ScriptedServer>;
  readonly #world: Clock;
  readonly #process: ProcessClock;
  readonly #open = new Set<ScriptedConnection>();

  constructor(servers: ReadonlyMap<string, ScriptedServer>, world: Clock, process: ProcessClock) {
    this.#servers = servers;
    this.#world = world;
    this.#process = process;
  }

  readonly newConnection: NewConnection = (target, listener) => {
    const server = this.#servers.get(formatEndpoint(target));
    if (server === undefined) throw new Error(`no script for ${formatEndpoint(target)}`);
    return new ScriptedConnection({ server, world: this.#world, process: this.#process, open: this.#open }, listener);
  };

  /** As the kernel does when the process is killed. */
  closeAll(): void {
    for (const connection of this.#open) connection.abort();
  }
}
