import { readdirSync } from "node:fs";
import type { VirtualServerOptions } from "../config/care-options.ts";
import { configName } from "../control/runtime-directory.ts";
import { formatEndpoint, parseEndpoint } from "../domain/endpoint.ts";
import { describeError, errnoOf } from "../domain/errors.ts";
import type { Logger } from "../domain/logger.ts";
import { formatServiceKey } from "../domain/virtual-server.ts";
import { otherCaretakers } from "./claim.ts";
import { networkNamespace } from "./network-namespace.ts";
import { RuntimeFile } from "./runtime-file.ts";

/**
 * Which virtual servers of the kernel's table a daemon cares for, written down for the next one of the same
 * configuration: so that finds those that left it while no daemon ran. It is gone with the next boot, as the table is.
 */
export class CaredFile {
  readonly #folder: string;
  readonly #name: string;
  readonly #file: RuntimeFile;
  readonly #now: () => number;
  /** By `formatServiceKey`. */
  readonly #since = new Map<string, number>();
  #due: { readonly timer: Timer; readonly write: () => void } | undefined;

  /** `identity`: the absolute path of the configuration, or what else tells this daemon's from others. */
  constructor(folder: string, identity: string, now: () => number) {
    this.#folder = folder;
    this.#name = `${configName(identity)}${endOfName()}`;
    this.#file = new RuntimeFile(folder, this.#name);
    this.#now = now;
  }

  /** What is cared for, or leaves, is other than before: it is written soon, once for all that change together. */
  note(all: () => readonly VirtualServerOptions[], logger: Logger): void {
    if (this.#due !== undefined) return;
    const write = (): void => {
      clearTimeout(this.#due?.timer);
      this.#due = undefined;
      try {
        this.#write(all());
      } catch (error) {
        logger.debug(`what is cared for is not written down: ${describeError(error)}`);
      }
    };
    this.#due = { timer: setTimeout(write, NOTED_AFTER_MS).unref(), write };
  }

  /** Writes now what is due. */
  settle(): void {
    this.#due?.write();
  }

  /**
   * What the daemon before cared for and this configuration has no more. Not what another daemon cares for now, or was
   * the last to care for: that is its own.
   */
  async orphans(configured: readonly VirtualServerOptions[], logger: Logger): Promise<readonly VirtualServerOptions[]> {
    const kept = new Set(configured.map(({ service }) => formatServiceKey(service)));
    const left = [...readCared(this.#file, logger)].filter(([key]) => !kept.has(key));
    if (left.length === 0) return [];
    const claimed = otherCaretakers(left.map(([, { service }]) => service));
    const latest = new Map<string, number>();
    for (const name of namesIn(this.#folder)) {
      if (name === this.#name || !name.endsWith(endOfName())) continue;
      for (const [key, { sinceMs }] of readCared(new RuntimeFile(this.#folder, name), logger))
        latest.set(key, Math.max(sinceMs, latest.get(key) ?? 0));
    }
    const own = left.filter(([key, { sinceMs }]) => !claimed.has(key) && (latest.get(key) ?? 0) <= sinceMs);
    return Promise.all(own.map(([, cared]) => optionsOf(cared)));
  }

  // --- internal ---

  /** Throws FILE_FAILED. */
  #write(all: readonly VirtualServerOptions[]): void {
    const kept = all.map((options): [string, Cared] => {
      const { service, name, reach, policy, realServers } = options;
      const key = formatServiceKey(service);
      const sinceMs = this.#since.get(key) ?? this.#now();
      this.#since.set(key, sinceMs);
      const addresses = realServers.map(({ endpoint }) => formatEndpoint(endpoint));
      const { drainTimeoutMs } = policy;
      return [key, { sinceMs, ...(name !== undefined && { name }), service, reach, drainTimeoutMs, addresses }];
    });
    this.#file.write(kept.length === 0 ? undefined : `${JSON.stringify(Object.fromEntries(kept))}\n`);
  }
}

// --- internal ---

interface Cared {
  /** Since this host booted. */
  readonly sinceMs: number;
  readonly name?: string;
  readonly service: VirtualServerOptions["service"];
  readonly reach: VirtualServerOptions["reach"];
  readonly drainTimeoutMs: number;
  readonly addresses: readonly string[];
}

const NOTED_AFTER_MS = 100;

/** As many virtual and real servers as a configuration may have are less. */
const LARGEST_BYTES = 32 * 1024 * 1024;

function endOfName(): string {
  return `-${networkNamespace()}.cared.json`;
}

function readCared(file: RuntimeFile, logger: Logger): ReadonlyMap<string, Cared> {
  try {
    const text = file.read(LARGEST_BYTES);
    if (text === undefined) return new Map();
    const entries = Object.entries(Object(JSON.parse(text)) as Readonly<Record<string, unknown>>);
    // Another version may have written it otherwise.
    return new Map(entries.filter((entry): entry is [string, Cared] => isCared(entry[0], entry[1])));
  } catch (error) {
    logger.warn(`what was cared for before is not known: ${file.path}: ${describeError(error)}`);
    return new Map();
  }
}

function isCared(key: string, value: unknown): boolean {
  const { sinceMs, service, reach, drainTimeoutMs, addresses } = Object(value) as Readonly<Record<string, unknown>>;
  const { protocol, endpoint } = Object(service) as Readonly<Record<string, unknown>>;
  const { address, port } = Object(endpoint) as Readonly<Record<string, unknown>>;
  const { mode, iface } = Object(reach) as Readonly<Record<string, unknown>>;
  return (
    typeof sinceMs === "number" &&
    typeof drainTimeoutMs === "number" &&
    typeof mode === "string" &&
    typeof iface === "string" &&
    Array.isArray(addresses) &&
    addresses.every((one) => typeof one === "string") &&
    key.startsWith(`${String(protocol)} `) &&
    key.includes(String(address)) &&
    key.endsWith(`:${String(port)}`)
  );
}

/** Enough to take it away: it gets no clients any more. */
async function optionsOf({ name, service, reach, drainTimeoutMs, addresses }: Cared): Promise<VirtualServerOptions> {
  // Most daemons find nothing of the kind.
  const { readConfigObject } = await import("../config/file/config-object.ts");
  const { virtualServers } = readConfigObject({
    virtualServers: [{ address: "192.0.2.1:80", probe: { type: "tcp" }, realServers: ["192.0.2.2:80"] }],
  }).config;
  const [plain] = virtualServers;
  const [server] = plain?.realServers ?? [];
  if (plain === undefined || server === undefined) throw new Error("a configuration without virtual servers");
  return {
    ...plain,
    name,
    service,
    reach,
    dataPlane: "ipvs",
    checkWay: false,
    suspicion: false,
    policy: { ...plain.policy, drainTimeoutMs },
    realServers: addresses.map((address) => ({ ...server, endpoint: parseEndpoint(address) })),
  };
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return [];
    throw error;
  }
}
