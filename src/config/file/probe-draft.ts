import { PLAIN_HEALTH_POLICY } from "../../domain/health-policy.ts";
import { isToken } from "../../domain/http-syntax.ts";
import { passesNever } from "../http-expectations.ts";
import type { HttpProbeOptions, ProbeOptions } from "../care-options.ts";
import { hasSeveralHosts, headerProblem, hostProblem, SEVERAL_HOSTS } from "../http-values.ts";
import { nearestName } from "../nearest-name.ts";
import { OptionValues } from "../option-values.ts";
import type { FileKind } from "../option-row.ts";
import { isUserName } from "../probe-kinds/exec.ts";
import { HTTP_KIND, twiceSent } from "../probe-kinds/http.ts";
import type { TlsSettings } from "../probe-kinds/tls-settings.ts";
import { fileKeysOf, PROBE_KINDS, PROBE_ROWS, type ProbeType } from "../probe-kinds/probe-kinds.ts";
import { resolveHealthPolicy } from "../resolve-health-policy.ts";
import { resolveProbe } from "../resolve-probe.ts";
import { PACE_KEYS, PROBE_KEYS, type KeyTable } from "./file-keys.ts";
import type { Finding, Findings } from "./finding.ts";
import { expected } from "./key-value.ts";
import { readName } from "./label.ts";
import { FILE_ROWS } from "./resolved-settings.ts";
import { within, type Place } from "./place.ts";
import { isMap, readMap, takeAll, tellRefused, type PlacedValue, type Settings, type YamlMap } from "./settings.ts";

type ProbeParts = Pick<HttpProbeOptions, "headers" | "acceptStatus" | "onlyStatus">;
type Header = readonly [name: string, value: string];

/** Looks for the files that checks need. */
export interface FileLook {
  /** Why a file, or a user, is not there, or is not what it has to be; undefined when all is well. */
  readonly problemOf: (path: string, kind?: FileKind, context?: string) => string | undefined;
  /** The same of a certificate's file and its key's beside each other, which are well by themselves. */
  readonly pairProblemOf: (
    certFile: string,
    keyFile: string,
  ) => { readonly of: "cert" | "key"; readonly problem: string } | undefined;
  /** What that is worth: on another host it may be there. */
  readonly severity: Finding["severity"];
}

/** What a file says of a probe, level upon level, before the defaults fill in. */
export class ProbeDraft {
  /** Those keys that are a flag's. */
  readonly settings: Settings = new Map();
  /** Of the last of those levels that say anything. */
  place: Place;
  /** Every key that says something, with a dot between levels, and where. */
  readonly #keys = new Map<string, Place>();
  #type: PlacedValue | undefined;
  #name: PlacedValue | undefined;
  #host: PlacedValue | undefined;
  #headers = new Map<string, PlacedValue>();
  #statuses: PlacedValue | undefined;
  /** Undefined until it was read. */
  #parts: ProbeParts | undefined;
  /** Whether the certificate that is shown was looked at beside its key. */
  #isPairKnown = false;

  constructor(place: Place) {
    this.place = place;
  }

  copy(): ProbeDraft {
    const copy = new ProbeDraft(this.place);
    for (const [flag, option] of this.settings) copy.settings.set(flag, option);
    for (const [key, place] of this.#keys) copy.#keys.set(key, place);
    copy.#type = this.#type;
    copy.#name = this.#name;
    copy.#host = this.#host;
    copy.#headers = new Map(this.#headers);
    copy.#statuses = this.#statuses;
    return copy;
  }

  /** What is asked; `http` where a file does not tell, which it has to. */
  get type(): ProbeType {
    return kindOf(this.#type?.value)?.type ?? HTTP_KIND.type;
  }

  /** Lays a map over what is there; one of another type begins anew. */
  take(map: YamlMap, place: Place, findings: Findings): void {
    this.place = place;
    this.#parts = undefined;
    this.#isPairKnown = false;
    const { type } = map;
    if (type !== undefined && this.#type !== undefined && type !== this.#type.value) this.#clear();
    for (const key of Object.keys(map)) if (key !== "type") this.#note(key, map[key], within(place, key));
    const take = (key: OtherKey, value: unknown, at: Place): void => {
      const placed = value === null ? undefined : { value, place: at };
      if (key === "type") this.#type = placed;
      else if (key === "name") this.#name = placed;
      else if (key === "host") this.#host = placed;
      else if (key === "headers") this.#takeHeaders(value, at, findings);
      else this.#takeGroup(key, value, at, findings);
    };
    takeAll(map, place, { names: OTHER_KEYS, take }, findings, { keys: OPTION_KEYS, settings: this.settings });
  }

  /** How it is called among others; undefined where it does not say. */
  label(findings: Findings): string | undefined {
    return readName(this.#name, findings);
  }

  /** Reads all that there is by itself: what is wrong with it is wrong whoever uses it. */
  examine(findings: Findings, files: FileLook | undefined): void {
    const values = new OptionValues<string>(FILE_ROWS, this.settings);
    const policy = resolveHealthPolicy(values);
    const probe = resolveProbe(values, this.settings.has("interval") ? policy : PLAIN_HEALTH_POLICY, this.type);
    tellRefused(values.refused, (flag) => this.settings.get(flag)?.place, this.place, findings);
    this.#complete(probe, findings, files);
  }

  /**
   * What the settings were resolved to, with the parts that no option's parser reads. What is wrong with those is told,
   * once for all who have this probe.
   */
  complete(probe: ProbeOptions, findings: Findings, files: FileLook | undefined): ProbeOptions {
    if (files !== undefined && "tls" in probe && probe.tls !== undefined) this.#lookForPair(probe.tls, files, findings);
    return this.#complete(probe, findings, files);
  }

  // --- internal ---

  #complete(probe: ProbeOptions, findings: Findings, files: FileLook | undefined): ProbeOptions {
    if (this.#parts === undefined && files !== undefined) this.#lookForFiles(files, findings);
    this.#parts ??= this.#read(findings);
    if (probe.type !== "http") return probe;
    const whole = { ...probe, ...this.#parts };
    for (const { flag, problem } of twiceSent(whole)) {
      const { place } = this.settings.get(flag) ?? {};
      if (place !== undefined) findings.error("conflict", place, problem);
    }
    const drainOn = this.settings.get("http-drain-on")?.place;
    if (drainOn !== undefined && passesNever(whole))
      findings.error("conflict", drainOn, "no status is left that passes: all that do say that the server shuts down");
    return whole;
  }

  #lookForFiles({ problemOf, severity }: FileLook, findings: Findings): void {
    for (const row of PROBE_ROWS) {
      const { texts: [path] = [], place = this.place } = this.settings.get(row.flag) ?? {};
      // Any other path is refused for not being absolute.
      // So is what is no name of a user.
      const isLookedFor =
        (row.fileKind === "user" && isUserName(path ?? "")) ||
        (row.takesFile === true && path?.startsWith("/") === true);
      if (!isLookedFor || path === undefined) continue;
      const problem = problemOf(path, row.fileKind);
      if (problem !== undefined) findings[severity]("file", place, `${path}: ${problem}`);
    }
  }

  /** Only where a check is made of it: what is laid over a certificate may be its key. */
  #lookForPair(
    { certFile, keyFile = certFile }: TlsSettings,
    { problemOf, pairProblemOf, severity }: FileLook,
    findings: Findings,
  ): void {
    if (this.#isPairKnown) return;
    this.#isPairKnown = true;
    if (certFile === undefined || keyFile === undefined) return;
    if (problemOf(certFile, "certificate") !== undefined) return;
    if (keyFile !== certFile && problemOf(keyFile, "key") !== undefined) return;
    const pair = pairProblemOf(certFile, keyFile);
    if (pair === undefined) return;
    const isKeyFile = pair.of === "key" && keyFile !== certFile;
    const place = this.settings.get(isKeyFile ? "health-key-file" : "health-cert-file")?.place ?? this.place;
    findings[severity]("file", place, `${isKeyFile ? keyFile : certFile}: ${pair.problem}`);
  }

  #clear(): void {
    this.settings.clear();
    this.#keys.clear();
    this.#headers.clear();
    this.#name = undefined;
    this.#host = undefined;
    this.#statuses = undefined;
  }

  #note(key: string, value: unknown, place: Place): void {
    const note = (path: string, one: unknown, at: Place): void => {
      if (one === null) this.#keys.delete(path);
      else this.#keys.set(path, at);
    };
    const group = PROBE_KEYS.get(key);
    if (group?.kind !== "group") return note(key, value, place);
    if (value === null) for (const below of group.keys.keys()) this.#keys.delete(`${key}.${below}`);
    else if (isMap(value))
      for (const below of Object.keys(value)) note(`${key}.${below}`, value[below], within(place, below));
  }

  #read(findings: Findings): ProbeParts {
    this.label(findings);
    const kind = kindOf(this.#type?.value);
    if (this.#type === undefined) {
      const hint = isOfServer(this.place) ? `${LEAST}: a real server's own probe begins anew` : LEAST;
      findings.error("missing", this.place, "needs a type", { at: "key", hint, lacks: ["type"] });
    } else if (kind === undefined) {
      const { value, place } = this.#type;
      const types = PROBE_KINDS.map(({ type }) => type).join(", ");
      if (typeof value === "string")
        findings.error("choice", place, `${value === "" ? '""' : value} is none of ${types}`, typeHint(value));
      else findings.error("type", place, expected(`one of ${types}`, value).problem);
    } else this.#refuseOthersKeys(kind, findings);
    return { headers: this.#readHeaders(findings), ...this.#readStatuses(findings) };
  }

  /** Keys that there are, but not in probes of this type. */
  #refuseOthersKeys(kind: (typeof PROBE_KINDS)[number], findings: Findings): void {
    const known = fileKeysOf(kind);
    for (const [key, place] of this.#keys) {
      const others = PROBE_KINDS.filter((other) => fileKeysOf(other).includes(key)).map(({ type }) => type);
      if (known.includes(key) || others.length === 0) continue;
      const hint = sameKey(key, known) ?? `type ${others.join(" or ")} has it`;
      findings.error("unknown", place, `type ${kind.type} has no key ${key}`, { at: "key", hint });
    }
  }

  #takeGroup(name: string, value: unknown, place: Place, findings: Findings): void {
    const group = PROBE_KEYS.get(name);
    if (group?.kind !== "group") return;
    const keys = new Map([...group.keys].filter(([, { type }]) => type !== "statuses"));
    const names = [...group.keys.keys()].filter((key) => !keys.has(key));
    if (value === null) {
      for (const { flag } of keys.values()) this.settings.delete(flag);
      if (names.length > 0) this.#statuses = undefined;
      return;
    }
    const map = readMap(value, place, findings);
    const take = (_: string, statuses: unknown, at: Place): void => {
      this.#statuses = statuses === null ? undefined : { value: statuses, place: at };
    };
    if (map !== undefined) takeAll(map, place, { names, take }, findings, { keys, settings: this.settings });
  }

  #takeHeaders(value: unknown, place: Place, findings: Findings): void {
    if (value === null) this.#headers.clear();
    const map = value === null ? {} : readMap(value, place, findings);
    for (const name of Object.keys(map ?? {})) {
      const placed = { value: map?.[name], place: within(place, name) };
      if (placed.value === null) this.#headers.delete(name);
      else this.#headers.set(name, placed);
    }
  }

  /** Values are not shown: they may be secrets. */
  #readHeaders(findings: Findings): readonly Header[] {
    const headers = [...this.#headers].flatMap(([name, placed]) => readHeader(name, placed, findings));
    const host = this.#host;
    if (host === undefined) {
      const place = [...this.#headers].findLast(([name]) => name.toLowerCase() === "host")?.[1].place;
      if (place !== undefined && hasSeveralHosts(headers)) findings.error("conflict", place, SEVERAL_HOSTS);
      return headers;
    }
    if (typeof host.value !== "string" || host.value === "") {
      findings.error("type", host.place, expected("a host's name", host.value).problem);
      return headers;
    }
    const problem = hostProblem(host.value);
    if (problem !== undefined) findings.error("type", host.place, problem);
    const all = [...readHeader("Host", host, findings), ...headers];
    if (hasSeveralHosts(all)) findings.error("conflict", host.place, SEVERAL_HOSTS);
    return all;
  }

  #readStatuses(findings: Findings): Pick<HttpProbeOptions, "acceptStatus" | "onlyStatus"> {
    const statuses = this.#statuses;
    if (statuses === undefined) return { acceptStatus: [] };
    const { value } = statuses;
    const isSingle = typeof value === "number" || typeof value === "string";
    if (!isSingle && (!Array.isArray(value) || value.length === 0)) {
      const problem = expected("a status code, a range such as 200-299, or a list of them", value).problem;
      findings.error("type", statuses.place, problem);
      return { acceptStatus: [] };
    }
    const ranges = Array.isArray(value)
      ? value.flatMap((one: unknown, index) =>
          readRange({ value: one, place: within(statuses.place, index) }, findings),
        )
      : readRange(statuses, findings);
    const usual = ranges.find(([from, to]) => from <= FIRST_STATUS && to >= LAST_GOOD_STATUS);
    if (usual === undefined) return { acceptStatus: [], onlyStatus: ranges };
    // The usual rule and more: as the flag has it.
    const more = ranges.filter((range) => range !== usual).concat([[LAST_GOOD_STATUS + 1, usual[1]]]);
    return { acceptStatus: [...new Set(more.flatMap(codesOf))] };
  }
}

// --- internal ---

function kindOf(type: unknown): (typeof PROBE_KINDS)[number] | undefined {
  return PROBE_KINDS.find((kind) => kind.type === type);
}

/** Of a probe, and of when it is made. */
const OPTION_KEYS: KeyTable = new Map([...PROBE_KEYS, ...PACE_KEYS]);

const OTHER_KEYS = ["type", "name", "host", "headers", "expect", "tls"] as const;
/** Where it stands in this kind of probe, if it is there at another level. */
function sameKey(key: string, known: readonly string[]): string | undefined {
  if (known.includes(`tls.${key}`)) return "write it under tls";
  const below = key.replace(/^tls\./, "");
  return below !== key && known.includes(below) ? `write ${below}, without tls` : undefined;
}

function typeHint(value: string): { readonly hint?: string } {
  if (value === "https") return { hint: "write type: http; its scheme is https unless it says otherwise" };
  const near = nearestName(
    value,
    PROBE_KINDS.map(({ type }) => type),
  );
  return near === undefined ? {} : { hint: `did you mean ${near}?` };
}

type OtherKey = (typeof OTHER_KEYS)[number];

const LEAST = "write type: http";

function isOfServer({ parent }: Place): boolean {
  return parent?.parent?.key === "real-servers";
}

const FIRST_STATUS = 100;
const LAST_GOOD_STATUS = 399;
const LAST_STATUS = 999;

function readHeader(name: string, { value, place }: PlacedValue, findings: Findings): Header[] {
  if (!isToken(name)) {
    findings.error("type", place, `${JSON.stringify(name.slice(0, 60))} is not a header name`, { at: "key" });
    return [];
  }
  const values: readonly unknown[] = Array.isArray(value) ? value : [value];
  return values.flatMap((one): Header[] => {
    const text = typeof one === "string" ? one.trim() : undefined;
    const problem =
      text === undefined ? `expected text, or a list of texts, as the value of ${name}` : headerProblem(name, text);
    if (problem === undefined) return [[name, text ?? ""]];
    const hint = text === undefined && !isMap(one) ? { hint: "write it in quotes" } : {};
    findings.error("type", place, problem, hint);
    return [];
  });
}

function readRange({ value, place }: PlacedValue, findings: Findings): (readonly [number, number])[] {
  const [, first, last = first] = /^(\d{3})(?:-(\d{3}))?$/.exec(String(value)) ?? [];
  if (first === undefined || last === undefined || (typeof value !== "string" && typeof value !== "number")) {
    findings.error("type", place, expected("a status code or a range such as 200-299", value).problem);
    return [];
  }
  if (Number(first) < FIRST_STATUS || Number(first) > Number(last)) {
    findings.error("range", place, `${value} is no range from ${FIRST_STATUS} to ${LAST_STATUS}`);
    return [];
  }
  return [[Number(first), Number(last)]];
}

function codesOf([from, to]: readonly [number, number]): number[] {
  return Array.from({ length: Math.max(0, to - from + 1) }, (_, index) => from + index);
}
