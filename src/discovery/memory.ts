import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { readOwnFile } from "../../native/own-file.ts";
import { drainAnnotation, drainsIn, type ClusterDrains } from "../domain/cluster-drain.ts";
import { formatEndpoint, parseEndpoint } from "../domain/endpoint.ts";
import { describeError, errnoOf, LvscareError } from "../domain/errors.ts";
import { LARGEST_WEIGHT } from "../domain/virtual-server.ts";
import { UNKNOWN, type Known, type Membership } from "./membership.ts";

/** What is remembered of a virtual server's members in a file, so that it outlives daemons and boots. */
export class MemberMemory {
  readonly #path: string;
  readonly #source: string;
  #written: string | undefined;

  /** `source`: in words; what another one told is forgotten. */
  constructor(path: string, source: string) {
    this.#path = path;
    this.#source = source;
  }

  /** `nowMs`: on the clock of the memberships, which is not the time of day. Throws FILE_FAILED. */
  read(nowMs: number): Membership {
    const text = attempt(`read ${this.#path}`, () => readOwnFile(this.#path, LARGEST_BYTES));
    if (text === undefined) return UNKNOWN;
    return attempt(`read ${this.#path}`, () => parseMemory(text, this.#source, nowMs, Date.now()));
  }

  /** Whole or not at all, and only where it is other than before. Throws FILE_FAILED. */
  write(membership: Membership, nowMs: number): void {
    const { members, attic, drains } = membership;
    if (members === undefined) return;
    const timeOf = (ms: number): string => new Date(Date.now() - nowMs + ms).toISOString();
    const list = [...members.values()].map(plain);
    const former = [...attic.values()].map((one) => ({ ...plain(one), leftAt: timeOf(one.leftMs) }));
    const drained = [...drains].map(([address, drain]) => ({ address, ...drain }));
    const identity = JSON.stringify([list, [...attic.keys()], drained]);
    if (identity === this.#written) return;
    const memory = {
      version: VERSION,
      source: this.#source,
      savedAt: timeOf(nowMs),
      members: list,
      former,
      ...(drained.length > 0 && { drained }),
    };
    attempt(`write ${this.#path}`, () => replace(this.#path, `${JSON.stringify(memory, undefined, 2)}\n`));
    this.#written = identity;
  }
}

/** What a file of members says, as a membership that its source has not confirmed. Throws for what is none. */
export function parseMemory(text: string, source: string, nowMs: number, todayMs: number): Membership {
  const memory: unknown = JSON.parse(text);
  if (!isMap(memory) || memory["version"] !== VERSION) throw new Error("it is of another version");
  if (memory["source"] !== source) return UNKNOWN;
  const { savedAt, members, former = [], drained = [] } = memory;
  if (!Array.isArray(members) || !Array.isArray(former) || !Array.isArray(drained))
    throw new Error("it lists no members");
  const msOf = (at: unknown): number => nowMs - Math.max(0, todayMs - (Date.parse(String(at)) || 0));
  const read = (all: readonly unknown[]): [string, Known][] =>
    all.flatMap((one): [string, Known][] => {
      if (!isMap(one)) return [];
      const { address, weight, zone } = one;
      const endpoint = parseEndpoint(String(address));
      const isWeight = Number.isInteger(weight) && Number(weight) >= 1 && Number(weight) <= LARGEST_WEIGHT;
      return [
        [
          formatEndpoint(endpoint),
          {
            endpoint,
            ...(isWeight && { weight: Number(weight) }),
            ...(typeof zone === "string" && { zone }),
            sinceMs: msOf(savedAt),
          },
        ],
      ];
    });
  const left = new Map(former.flatMap((one: unknown) => (isMap(one) ? [[String(one["address"]), one["leftAt"]]] : [])));
  const known = new Map(read(members));
  if (known.size === 0) return UNKNOWN;
  const attic = read(former).map(([name, one]) => [name, { ...one, leftMs: msOf(left.get(name)) }] as const);
  return { ...UNKNOWN, members: known, isRemembered: true, attic: new Map(attic), drains: readDrains(drained) };
}

// --- internal ---

const VERSION = 1;
const LARGEST_BYTES = 4 * 1024 * 1024;

/** As the annotations have them that they were read from. */
function readDrains(drained: readonly unknown[]): ClusterDrains {
  const annotations = drained.flatMap((one): [string, string][] =>
    isMap(one) ? [[drainAnnotation(String(one["address"])), JSON.stringify(one)]] : [],
  );
  return drainsIn(Object.fromEntries(annotations));
}

function plain({ endpoint, weight, zone }: Known): object {
  return {
    address: formatEndpoint(endpoint),
    ...(weight !== undefined && { weight }),
    ...(zone !== undefined && { zone }),
  };
}

/** A host that loses its power has the old content, or the new one. */
function replace(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const draft = `${path}.tmp`;
  rmSync(draft, { force: true });
  const fd = openSync(draft, "wx", 0o600);
  try {
    writeFileSync(fd, text);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  renameSync(draft, path);
}

function attempt<T>(operation: string, run: () => T): T {
  try {
    return run();
  } catch (cause) {
    const errno = errnoOf(cause);
    throw new LvscareError("FILE_FAILED", describeError(cause), {
      operation,
      ...(errno !== undefined && { errno }),
      cause,
    });
  }
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
