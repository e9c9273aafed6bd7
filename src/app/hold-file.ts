import { readdirSync } from "node:fs";
import { basename } from "node:path";
import { runtimeName } from "../control/runtime-directory.ts";
import { describeError, errnoOf } from "../domain/errors.ts";
import { describeHeld, parseHolds, type Holds } from "../domain/hold.ts";
import type { Logger } from "../domain/logger.ts";
import { listFirst } from "../domain/name.ts";
import type { ServiceKey } from "../domain/virtual-server.ts";
import { networkNamespace } from "./network-namespace.ts";
import { RuntimeFile } from "./runtime-file.ts";

/**
 * What operators asked for, in a file so that it outlives a daemon: beside its control socket, for one virtual server
 * of one network namespace, until the next boot.
 */
export class HoldFile {
  readonly path: string;
  readonly #file: RuntimeFile;

  constructor(directory: string, key: ServiceKey) {
    this.#file = new RuntimeFile(directory, `${runtimeName(key)}-${networkNamespace()}.holds.json`);
    this.path = this.#file.path;
  }

  /**
   * None where there is no file. A file that cannot be read, or belongs to another user, causes a warning and is
   * left: the next request replaces it.
   */
  read(logger: Logger): Holds {
    try {
      const text = this.#file.read(LARGEST_BYTES);
      if (text === undefined) return new Map();
      const holds = parseHolds(JSON.parse(text));
      if (holds !== undefined) return holds;
      logger.warn(`nothing is held: ${this.path} does not say what operators asked for`);
    } catch (error) {
      logger.warn(`nothing is held: ${this.path}: ${describeError(error)}`);
    }
    return new Map();
  }

  /** Whole or not at all. Throws FILE_FAILED. */
  write(holds: Holds): void {
    this.#file.write(holds.size === 0 ? undefined : `${JSON.stringify(Object.fromEntries(holds), undefined, 2)}\n`);
  }
}

/** Which virtual servers have such a file: of a thousand that begin together, hardly any has one. */
export class HoldFiles {
  readonly #folder: string;
  #found: { readonly names: ReadonlySet<string> | undefined } | undefined;

  /** They join a daemon that runs: what is held then may have been forgotten. */
  readonly areLater: boolean;

  /** The directory is looked into once, when the first is asked for. */
  constructor(folder: string, areLater: boolean) {
    this.#folder = folder;
    this.areLater = areLater;
  }

  has({ path }: HoldFile): boolean {
    this.#found ??= { names: namesIn(this.#folder) };
    return this.#found.names?.has(basename(path)) ?? true;
  }
}

/**
 * A daemon that starts with held real servers says so: an operator may have asked for that months ago, and now
 * wonders why a server gets no clients. Those that are not listed are held once they are again.
 */
export function tellHeld(holds: Holds, listed: readonly string[], logger: Logger): void {
  const [inForce, absent] = described(holds, listed);
  if (inForce.length > 0) logger.info(`held by operators: ${listFirst(inForce, "; ")}`);
  if (absent.length > 0) logger.info(`not listed, and held when they are again: ${listFirst(absent, "; ")}`);
}

/** Of real servers that are listed again: whoever brought them back may expect them to serve. */
export function warnOfHeld(holds: Holds, returned: readonly string[], logger: Logger): void {
  const [inForce] = described(holds, returned);
  if (inForce.length > 0)
    logger.warn(`listed again, and still held by operators (lvscare undrain ends that): ${listFirst(inForce, "; ")}`);
}

// --- internal ---

/** Those that are listed, then those that are not. */
function described(holds: Holds, listed: readonly string[]): readonly [readonly string[], readonly string[]] {
  const names = new Set(listed);
  const parts: [string[], string[]] = [[], []];
  for (const [server, hold] of holds) parts[names.has(server) ? 0 : 1].push(describeHeld(server, hold));
  return parts;
}

/** Undefined where it cannot be looked into: reading the files tells why. */
function namesIn(folder: string): ReadonlySet<string> | undefined {
  try {
    return new Set(readdirSync(folder));
  } catch (error) {
    return errnoOf(error) === "ENOENT" ? new Set() : undefined;
  }
}

/** Ten thousand real servers, all held, are less. */
const LARGEST_BYTES = 4 * 1024 * 1024;
