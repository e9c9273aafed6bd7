import { stateOf } from "../actors/real-server-machine.ts";
import type { VirtualServerActor } from "../actors/virtual-server-machine.ts";
import type { VirtualServerOptions } from "../config/care-options.ts";
import type { Discovery, DiscoveryUser } from "../discovery/discovery.ts";
import { formatEndpoint } from "../domain/endpoint.ts";
import type { CareEvent } from "../domain/events.ts";
import type { MemberReport } from "../domain/members.ts";
import { withName } from "../domain/name.ts";
import type { VirtualServerStatus } from "../domain/status.ts";
import { keyOf } from "../domain/virtual-server-name.ts";
import type { EventSource } from "../events/event-bus.ts";
import { VERSION } from "./version.ts";

export interface MemberFindingPorts {
  /** Undefined when it has ended. */
  readonly supervisor: () => VirtualServerActor | undefined;
  readonly status: () => Promise<VirtualServerStatus>;
  readonly events: Pick<EventSource, "emit">;
}

/** Who finds the members of a virtual server that is cared for, if anybody does, and what they are told of it. */
export class MemberFinding implements Disposable {
  readonly #ports: MemberFindingPorts;
  #written: VirtualServerOptions;
  #discovery: Discovery | undefined;
  /** It will be told that health changed. */
  #isTold = false;

  constructor(options: VirtualServerOptions, ports: MemberFindingPorts) {
    this.#written = options;
    this.#ports = ports;
  }

  /** As the configuration has it, without discovered members. */
  get written(): VirtualServerOptions {
    return this.#written;
  }

  /** Undefined where the configuration lists all members. */
  get discovery(): Discovery | undefined {
    return this.#discovery;
  }

  /** Has this one find them from now on, if any; who did so before does no more. */
  findBy(
    discovery: Discovery | undefined,
    written: VirtualServerOptions,
    user: Pick<DiscoveryUser, "changed" | "nodes">,
  ): void {
    if (discovery !== this.#discovery) this.#discovery?.[Symbol.dispose]();
    this.#discovery = discovery;
    this.#written = written;
    discovery?.serve(written, {
      ...user,
      passing: () => passing(this.#ports.supervisor()),
      standing: () => this.#standing(),
      emit: (event) => this.#ports.events.emit(event),
    });
  }

  /** Hears what happens to the virtual server, in the middle of a transition: it is told when the machines have come to rest. */
  hear({ type }: CareEvent): void {
    if (this.#isTold || this.#discovery === undefined || !HEALTH.has(type)) return;
    this.#isTold = true;
    setImmediate(() => {
      this.#isTold = false;
      this.#discovery?.healthChanged();
    });
  }

  /** Where each member comes from; `options`: as it is cared for now. */
  members({ realServers, realServerNames }: VirtualServerOptions): readonly MemberReport[] {
    const all = this.#discovery?.members() ?? realServers.map(listed);
    return all.map((member) => withName(member, realServerNames));
  }

  [Symbol.dispose](): void {
    this.#discovery?.[Symbol.dispose]();
  }

  // --- internal ---

  /** What its cluster is told of it. */
  async #standing(): ReturnType<DiscoveryUser["standing"]> {
    if (this.#ports.supervisor()?.getSnapshot().hasTag("adopting") !== false) return undefined;
    const status = await this.#ports.status();
    return { version: VERSION, virtualServer: keyOf(status), realServers: status.realServers };
  }
}

// --- internal ---

/** After these, others than before may be healthy. */
const HEALTH: ReadonlySet<CareEvent["type"]> = new Set(["realServer.healthChanged", "virtualServer.adopted"]);

/** Those real servers that are listed and healthy. */
function passing(supervisor: VirtualServerActor | undefined): ReadonlySet<string> {
  const members = supervisor?.getSnapshot().context.members ?? new Map<string, never>();
  const healthy = [...members].filter(([, { ref }]) => stateOf(ref.getSnapshot().context) === "healthy");
  return new Set(healthy.map(([name]) => name));
}

function listed({ endpoint, weight }: VirtualServerOptions["realServers"][number]): MemberReport {
  return { address: formatEndpoint(endpoint), source: "configuration", state: "listed", weight };
}
