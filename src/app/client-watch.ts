import type { DaemonActor } from "../actors/daemon-machine.ts";
import type { WayActor } from "../actors/way-machine.ts";
import type { VirtualServerOptions } from "../config/care-options.ts";
import type { DataPlane } from "../dataplane/data-plane.ts";
import type { VirtualServerStatus } from "../domain/status.ts";
import type { EventSource } from "../events/event-bus.ts";
import type { CareProcess } from "./care-process.ts";
import { watchTraffic } from "./traffic.ts";
import { watchWay } from "./way.ts";

export interface ClientWatchPorts {
  readonly process: CareProcess;
  readonly daemon: DaemonActor;
  readonly dataPlane: DataPlane;
  readonly status: () => Promise<VirtualServerStatus>;
  readonly events: Pick<EventSource, "emit">;
}

type WatchOptions = Pick<VirtualServerOptions, "service" | "checkWay" | "suspicion">;

/** Watches whether clients get through to a virtual server, and whether they get answers, as its options say. */
export class ClientWatch {
  readonly #ports: ClientWatchPorts;
  #way: WayActor | undefined;
  #endTraffic: () => void = () => undefined;

  constructor(ports: ClientWatchPorts) {
    this.#ports = ports;
  }

  /** Who tries the way through the virtual address; undefined where nobody does. */
  get way(): WayActor | undefined {
    return this.#way;
  }

  /** Begins what these options want, and ends what those before them wanted; nothing was wanted before the first. */
  follow(options: WatchOptions, before?: WatchOptions): void {
    if (before?.checkWay !== options.checkWay) this.#followWay(options);
    if (before?.suspicion !== options.suspicion) this.#followTraffic(options);
  }

  /** When the daemon has ended, which also ends the tries. */
  close(): void {
    this.#endTraffic();
  }

  // --- internal ---

  #followWay({ checkWay, service }: WatchOptions): void {
    this.#way?.stop();
    this.#way = undefined;
    if (!checkWay || service.protocol !== "tcp") return;
    const { process, daemon, status, events } = this.#ports;
    this.#way = watchWay(process.wayMachine, daemon, service, status, process.now);
    this.#way.on("*", (event) => events.emit(event));
  }

  #followTraffic({ suspicion, service }: WatchOptions): void {
    this.#endTraffic();
    const { process, daemon, dataPlane } = this.#ports;
    const { virtualServer } = daemon.getSnapshot().children;
    if (!suspicion || virtualServer === undefined) return;
    this.#endTraffic = watchTraffic(process, dataPlane, service, virtualServer);
  }
}
