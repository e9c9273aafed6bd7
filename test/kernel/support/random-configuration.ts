import { seededRandom } from "../../../src/simulation/seeded-random.ts";

/** A real server as a configuration file has it. */
export interface ListedServer {
  readonly address: string;
  readonly weight: number;
  readonly drained: boolean;
}

/** A virtual server as a configuration file has it. */
export interface ListedVirtualServer {
  readonly name: string;
  readonly address: string;
  readonly scheduler: string;
  /** Seconds. */
  readonly persistence: number | undefined;
  readonly mode: "none" | "route" | "link";
  readonly initState: "down" | "up";
  readonly interval: string;
  readonly path: string;
  readonly timeout: string;
  /** How long connections to what the file has no more are given. */
  readonly drainTimeout: string;
  readonly servers: readonly ListedServer[];
}

export type Listed = ReadonlyMap<string, ListedVirtualServer>;

/** The file that says so. */
export function configurationOf(all: Listed, process: Readonly<Record<string, string>> = {}): string {
  return JSON.stringify(
    {
      version: 1,
      ...process,
      // On a busy guest clients wait, which is no reason to write.
      defaults: { "check-way": false, suspicion: false },
      "virtual-servers": [...all.values()].map((one) => ({
        name: one.name,
        address: one.address,
        scheduler: one.scheduler,
        ...(one.persistence !== undefined && { persistence: { timeout: `${one.persistence}s` } }),
        mode: one.mode,
        "init-state": one.initState,
        interval: one.interval,
        "drain-timeout": one.drainTimeout,
        probe: { type: "http", scheme: "http", path: one.path, timeout: one.timeout },
        "real-servers": one.servers.map(({ drained, ...server }) => ({ ...server, ...(drained && { drained }) })),
      })),
    },
    null,
    2,
  );
}

/** What a random change may choose from. */
export interface Choices {
  /** Virtual servers that may be changed, added and removed, by their addresses. */
  readonly addresses: readonly string[];
  readonly realServers: readonly string[];
  /** About so many of those addresses are in the file. */
  readonly many: number;
}

/** Another configuration after each call, the same ones for the same seed. */
export class RandomConfiguration {
  readonly #choices: Choices;
  readonly #next: () => number;

  constructor(seed: number, choices: Choices) {
    this.#choices = choices;
    this.#next = seededRandom(seed);
  }

  first(): Listed {
    const { addresses, many } = this.#choices;
    return new Map(addresses.slice(0, many).map((address) => [address, this.#virtualServer(address)]));
  }

  /** With up to four changes. */
  after(all: Listed): Listed {
    let next = all;
    for (let left = 1 + this.#below(4); left > 0; left--) next = this.#changed(next);
    return next;
  }

  chance(share: number): boolean {
    return this.#next() < share;
  }

  pick<T>(from: readonly T[]): T {
    return from[this.#below(from.length)] as T;
  }

  // --- internal ---

  #changed(all: Listed): Listed {
    const absent = this.#choices.addresses.filter((address) => !all.has(address));
    if (absent.length > 0 && this.chance(all.size < this.#choices.many ? 0.25 : 0.05)) {
      const address = this.pick(absent);
      return new Map(all).set(address, this.#virtualServer(address));
    }
    const one = this.pick([...all.values()]);
    if (all.size > 2 && this.chance(0.12)) return new Map([...all].filter(([address]) => address !== one.address));
    return new Map(all).set(one.address, { ...one, ...this.#edit(one) });
  }

  #edit(one: ListedVirtualServer): Partial<ListedVirtualServer> {
    const edits: readonly (() => Partial<ListedVirtualServer>)[] = [
      () => this.#withServer(one),
      () => this.#withServer(one),
      () => this.#withoutServer(one),
      () => this.#withoutServer(one),
      () => ({ servers: this.#servers() }),
      () => this.#withEdited(one, ({ weight }) => ({ weight: weight + 1 })),
      () => this.#withEdited(one, ({ drained }) => ({ drained: !drained })),
      () => ({ scheduler: this.pick(SCHEDULERS) }),
      () => ({ persistence: this.pick([undefined, 60, 300]) }),
      () => ({ path: this.pick(["/", "/ready", "/live"]) }),
      () => ({ interval: this.pick(INTERVALS) }),
      () => ({ timeout: this.pick(TIMEOUTS) }),
      () => ({ mode: this.#mode() }),
      () => ({ name: `${one.name.split("-")[0]}-${this.#below(100)}` }),
    ];
    return this.pick(edits)();
  }

  #withServer(one: ListedVirtualServer): Partial<ListedVirtualServer> {
    const absent = this.#choices.realServers.filter(
      (address) => !one.servers.some((server) => server.address === address),
    );
    return absent.length === 0 ? {} : { servers: [...one.servers, this.#server(this.pick(absent))] };
  }

  #withoutServer(one: ListedVirtualServer): Partial<ListedVirtualServer> {
    const gone = this.pick(one.servers);
    return this.#withServers(one.servers.filter((server) => server !== gone));
  }

  #withEdited(
    one: ListedVirtualServer,
    edit: (server: ListedServer) => Partial<ListedServer>,
  ): Partial<ListedVirtualServer> {
    const meant = this.pick(one.servers);
    return this.#withServers(one.servers.map((server) => (server === meant ? { ...server, ...edit(server) } : server)));
  }

  /** Somebody is to serve. */
  #withServers(servers: readonly ListedServer[]): Partial<ListedVirtualServer> {
    return servers.some(({ drained }) => !drained) ? { servers } : {};
  }

  #virtualServer(address: string): ListedVirtualServer {
    return {
      name: `vs${this.#choices.addresses.indexOf(address)}`,
      address,
      scheduler: this.pick(SCHEDULERS),
      persistence: this.pick([undefined, undefined, 60]),
      mode: this.#mode(),
      initState: this.pick(["down", "up", "up"] as const),
      interval: this.pick(INTERVALS),
      path: "/",
      timeout: "20s",
      drainTimeout: this.#choices.addresses.indexOf(address) % 2 === 0 ? "500ms" : "1h",
      servers: this.#servers(),
    };
  }

  #servers(): readonly ListedServer[] {
    const left = [...this.#choices.realServers];
    return Array.from({ length: 2 + this.#below(3) }, () => {
      const [address = ""] = left.splice(this.#below(left.length), 1);
      return this.#server(address);
    });
  }

  #server(address: string): ListedServer {
    return { address, weight: this.pick([1, 1, 1, 5]), drained: false };
  }

  #mode(): ListedVirtualServer["mode"] {
    return this.pick(["none", "route", "link"] as const);
  }

  #below(limit: number): number {
    return Math.floor(this.#next() * limit);
  }
}

// --- internal ---

/** Not those that choose by a hash: of a client whose server has weight 0 they refuse the connection. */
const SCHEDULERS = ["rr", "wrr", "lc", "wlc", "sed", "nq"];
const INTERVALS = ["500ms", "600ms"];
/** Nobody fails here: a guest on a busy machine may stand still for longer than some seconds. */
const TIMEOUTS = ["20s", "30s"];
