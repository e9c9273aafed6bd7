import { readFileSync } from "node:fs";
import { hostPrefix, type Endpoint, type Family } from "../domain/endpoint.ts";
import { errnoOf } from "../domain/errors.ts";
import type { NetlinkConnection } from "../netlink/connection.ts";
import type { LinkAddress } from "../netlink/route/addresses.ts";
import {
  decodeRoute,
  getRoutes,
  lookUpRoute,
  RT_TABLE_MAIN,
  RTN_LOCAL,
  RTN_UNICAST,
  type Route,
} from "../netlink/route/routes.ts";
import { connected, openHostNetwork, readAddresses, readTable } from "./host-network.ts";

/**
 * What reach sees of this host. A thousand virtual servers look at the same tables and settings: what was read for one
 * of them serves the others for a second, unless a change is heard of before that.
 */
export class HostView {
  readonly #now: (() => number) | undefined;
  #readings = new Readings(Number.NEGATIVE_INFINITY);
  /** They were not too old in this turn of the event loop: a look at a clock costs as much as one at what was read. */
  #isPresent = false;

  /** Without a clock nothing is believed for longer than one look. */
  constructor(now?: () => number) {
    this.#now = now;
  }

  /** Looks at it, or changes it: over one connection. */
  use<T>(action: (host: SeenHost) => T): T {
    return connected(openHostNetwork, (connection) => action(new SeenHost(connection, this.#present())));
  }

  /** The text of a file below /proc/sys, without its end of line; undefined where there is none. Throws what node does. */
  setting(path: string): string | undefined {
    return this.#present().setting(path);
  }

  /** This text was written there. */
  wroteSetting(path: string, text: string): void {
    this.#present().wroteSetting(path, text);
  }

  /** Something changed: what was read before is no longer believed. */
  forget(): void {
    this.#isPresent = false;
    this.#readings = new Readings(Number.NEGATIVE_INFINITY);
  }

  // --- internal ---

  #present(): Readings {
    if (this.#now === undefined) return new Readings(Number.NEGATIVE_INFINITY);
    if (this.#isPresent) return this.#readings;
    const nowMs = this.#now();
    if (nowMs - this.#readings.sinceMs > KEPT_MS) this.#readings = new Readings(nowMs);
    this.#isPresent = true;
    setImmediate(() => void (this.#isPresent = false));
    return this.#readings;
  }
}

/** This host as it was read, or is read now. */
export class SeenHost {
  readonly connection: NetlinkConnection;
  readonly #readings: Readings;

  constructor(connection: NetlinkConnection, readings: Readings) {
    this.connection = connection;
    this.#readings = readings;
  }

  addresses(): readonly LinkAddress[] {
    return (this.#readings.addresses ??= readAddresses(this.connection));
  }

  /** Those of the main table that lead to this address alone. */
  routesTo({ family, address }: Omit<Endpoint, "port">): readonly Route[] {
    return this.#routes(family).get(address) ?? [];
  }

  /** The address from which the kernel speaks to this server; undefined where it has no way there, or one that leads nowhere. */
  sourceTowards(server: Endpoint): string | undefined {
    const { sources } = this.#readings;
    if (!sources.has(server.address)) sources.set(server.address, readSource(this.connection, server));
    return sources.get(server.address);
  }

  /** A route was made, in the place of one with this destination and metric. */
  made(route: Route): void {
    const others = this.routesTo(hostOf(route)).filter(({ metric }) => metric !== route.metric);
    this.#routes(route.family).set(route.destination, [...others, route]);
  }

  deleted(route: Route): void {
    const others = this.routesTo(hostOf(route)).filter((other) => other !== route);
    this.#routes(route.family).set(route.destination, others);
  }

  // --- internal ---

  #routes(family: Family): Map<string, readonly Route[]> {
    const known = this.#readings.routes.get(family);
    if (known !== undefined) return known;
    const all = readTable(this.connection, getRoutes(family), decodeRoute, "read this host's routes");
    const ofHosts = all.filter(({ table, prefix }) => table === RT_TABLE_MAIN && prefix === hostPrefix(family));
    const routes: Map<string, readonly Route[]> = Map.groupBy(ofHosts, ({ destination }) => destination);
    this.#readings.routes.set(family, routes);
    return routes;
  }
}

// --- internal ---

/** How long what was read is believed: much less than an interval, by which changes are noticed that nobody tells of. */
const KEPT_MS = 1000;

class Readings {
  readonly sinceMs: number;
  addresses: readonly LinkAddress[] | undefined;
  readonly routes = new Map<Family, Map<string, readonly Route[]>>();
  readonly sources = new Map<string, string | undefined>();
  readonly #settings = new Map<string, string | undefined>();

  constructor(sinceMs: number) {
    this.sinceMs = sinceMs;
  }

  setting(path: string): string | undefined {
    if (!this.#settings.has(path)) this.#settings.set(path, readSetting(path));
    return this.#settings.get(path);
  }

  wroteSetting(path: string, text: string): void {
    this.#settings.set(path, text);
  }
}

// Not with promises: these files are the kernel's memory, and the runtime's file promises take a millisecond of every
// start to load.
function readSetting(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8").trim();
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") throw error;
    return undefined;
  }
}

function hostOf({ family, destination }: Route): Omit<Endpoint, "port"> {
  return { family, address: destination };
}

function readSource(connection: NetlinkConnection, server: Endpoint): string | undefined {
  const { replies, refusal } = connection.request(lookUpRoute(server), decodeRoute);
  const [route] = replies;
  if (refusal !== undefined || route === undefined) return undefined;
  return route.type === RTN_UNICAST || route.type === RTN_LOCAL ? route.source : undefined;
}
