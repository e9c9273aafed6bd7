import { constants, type Stats } from "node:fs";
import { open, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import type { CareConfig } from "../config/care-options.ts";
import { ConfigError, type ConfigSources } from "../config/file/config-error.ts";
import { formatProblem, type ConfigProblem, type Finding } from "../config/file/finding.ts";
import { locate } from "../config/file/locate.ts";
import { MOST_BYTES, parseDocument, type ParsedDocument } from "../config/file/parse-document.ts";
import type { Place } from "../config/file/place.ts";
import { includesOf, readConfig, type Circumstances } from "../config/file/read-config.ts";
import type { GivenOptions } from "../config/option-row.ts";
import { withProcessOptions, type ConfigCall } from "../config/resolve-config-call.ts";
import { FILES_HERE, readingProblem } from "./file-problem.ts";
import type { Locate } from "./locate-aside.ts";
import { factsOf, namesIn } from "./file-watch.ts";

/** A configuration that can be used. */
export interface LoadedConfig extends ConfigSources {
  readonly config: CareConfig;
  /** The options of the process as the file has them, for flags to win over. */
  readonly processOptions: GivenOptions;
  readonly warnings: readonly ConfigProblem[];
}

/** What there is to say of a configuration. */
export interface ExaminedConfig extends Omit<LoadedConfig, "config" | "warnings"> {
  /** Undefined when there is an error. */
  readonly config: CareConfig | undefined;
  readonly problems: readonly ConfigProblem[];
}

/**
 * Reads a configuration and all that it includes. Throws one `ConfigError` with everything that is wrong.
 */
export async function loadConfig(
  path: string,
  circumstances: Circumstances = {},
  locateBy: Locate = locate,
  naming: Naming = "as-written",
): Promise<LoadedConfig> {
  const { config, problems, ...rest } = await examineConfig(path, circumstances, locateBy, naming);
  if (config === undefined) throw new ConfigError(problems, rest);
  return { config, warnings: problems, ...rest };
}

/** What `lvscare care --config` is to do, and what to say about it first. */
export async function loadConfigFor(
  { path, given, ignored, nodeAddress }: ConfigCall,
  locateBy: Locate = locate,
  naming: Naming = "as-written",
): Promise<LoadedConfig & { readonly remarks: readonly string[] }> {
  const circumstances = { files: FILES_HERE, ...(nodeAddress !== undefined && { nodeAddress }) };
  const loaded = await loadConfig(path, circumstances, locateBy, naming);
  const config = { ...loaded.config, ...withProcessOptions(given, loaded.processOptions) };
  const remarks = loaded.warnings.map(formatProblem);
  if (ignored.length > 0) {
    const which = ignored.length === 1 ? "is" : "are";
    remarks.push(
      `${ignored.join(", ")} ${which} not read beside --config: the file alone says what virtual servers have`,
    );
  }
  return { ...loaded, config, remarks };
}

/** What it is to do from now on, as a daemon reads it again: whoever asks for that may be in another folder, so problems name whole paths. */
export function loadConfigAgain(call: ConfigCall, locateBy: Locate): ReturnType<typeof loadConfigFor> {
  return loadConfigFor({ ...call, path: resolve(call.path) }, locateBy, "whole");
}

/** Reads one as `loadConfig` does, with what is wrong as a value. `-` is standard input. Rejects only when the program itself is at fault. */
export async function examineConfig(
  path: string,
  circumstances: Circumstances = {},
  locateBy: Locate = locate,
  naming: Naming = "as-written",
): Promise<ExaminedConfig> {
  const files = [sourceFile(path)];
  const main = await readSource(path, MOST_BYTES);
  if ("problem" in main) return unread(path, main, files);
  const documents = [parse(path, main)];
  const found: Finding[] = [...(circumstances.found ?? [])];
  let left = MOST_BYTES - main.bytes.length;
  const folders = await foldersOfPatterns(path, documents[0]);
  for (const { name, place } of await findIncludes(path, documents[0], found)) {
    const whole = resolve(folderOf(path), name);
    files.push(sourceFile(whole));
    const included = await readSource(whole, left);
    if ("problem" in included) {
      found.push(error(included.code, place, `${name}: ${included.problem}`, included.hint));
      if (included.code === "limit") break;
      continue;
    }
    left -= included.bytes.length;
    documents.push(parse(naming === "whole" ? whole : name, included));
  }
  const { config, processOptions, findings } = readConfig(documents, { ...circumstances, found });
  const problems = await locateBy(findings, documents);
  const isBad = problems.some(({ severity }) => severity === "error");
  return { config: isBad ? undefined : config, processOptions, problems, files, folders };
}

// --- internal ---

/** How problems name the files that are included. */
type Naming = "as-written" | "whole";

interface Source {
  readonly bytes: Uint8Array;
}

interface Unreadable {
  readonly code: "file" | "limit";
  readonly problem: string;
  readonly hint?: string;
}

function unread(file: string, { code, problem, hint }: Unreadable, files: ConfigSources["files"]): ExaminedConfig {
  const found = { file, line: 1, column: 1, path: "", severity: "error", code, message: problem } as const;
  const problems = [hint === undefined ? found : { ...found, hint }];
  return { config: undefined, processOptions: new Map(), problems, files, folders: new Map() };
}

function parse(name: string, { bytes }: Source): ParsedDocument {
  try {
    return parseDocument({ name, text: new TextDecoder("utf-8", { fatal: true }).decode(bytes) });
  } catch (failure) {
    if (!(failure instanceof TypeError)) throw failure;
    const text = new TextDecoder().decode(bytes);
    const offset = firstBadByte(text, bytes);
    return {
      name,
      text,
      value: undefined,
      mayHide: false,
      failure: { code: "encoding", message: "it is not in UTF-8", ...(offset !== undefined && { offset }) },
    };
  }
}

/** Where the text has a sign for what could not be read, and not because the file has that sign itself. */
function firstBadByte(text: string, bytes: Uint8Array): number | undefined {
  let [counted, length] = [0, 0];
  for (const { index } of text.matchAll(/\uFFFD/g)) {
    length += Buffer.byteLength(text.slice(counted, index));
    counted = index;
    if (!REPLACEMENT.every((byte, at) => bytes[length + at] === byte)) return index;
  }
  return undefined;
}

/** U+FFFD in UTF-8. */
const REPLACEMENT = [0xef, 0xbf, 0xbd];

/** To be asked before it is read: what is changed meanwhile then shows. */
function sourceFile(path: string): ConfigSources["files"][number] {
  if (path === STANDARD_INPUT) return { path: undefined, facts: "" };
  return { path: resolve(path), facts: factsOf(resolve(path)) };
}

/** Of standard input it is the present one. */
function folderOf(path: string): string {
  return path === STANDARD_INPUT ? "." : dirname(path);
}

const STANDARD_INPUT = "-";

/** The files that the patterns stand for, each once, in the order of the patterns and then of their names. */
async function findIncludes(
  path: string,
  document: ParsedDocument | undefined,
  found: Finding[],
): Promise<{ readonly name: string; readonly place: Place }[]> {
  const files: { readonly name: string; readonly place: Place }[] = [];
  // A pattern may match the file that has it.
  const known = new Set([path === STANDARD_INPUT ? "" : resolve(path)]);
  for (const { pattern, place } of document === undefined ? [] : includesOf(document)) {
    const names = isPattern(pattern) ? await matches(folderOf(path), pattern) : [pattern];
    if (names.length === 0) found.push({ ...error("include", place, "no file matches"), severity: "warning" });
    for (const name of names) {
      const whole = resolve(folderOf(path), name);
      if (known.has(whole)) continue;
      known.add(whole);
      files.push({ name, place });
    }
  }
  return files;
}

/** With the names in each: of a pattern's first folder, and of those below it that match what the pattern says of folders. */
async function foldersOfPatterns(
  path: string,
  document: ParsedDocument | undefined,
): Promise<ReadonlyMap<string, string>> {
  const patterns = document === undefined ? [] : includesOf(document).map(({ pattern }) => pattern);
  const folders = new Map<string, string>();
  for (const pattern of patterns.filter(isPattern)) {
    const base = resolve(folderOf(path), fixedPart(pattern));
    folders.set(base, namesIn(base));
    const segments = pattern.slice(fixedPart(pattern).length).split("/");
    for (let depth = 1; depth < segments.length; depth++) {
      for (const name of await foldersMatching(base, segments.slice(0, depth).join("/")))
        folders.set(join(base, name), namesIn(join(base, name)));
    }
  }
  return folders;
}

async function foldersMatching(base: string, pattern: string): Promise<string[]> {
  if (!(await isFolder(base))) return [];
  const names = await Array.fromAsync(new Bun.Glob(pattern).scan({ cwd: base, onlyFiles: false }));
  const found = await Promise.all(names.map(async (name) => ((await isFolder(join(base, name))) ? [name] : [])));
  return found.flat();
}

function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}

/** The folder that a pattern begins with, with a slash at its end; empty where it begins with a pattern. */
function fixedPart(pattern: string): string {
  const segments = pattern.split("/");
  const fixed = segments.slice(0, segments.findIndex(isPattern));
  return fixed.length === 0 ? "" : `${fixed.join("/")}/`;
}

function isPattern(path: string): boolean {
  return /[*?[\]{}]/.test(path);
}

/** Regular files, and links to them: a mounted ConfigMap is made of links. Named as the pattern is: relative or absolute. */
async function matches(folder: string, pattern: string): Promise<string[]> {
  const base = fixedPart(pattern);
  const cwd = resolve(folder, base);
  if (!(await isFolder(cwd))) return [];
  const names = await Array.fromAsync(new Bun.Glob(pattern.slice(base.length)).scan({ cwd, onlyFiles: false }));
  const files = await Promise.all(
    names.map(async (name) => {
      const isFile = await stat(join(cwd, name)).then(
        (found) => found.isFile(),
        () => true,
      );
      return isFile ? [`${base}${name}`] : [];
    }),
  );
  return files.flat().toSorted((a, b) => (a < b ? -1 : 1));
}

async function readSource(path: string, mostBytes: number): Promise<Source | Unreadable> {
  if (path === STANDARD_INPUT) return readStandardInput(mostBytes);
  try {
    const refused = unsuitable(await stat(path));
    if (refused !== undefined) return refused;
    // It may have become something else that would keep us waiting.
    await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const status = await file.stat();
    return unsuitable(status) ?? (await collect(file.createReadStream({ end: mostBytes }), mostBytes));
  } catch (failure) {
    return { code: "file", problem: readingProblem(failure) };
  }
}

/** Reading anything else may wait for ever, never end, or take what was meant for others. */
function unsuitable(status: Stats): Unreadable | undefined {
  if (status.isFile()) return undefined;
  const kind = status.isDirectory()
    ? "a folder"
    : status.isFIFO()
      ? "a FIFO"
      : status.isSocket()
        ? "a socket"
        : "a device";
  return { code: "file", problem: `it is ${kind}`, hint: "a configuration is a regular file, or - for standard input" };
}

async function readStandardInput(mostBytes: number): Promise<Source | Unreadable> {
  return collect(Bun.stdin.stream(), mostBytes);
}

async function collect(chunks: AsyncIterable<Uint8Array>, mostBytes: number): Promise<Source | Unreadable> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of chunks) {
    parts.push(chunk);
    length += chunk.length;
    if (length > mostBytes)
      return { code: "limit", problem: `all files together are longer than ${MOST_BYTES >> 20} MiB` };
  }
  return { bytes: Buffer.concat(parts) };
}

function error(code: Finding["code"], place: Place, message: string, hint?: string): Finding {
  const finding = { code, severity: "error", place, at: "value", message } as const;
  return hint === undefined ? finding : { ...finding, hint };
}
