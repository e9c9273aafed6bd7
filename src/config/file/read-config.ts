import { formatEndpoint, type Endpoint } from "../../domain/endpoint.ts";
import { formatServiceKey } from "../../domain/virtual-server.ts";
import { CARE_OPTION_ROWS, type CareFlag } from "../care-option-rows.ts";
import type { CareConfig, VirtualServerOptions } from "../care-options.ts";
import type { GivenOptions } from "../option-row.ts";
import { OptionValues } from "../option-values.ts";
import { resolveBudget } from "../resolve-budget.ts";
import { resolveCacheDirectory, resolveHttpListen, resolveLog } from "../resolve-log.ts";
import { PROCESS_KEYS } from "./file-keys.ts";
import { Findings, type Finding } from "./finding.ts";
import { expected, shown } from "./key-value.ts";
import type { ParsedDocument } from "./parse-document.ts";
import { rootPlace, within, type Place } from "./place.ts";
import { ProbeDraft, type FileLook } from "./probe-draft.ts";
import { ResolvedSettings } from "./resolved-settings.ts";
import { isMap, readMap, takeAll, tellRefused, type Settings } from "./settings.ts";
import { VirtualServerDraft, type Identity, type Surroundings } from "./virtual-server-draft.ts";

/** What the files of a configuration say. */
export interface ConfigReading {
  /** Undefined when there is an error. */
  readonly config: CareConfig | undefined;
  /** The options of the process as the file has them, for flags to win over. */
  readonly processOptions: GivenOptions;
  readonly findings: readonly Finding[];
}

export interface Circumstances {
  /** This node's own address: the gateway of those virtual servers of its family that name none. */
  readonly nodeAddress?: Omit<Endpoint, "port">;
  /** For the files that checks need; absent: nobody looks. */
  readonly files?: FileLook;
  /** What was found before, such as files that are not there. */
  readonly found?: readonly Finding[];
}

/**
 * Reads a configuration: the file itself, then those that it includes. Everything that is wrong is found at once. Keys
 * that are given twice are not seen here (`ParsedDocument.mayHide`).
 */
export function readConfig(
  documents: readonly ParsedDocument[],
  { nodeAddress, files, found = [] }: Circumstances = {},
): ConfigReading {
  const findings = new Findings(found);
  const reader = new ConfigReader(findings, nodeAddress, files);
  for (const [index, document] of documents.entries()) reader.take(document, index);
  const config = reader.resolve();
  const hasErrors = findings.list.some(({ severity }) => severity === "error");
  return { config: hasErrors ? undefined : config, processOptions: reader.processOptions, findings: findings.list };
}

/** The files that a configuration asks for, as written; what is no text is told by `readConfig`. */
export function includesOf({ value }: ParsedDocument): { readonly pattern: string; readonly place: Place }[] {
  const list: unknown = isMap(value) ? value["include"] : undefined;
  if (!Array.isArray(list)) return [];
  const place = within(rootPlace(0), "include");
  return list.flatMap((pattern: unknown, index) =>
    typeof pattern === "string" && pattern !== "" ? [{ pattern, place: within(place, index) }] : [],
  );
}

// --- internal ---

/** The version of the format that this program reads. */
const VERSION = 1;

const MOST_VIRTUAL_SERVERS = 10_000;
const MOST_REAL_SERVERS = 100_000;

const NONE_INCLUDED = { hint: "the files of include have none, either" };

/** What included files may have, too. */
const SHARED_KEYS = ["probes", "virtual-servers"] as const;
const TOP_KEYS = ["version", "include", "defaults", ...SHARED_KEYS] as const;
type TopKey = (typeof TOP_KEYS)[number];

class ConfigReader {
  readonly processOptions: Settings = new Map();
  readonly #findings: Findings;
  readonly #nodeAddress: Omit<Endpoint, "port"> | undefined;
  readonly #files: FileLook | undefined;
  readonly #probes = new Map<string, ProbeDraft>();
  readonly #probePlaces = new Map<string, Place>();
  readonly #virtualServers: { readonly value: unknown; readonly place: Place }[] = [];
  readonly #defaults = new VirtualServerDraft();
  /** Of the first file: what it lacks and what it has too much are told of one place. */
  readonly #root = rootPlace(0);
  /** The first file could be read and is of a version that is known. */
  #isUnderstood = false;
  /** A list of virtual servers was there, or should have been but could not be read. */
  #hasList = false;
  /** The list of the first file, if it is empty. */
  #emptyList: Place | undefined;
  #includes = false;

  constructor(findings: Findings, nodeAddress: Omit<Endpoint, "port"> | undefined, files: FileLook | undefined) {
    this.#findings = findings;
    this.#files = files;
    this.#nodeAddress = nodeAddress;
  }

  take(document: ParsedDocument, index: number): void {
    const root = index === 0 ? this.#root : rootPlace(index);
    if (document.failure !== undefined) {
      this.#hasList = true;
      const { code, message } = document.failure;
      const kind = document.name.endsWith(".json") ? "JSON" : "YAML";
      this.#findings.error(code, root, code === "syntax" ? `this is no ${kind}: ${message}` : message);
      return;
    }
    if (document.value === null || document.value === undefined) {
      // What is commented out is parked. An empty file may be one that is being written.
      if (index > 0 && document.text.trim() !== "") return;
      return this.#findings.error("missing", root, "the file is empty");
    }
    const map = readMap(document.value, root, this.#findings);
    if (map === undefined) return;
    const take = (key: TopKey, value: unknown, place: Place): void => this.#takeTop(key, value, place);
    if (index > 0) return takeAll(map, root, { names: SHARED_KEYS, take }, this.#findings);
    if (!this.#isOfThisVersion(map["version"], root)) return;
    this.#isUnderstood = true;
    const process = { keys: PROCESS_KEYS, settings: this.processOptions };
    takeAll(map, root, { names: TOP_KEYS, take }, this.#findings, process);
  }

  resolve(): CareConfig | undefined {
    if (!this.#isUnderstood) return undefined;
    const root = this.#root;
    if (this.#virtualServers.length === 0 && !this.#hasList) {
      if (this.#emptyList !== undefined)
        this.#findings.error("missing", this.#emptyList, "needs at least one virtual server");
      else
        this.#findings.error("missing", root, "needs virtual-servers", {
          lacks: ["virtual-servers"],
          ...(this.#includes && NONE_INCLUDED),
        });
    }
    if (this.#isTooMuch(root)) return undefined;
    this.#examineProbes();
    const surroundings = {
      findings: this.#findings,
      probes: this.#probes,
      nodeAddress: this.#nodeAddress,
      resolved: new ResolvedSettings(),
      files: this.#files,
    };
    const virtualServers = this.#resolveVirtualServers(surroundings);
    const values = new OptionValues<CareFlag>(CARE_OPTION_ROWS, this.processOptions);
    const config = {
      log: resolveLog(values),
      httpListen: resolveHttpListen(values),
      budget: resolveBudget(values),
      cacheDirectory: resolveCacheDirectory(values),
      virtualServers,
    };
    tellRefused(values.refused, (flag) => this.processOptions.get(flag)?.place, root, this.#findings);
    this.#refuseOwnPage(config, root);
    return config;
  }

  // --- internal ---

  /** The page would take the clients of the virtual server, or the virtual server those of the page. */
  #refuseOwnPage({ httpListen, virtualServers }: Omit<CareConfig, "log" | "budget">, root: Place): void {
    if (httpListen === undefined) return;
    const page = formatEndpoint(httpListen);
    const key = formatServiceKey({ protocol: "tcp", endpoint: httpListen });
    const own = virtualServers.find(({ service }) => formatServiceKey(service) === key);
    if (own === undefined) return;
    const place = this.processOptions.get("http-listen")?.place ?? root;
    this.#findings.error("conflict", place, `${page} is the address of the virtual server ${own.name ?? page}`);
  }

  #takeTop(key: TopKey, value: unknown, place: Place): void {
    if (key === "include") this.#takeIncludes(value, place);
    else if (key === "defaults") this.#takeDefaults(value, place);
    else if (key === "probes") this.#takeProbes(value, place);
    else if (key === "virtual-servers") this.#takeVirtualServers(value, place);
  }

  /** A file of a later version is refused as such, and not half understood. */
  #isOfThisVersion(version: unknown, root: Place): boolean {
    const place = within(root, "version");
    if (version === VERSION) return true;
    if (version === undefined || version === null) {
      this.#findings.error("version", root, `needs version: ${VERSION}`, { lacks: ["version"] });
    } else if (typeof version === "number" && version > VERSION) {
      this.#findings.error(
        "version",
        place,
        `${version} is later than ${VERSION}, the version that this LVScare reads`,
      );
    } else {
      const isQuoted = typeof version === "string" && Number(version) === VERSION;
      const hint = isQuoted ? { hint: "write it without quotes" } : {};
      this.#findings.error("version", place, `expected ${VERSION}, got ${shown(version)}`, hint);
    }
    // The rest can still be understood where it is of no later one.
    return !(Number(version) > VERSION);
  }

  #takeIncludes(value: unknown, place: Place): void {
    if (value === null) return;
    this.#includes = true;
    if (!Array.isArray(value)) return this.#findings.error("type", place, expected("a list of files", value).problem);
    for (const [index, entry] of value.entries()) {
      if (typeof entry !== "string" || entry === "")
        this.#findings.error("type", within(place, index), expected("the path of a file", entry).problem);
    }
  }

  #takeDefaults(value: unknown, place: Place): void {
    const map = value === null ? undefined : readMap(value, place, this.#findings);
    if (map === undefined) return;
    this.#defaults.take(map, place, true, this.#findings);
    this.#defaults.examine(place, this.#findings);
  }

  #takeProbes(value: unknown, place: Place): void {
    const map = value === null ? undefined : readMap(value, place, this.#findings);
    for (const name of Object.keys(map ?? {})) {
      const at = within(place, name);
      const first = this.#probePlaces.get(name);
      if (first !== undefined) {
        this.#findings.error("same-name", at, `there is a probe ${name} already,`, { at: "key", other: first });
        continue;
      }
      this.#probePlaces.set(name, at);
      const draft = new ProbeDraft(at);
      const probe = readMap(map?.[name], at, this.#findings);
      if (probe !== undefined) draft.take(probe, at, this.#findings);
      // Known even when it is bad, so that who uses it is not told of as well.
      this.#probes.set(name, draft);
    }
  }

  #examineProbes(): void {
    for (const draft of this.#probes.values()) draft.examine(this.#findings, this.#files);
  }

  #takeVirtualServers(value: unknown, place: Place): void {
    if (value === null) return;
    if (!Array.isArray(value)) {
      this.#hasList = true;
      this.#findings.error("type", place, expected("a list of virtual servers", value).problem);
      return;
    }
    // Another file may have some.
    if (value.length === 0 && place.document === 0) this.#emptyList = place;
    for (const [index, entry] of value.entries())
      this.#virtualServers.push({ value: entry, place: within(place, index) });
  }

  #isTooMuch(root: Place): boolean {
    const count = this.#virtualServers.length;
    if (count > MOST_VIRTUAL_SERVERS) {
      this.#findings.error("limit", root, `${count} virtual servers are more than ${MOST_VIRTUAL_SERVERS}`);
      return true;
    }
    let realServers = 0;
    for (const { value } of this.#virtualServers) {
      const list: unknown = isMap(value) ? value["real-servers"] : undefined;
      if (Array.isArray(list)) realServers += list.length;
    }
    if (realServers <= MOST_REAL_SERVERS) return false;
    this.#findings.error("limit", root, `${realServers} real servers are more than ${MOST_REAL_SERVERS}`);
    return true;
  }

  #resolveVirtualServers(surroundings: Surroundings): VirtualServerOptions[] {
    const [addresses, names] = [new Map<string, Known>(), new Map<string, Place>()];
    const resolved: VirtualServerOptions[] = [];
    for (const { value, place } of this.#virtualServers) {
      const map = readMap(value, place, this.#findings);
      if (map === undefined) continue;
      const draft = new VirtualServerDraft(this.#defaults);
      draft.take(map, place, false, this.#findings);
      const identity = draft.identify(place, this.#findings);
      this.#refuseTwins(identity, addresses, names);
      const options = draft.resolve(place, identity, surroundings);
      if (options !== undefined) resolved.push(options);
    }
    return resolved;
  }

  #refuseTwins({ name, key: placed }: Identity, addresses: Map<string, Known>, names: Map<string, Place>): void {
    if (placed !== undefined) {
      const { value, place } = placed;
      const key = formatServiceKey(value);
      const known = addresses.get(key);
      if (known === undefined) addresses.set(key, { name: name?.value, place });
      else {
        const who = known.name === undefined ? "a virtual server" : `virtual server "${known.name}"`;
        this.#findings.error("same-vs", place, `${key} is already ${who}`, { other: known.place });
      }
    }
    if (name === undefined) return;
    const first = names.get(name.value);
    const message = `${name.value} is already the name of a virtual server`;
    if (first === undefined) names.set(name.value, name.place);
    else this.#findings.error("same-name", name.place, message, { other: first });
  }
}

interface Known {
  readonly name: string | undefined;
  readonly place: Place;
}
