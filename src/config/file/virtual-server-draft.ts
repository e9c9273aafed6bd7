import { formatEndpoint, isLoopback, parseAddress, parseEndpoint, type Endpoint } from "../../domain/endpoint.ts";
import { LvscareError } from "../../domain/errors.ts";
import {
  realServer,
  virtualServer,
  WEIGHTLESS_SCHEDULERS,
  type RealServer,
  type ServiceKey,
  type VirtualServer,
} from "../../domain/virtual-server.ts";
import type { VirtualServerOptions } from "../care-options.ts";
import { keyProblem } from "../option-values.ts";
import { gatewayProblem } from "../resolve-reach.ts";
import {
  FAMILY,
  pairingProblem,
  parseWeight,
  realAddressProblem,
  slowStartProblem,
  virtualAddressProblem,
} from "../resolve-servers.ts";
import { parseInteger, parseTimeout } from "../value-parsers.ts";
import { DiscoverDraft } from "./discover-draft.ts";
import { VIRTUAL_SERVER_KEYS } from "./file-keys.ts";
import type { Findings } from "./finding.ts";
import { expected, timeTexts } from "./key-value.ts";
import { readName } from "./label.ts";
import { within, type Place } from "./place.ts";
import { PROBE_CHOICE_KEYS, takeChoice, type ProbeChoice } from "./probe-choice.ts";
import { resolveChecks, resolveOwnChecks, weightsAsked, type ProbeSurroundings } from "./resolve-checks.ts";
import { ResolvedSettings } from "./resolved-settings.ts";
import {
  isMap,
  readMap,
  takeAll,
  tellRefused,
  tellUnknown,
  type PlacedValue,
  type Settings,
  type YamlMap,
} from "./settings.ts";

/** What all virtual servers of a configuration have to do with. */
export interface Surroundings extends ProbeSurroundings {
  /** This node's own address: the gateway of those of its family that name none. */
  readonly nodeAddress: Omit<Endpoint, "port"> | undefined;
}

/** What no two virtual servers have in common, each with its place. */
export interface Identity {
  readonly name: { readonly value: string; readonly place: Place } | undefined;
  readonly key: { readonly value: ServiceKey; readonly place: Place } | undefined;
}

/** What a file says of one virtual server, or of all in `defaults`. */
export class VirtualServerDraft {
  readonly #settings: Settings;
  #persistence: ReadonlyMap<string, PlacedValue>;
  #probe: ProbeChoice | undefined;
  #discover: DiscoverDraft | undefined;
  #name: PlacedValue | undefined;
  #address: PlacedValue | undefined;
  #realServers: PlacedValue | undefined;

  /** Begins with what `defaults` say. */
  constructor(defaults?: VirtualServerDraft) {
    this.#settings = new Map(defaults === undefined ? [] : defaults.#settings);
    this.#persistence = defaults === undefined ? new Map() : defaults.#persistence;
    this.#probe = defaults === undefined ? undefined : defaults.#probe;
    this.#discover = defaults === undefined ? undefined : defaults.#discover;
  }

  /** Lays a map over what is there; `isDefaults`: of the keys that each virtual server has of its own there are none. */
  take(map: YamlMap, place: Place, isDefaults: boolean, findings: Findings): void {
    const take = (key: OwnKey, value: unknown, at: Place): void => {
      const placed = value === null ? undefined : { value, place: at };
      if (key === "name") this.#name = placed;
      else if (key === "address") this.#address = placed;
      else if (key === "real-servers") this.#realServers = placed;
      else if (key === "persistence") this.#takePersistence(value, at, findings);
      else if (key === "discover") this.#takeDiscover(value, at, findings);
      // What remains is read below.
    };
    const names = isDefaults ? SHARED_KEYS : OWN_KEYS;
    takeAll(map, place, { names, take }, findings, { keys: VIRTUAL_SERVER_KEYS, settings: this.#settings });
    this.#probe = takeChoice(this.#probe, map, place, findings);
  }

  /** Reads the values alone: what is wrong with them is wrong whoever uses them. */
  examine(place: Place, findings: Findings): void {
    const refused = new ResolvedSettings().get(this.#settings).refused.filter(({ code }) => code !== "conflict");
    tellRefused(refused, (flag) => this.#settings.get(flag)?.place, place, findings);
  }

  /** What no other virtual server may have, too, as far as it can be read. What is wrong with it is told. */
  identify(place: Place, findings: Findings): Identity {
    const name = readName(this.#name, findings);
    if (this.#address === undefined)
      findings.error("identity", place, "needs an address", { at: "key", lacks: ["address"] });
    const endpoint = this.#address && readEndpoint(this.#address, findings);
    return {
      name: name === undefined ? undefined : { value: name, place: this.#name?.place ?? place },
      key: endpoint && { value: { protocol: "tcp", endpoint }, place: this.#address?.place ?? place },
    };
  }

  /** Undefined when something is wrong, all of which is told. */
  resolve(place: Place, identity: Identity, surroundings: Surroundings): VirtualServerOptions | undefined {
    const { findings, nodeAddress } = surroundings;
    const key = identity.key?.value;
    const { checks, resolved, placed } = resolveChecks(this.#probe, this.#settings, place, surroundings);
    const { refused: _, weight, scheduler, probe: __, ...shared } = resolved;
    const { policy, reach, dataPlane } = shared;
    const servers = this.#readRealServers(place, key?.endpoint, dataPlane, weight, findings);
    const problem = slowStartProblem(policy.slowStartMs, scheduler, servers.realServers);
    const slowStart = this.#settings.get("slow-start")?.place ?? place;
    if (problem === "weightless")
      findings.error("conflict", slowStart, `the scheduler ${scheduler} heeds no weights`, { hint: "use wrr or wlc" });
    if (problem === "no-room")
      findings.error("conflict", slowStart, "a weight of 1 leaves nothing to climb", {
        hint: "give weight 10 or more",
      });
    if (problem === undefined && WEIGHTLESS_SCHEDULERS.has(scheduler)) {
      this.#warnOfWeights(scheduler, weight, servers, findings);
      for (const choice of [this.#probe, ...servers.choices.map((one) => one.choice)])
        for (const asked of weightsAsked(choice, surroundings.probes))
          findings.warning(
            "weightless",
            asked,
            `${scheduler} heeds no weights: all that a program asks for but 0 act as 1`,
            {
              hint: `${HEEDING.get(scheduler)} would heed them`,
            },
          );
    }

    const own = new Map(
      servers.choices.flatMap(({ server, choice }) => {
        const one = resolveOwnChecks(choice, this.#settings, policy, surroundings);
        return one === undefined ? [] : [[server, one] as const];
      }),
    );
    if (key === undefined || checks === undefined) return undefined;
    const { endpoint } = key;
    this.#judgeAddress(endpoint, dataPlane, servers.realServers, findings);
    const gateway = reach.mode === "route" && reach.gateway !== undefined && gatewayProblem(reach.gateway, endpoint);
    if (typeof gateway === "string") findings.error("conflict", placed("ip") ?? place, gateway);
    const service = this.#readPersistence(virtualServer(key, scheduler), findings);
    if (service.persistenceTimeoutS > 0 && dataPlane === "userspace") {
      const at = this.#persistence.get("timeout")?.place ?? place;
      const hint = "the scheduler sh keeps a client at its server, too";
      findings.error("plane", at, "data-plane userspace has no persistence", { hint });
    }
    const { realServers, realServerNames, drained } = servers;
    const discover = this.#discover?.resolve(weight, findings, surroundings.files);
    return {
      name: identity.name?.value,
      service,
      realServers,
      realServerNames,
      drained,
      ...shared,
      ...(discover && { discover }),
      reach:
        nodeAddress?.family === endpoint.family ? { ...reach, gateway: reach.gateway ?? nodeAddress.address } : reach,
      probe: checks,
      ...(own.size > 0 && { realServerProbes: own }),
    };
  }

  // --- internal ---

  #takePersistence(value: unknown, place: Place, findings: Findings): void {
    const map = value === null ? {} : readMap(value, place, findings, asTimeout(value));
    if (map === undefined) return;
    const persistence = new Map(value === null ? [] : this.#persistence);
    const take = (key: string, one: unknown, at: Place): void => {
      if (one === null) persistence.delete(key);
      else persistence.set(key, { value: one, place: at });
    };
    takeAll(map, place, { names: PERSISTENCE_KEYS, take }, findings);
    this.#persistence = persistence;
  }

  #takeDiscover(value: unknown, place: Place, findings: Findings): void {
    const map = value === null ? undefined : readMap(value, place, findings);
    if (value === null) this.#discover = undefined;
    if (map === undefined) return;
    const draft = this.#discover?.copy() ?? new DiscoverDraft(place);
    draft.take(map, place, findings);
    this.#discover = draft;
  }

  #judgeAddress(
    endpoint: Endpoint,
    dataPlane: VirtualServerOptions["dataPlane"],
    realServers: readonly RealServer[],
    findings: Findings,
  ): void {
    const place = this.#address?.place;
    if (place === undefined) return;
    const problem = virtualAddressProblem(endpoint, dataPlane);
    if (problem !== undefined) findings.error("type", place, `${formatEndpoint(endpoint)} ${problem}`);
    const isElsewhere = realServers.some(({ endpoint: { address } }) => !isLoopback(address));
    if (dataPlane === "ipvs" && isLoopback(endpoint.address) && isElsewhere) {
      // Real servers may still be this host's own: only a host can tell.
      const message = `${endpoint.address} as virtual address works in data-plane userspace alone, but for real servers of this host`;
      findings.warning("loopback", place, message);
    }
  }

  #readPersistence(service: VirtualServer, findings: Findings): VirtualServer {
    const { family } = service.endpoint;
    const timeout = this.#persistence.get("timeout");
    const prefix = this.#persistence.get(family === "ipv4" ? "prefix" : "prefix-ipv6");
    const [any] = this.#persistence.values();
    if (timeout === undefined) {
      if (any?.place.parent !== undefined)
        findings.error("missing", any.place.parent, "needs a timeout", { at: "key", lacks: ["timeout"] });
      return service;
    }
    for (const [key, most] of PREFIXES) readPrefix(this.#persistence.get(key), most, findings);
    const most = family === "ipv4" ? 32 : 128;
    return {
      ...service,
      flags: ["persistent"],
      persistenceTimeoutS: readPersistenceTimeout(timeout, findings) ?? 0,
      persistencePrefix: readPrefix(prefix, most, undefined) ?? most,
    };
  }

  #readRealServers(
    place: Place,
    service: Endpoint | undefined,
    dataPlane: VirtualServerOptions["dataPlane"],
    weight: number,
    findings: Findings,
  ): RealServers {
    const list = this.#realServers;
    const found = new RealServerList(service, dataPlane, weight, findings);
    if (list === undefined) {
      if (this.#discover === undefined)
        findings.error("missing", place, "needs real-servers", {
          at: "key",
          hint: "or discover",
          lacks: ["real-servers", "discover"],
        });
    } else if (!Array.isArray(list.value)) {
      findings.error("type", list.place, expected("a list of real servers", list.value).problem, asList(list.value));
    } else if (list.value.length === 0) findings.error("missing", list.place, "needs at least one real server");
    else for (const [index, entry] of list.value.entries()) found.read(entry, within(list.place, index));
    return found;
  }

  #warnOfWeights(
    scheduler: string,
    weight: number,
    { realServers, ownWeights }: RealServers,
    findings: Findings,
  ): void {
    const warn = (heavy: number, place: Place): void => {
      const hint = `${HEEDING.get(scheduler)} would heed them`;
      if (heavy > 1)
        findings.warning("weightless", place, `${scheduler} heeds no weights: ${heavy} acts as 1`, { hint });
    };
    for (const [own, place] of ownWeights) warn(own, place);
    const shared = this.#settings.get("weight");
    if (shared !== undefined && ownWeights.length < realServers.length) warn(weight, shared.place);
  }
}

// --- internal ---

const SHARED_KEYS = ["persistence", "discover", ...PROBE_CHOICE_KEYS] as const;
const OWN_KEYS = ["name", "address", "real-servers", ...SHARED_KEYS] as const;
type OwnKey = (typeof OWN_KEYS)[number];

const PERSISTENCE_KEYS = ["timeout", "prefix", "prefix-ipv6"] as const;
const REAL_SERVER_KEYS: readonly string[] = ["address", "name", "weight", "drained", ...PROBE_CHOICE_KEYS];

const PREFIXES = [
  ["prefix", 32],
  ["prefix-ipv6", 128],
] as const;

/** Who balances as one that heeds no weights does, but heeds them. */
const HEEDING: ReadonlyMap<string, string> = new Map([
  ["rr", "wrr"],
  ["lc", "wlc"],
  ["dh", "sh"],
]);

interface RealServers {
  readonly realServers: readonly RealServer[];
  readonly realServerNames: ReadonlyMap<string, string>;
  readonly drained: ReadonlySet<string>;
  /** Weights that real servers have of their own. */
  readonly ownWeights: readonly (readonly [weight: number, place: Place])[];
  /** How those are checked that are checked otherwise. */
  readonly choices: readonly OwnChoice[];
}

interface OwnChoice {
  /** Its formatted endpoint. */
  readonly server: string;
  readonly choice: ProbeChoice;
}

class RealServerList implements RealServers {
  readonly realServers: RealServer[] = [];
  readonly realServerNames = new Map<string, string>();
  readonly drained = new Set<string>();
  readonly ownWeights: (readonly [number, Place])[] = [];
  readonly choices: OwnChoice[] = [];
  readonly #places = new Map<string, Place>();
  readonly #namePlaces = new Map<string, Place>();
  readonly #service: Endpoint | undefined;
  readonly #dataPlane: VirtualServerOptions["dataPlane"];
  readonly #weight: number;
  readonly #findings: Findings;

  constructor(
    service: Endpoint | undefined,
    dataPlane: VirtualServerOptions["dataPlane"],
    weight: number,
    findings: Findings,
  ) {
    this.#service = service;
    this.#dataPlane = dataPlane;
    this.#weight = weight;
    this.#findings = findings;
  }

  read(entry: unknown, place: Place): void {
    if (typeof entry === "string") {
      const endpoint = this.#readEndpoint({ value: entry, place });
      if (endpoint !== undefined) this.realServers.push(realServer(endpoint, this.#weight));
      return;
    }
    if (!isMap(entry)) {
      const hint = Array.isArray(entry) ? { hint: BRACKET } : {};
      this.#findings.error("type", place, expected("IP:port, or keys such as address", entry).problem, hint);
      return;
    }
    const parted = partedEndpoint(entry);
    // Without the ways that other keys are read by: there may be a hundred thousand.
    for (const key of Object.keys(entry)) {
      if (!REAL_SERVER_KEYS.includes(key) && parted?.keys.includes(key) !== true)
        tellUnknown(key, place, REAL_SERVER_KEYS, this.#findings);
    }
    if (parted !== undefined) {
      const [key] = parted.keys;
      const hint = `did you mean address: ${quoted(parted.endpoint)}?`;
      this.#findings.error("unknown", within(place, key), `unknown key ${key}`, { at: "key", hint });
    }
    const address = parted === undefined ? partOf(entry, "address", place) : undefined;
    if (address === undefined && parted === undefined)
      this.#findings.error("missing", place, "needs an address", { at: "key", lacks: ["address"] });
    const endpoint = address && this.#readEndpoint(address);
    const ownWeight = this.#readWeight(entry, partOf(entry, "weight", place));
    const isDrained = this.#readDrained(partOf(entry, "drained", place));
    const label = this.#readName(partOf(entry, "name", place));
    const choice = takeChoice(undefined, entry, place, this.#findings);
    if (endpoint === undefined) return;
    if (choice !== undefined) this.choices.push({ server: formatEndpoint(endpoint), choice });
    this.realServers.push(realServer(endpoint, ownWeight));
    if (label !== undefined) this.realServerNames.set(formatEndpoint(endpoint), label);
    if (isDrained) this.drained.add(formatEndpoint(endpoint));
  }

  #readEndpoint(placed: PlacedValue): Endpoint | undefined {
    const { place } = placed;
    const endpoint = readEndpoint(placed, this.#findings, weighed(placed.value));
    if (endpoint === undefined) return undefined;
    const name = formatEndpoint(endpoint);
    const first = this.#places.get(name);
    if (first !== undefined) {
      this.#findings.error("same-rs", place, `${name} is listed twice, first`, { other: first });
      return undefined;
    }
    this.#places.set(name, place);
    const problem = realAddressProblem(endpoint);
    if (problem !== undefined) this.#findings.error("type", place, `${name} ${problem}`);
    else if (this.#service !== undefined) this.#judgePairing(name, endpoint, this.#service, place);
    return endpoint;
  }

  #judgePairing(name: string, server: Endpoint, service: Endpoint, place: Place): void {
    const problem = pairingProblem(server, service, this.#dataPlane);
    if (problem === "self")
      this.#findings.error("self", place, `${name} is its own virtual server: packets would go round`);
    if (problem === "family") {
      const [here, there] = [FAMILY[service.family], FAMILY[server.family]];
      const message = `an ${here} virtual server reaches ${there} real servers only in data-plane userspace`;
      this.#findings.error("family", place, message);
    }
  }

  #readWeight({ weight: written }: YamlMap, weight: PlacedValue | undefined): number {
    // The built-in one, and not that of the virtual server.
    if (weight === undefined) return written === null ? 1 : this.#weight;
    const read = readWhole(weight, parseWeight, this.#findings);
    if (read !== undefined) this.ownWeights.push([read, weight.place]);
    return read ?? 1;
  }

  #readDrained(drained: PlacedValue | undefined): boolean {
    if (drained === undefined) return false;
    if (typeof drained.value === "boolean") return drained.value;
    this.#findings.error("type", drained.place, expected("true or false", drained.value).problem);
    return false;
  }

  #readName(placed: PlacedValue | undefined): string | undefined {
    const name = readName(placed, this.#findings);
    if (name === undefined || placed === undefined) return undefined;
    const first = this.#namePlaces.get(name);
    if (first === undefined) this.#namePlaces.set(name, placed.place);
    else
      this.#findings.error("same-name", placed.place, `${name} is already the name of a real server`, { other: first });
    return name;
  }
}

/** Undefined when it is absent or `null`. */
function partOf(map: YamlMap, key: string, place: Place): PlacedValue | undefined {
  const value = map[key];
  return value === undefined || value === null ? undefined : { value, place: within(place, key) };
}

/** `meant`: what to write instead, if that is known better than by who reads it. */
function readEndpoint({ value, place }: PlacedValue, findings: Findings, meant?: string): Endpoint | undefined {
  if (typeof value !== "string") {
    const hint = Array.isArray(value) || isMap(value) ? { hint: BRACKET } : {};
    findings.error("type", place, expected("IP:port", value).problem, hint);
    return undefined;
  }
  return attempt(() => parseEndpoint(value), place, findings, meant);
}

/** Of a real server whose port has a key of its own: that key, or that of its address where it is not `address`. */
function partedEndpoint(
  entry: YamlMap,
): { readonly keys: readonly [string, ...string[]]; readonly endpoint: Endpoint } | undefined {
  const { port } = entry;
  if (typeof port !== "number" && typeof port !== "string") return undefined;
  for (const key of ["address", ...OTHERS_ADDRESS]) {
    const address = entry[key];
    const parsed = typeof address === "string" ? parseAddress(address) : undefined;
    const endpoint = parsed && tryEndpoint(formatEndpoint({ ...parsed, port: Number(port) }));
    if (endpoint !== undefined) return { keys: key === "address" ? ["port"] : [key, "port"], endpoint };
  }
  return undefined;
}

/** Other programs' words for a real server's address. */
const OTHERS_ADDRESS = ["ip", "host", "server"];

/** `10.0.0.2:80:3`, whose last part is meant for its weight. */
function weighed(value: unknown): string | undefined {
  const [, text = "", weight] = typeof value === "string" ? (/^([\d.]+:\d+):(\d+)$/.exec(value) ?? []) : [];
  const endpoint = weight === undefined ? undefined : tryEndpoint(text);
  return endpoint && `its weight has a key: {address: ${text}, weight: ${weight}}`;
}

/** Real servers that are a text, as the list that they have to be. */
function asList(value: unknown): { readonly hint?: string } {
  if (typeof value !== "string") return {};
  const endpoints = value.split(/[\s,]+/).map(tryEndpoint);
  const known = endpoints.filter((one) => one !== undefined);
  return known.length < endpoints.length ? {} : { hint: `write [${known.map(quoted).join(", ")}]` };
}

/** A time that was given as the whole of persistence. */
function asTimeout(value: unknown): string | undefined {
  const isTime = typeof value === "number" || (typeof value === "string" && /^\d/.test(value));
  return isTime && "texts" in timeTexts(value) ? `write {timeout: ${value}}` : undefined;
}

/** As it stands in YAML. */
function quoted(endpoint: Endpoint): string {
  const text = formatEndpoint(endpoint);
  return endpoint.family === "ipv6" ? JSON.stringify(text) : text;
}

function tryEndpoint(text: string): Endpoint | undefined {
  try {
    return parseEndpoint(text);
  } catch (error) {
    if (!(error instanceof LvscareError)) throw error;
    return undefined;
  }
}

/** Of an IPv6 address without quotes. */
const BRACKET = "write an IPv6 address in quotes: a bracket begins a list";

function readWhole(
  { value, place }: PlacedValue,
  parse: (text: string) => number,
  findings: Findings | undefined,
): number | undefined {
  if (Number.isInteger(value)) return attempt(() => parse(String(value)), place, findings);
  findings?.error("type", place, expected("a whole number", value).problem);
  return undefined;
}

function readPrefix(placed: PlacedValue | undefined, most: number, findings: Findings | undefined): number | undefined {
  return placed && readWhole(placed, parseInteger(1, most), findings);
}

function readPersistenceTimeout({ value, place }: PlacedValue, findings: Findings): number | undefined {
  const reading = timeTexts(value);
  if ("problem" in reading) {
    findings.error("type", place, reading.problem);
    return undefined;
  }
  const [text = ""] = reading.texts;
  const ms = attempt(() => parseTimeout(text), place, findings);
  if (ms === undefined || ms % 1000 === 0) return ms === undefined ? undefined : ms / 1000;
  findings.error("range", place, `${text} is not whole seconds, which is all that the kernel counts`);
  return undefined;
}

/** What a flag's parser reads; what it refuses is told. */
function attempt<T>(parse: () => T, place: Place, findings: Findings | undefined, meant?: string): T | undefined {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof LvscareError)) throw error;
    const { code, message, hint: usual } = keyProblem(error);
    const hint = meant ?? usual;
    findings?.error(code, place, message, hint === undefined ? {} : { hint });
    return undefined;
  }
}
