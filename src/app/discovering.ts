import { join } from "node:path";
import type { DiscoverOptions, VirtualServerOptions } from "../config/care-options.ts";
import { describeSource, type AskedSource } from "../config/discover-options.ts";
import { FAMILY, pairingProblem, realAddressProblem } from "../config/resolve-servers.ts";
import { runtimeName } from "../control/runtime-directory.ts";
import { Discovery, type DiscoveryPorts } from "../discovery/discovery.ts";
import { FileSource, type PathWatch } from "../discovery/file-source.ts";
import type { Source } from "../discovery/source.ts";
import { MemberMemory } from "../discovery/memory.ts";
import { isLoopback, type Endpoint, type Family } from "../domain/endpoint.ts";
import type { Clock } from "../probe/clock.ts";
import { factsOf, FileWatch } from "./file-watch.ts";

/** What discoveries have in common. */
export interface Discovering extends Pick<DiscoveryPorts, "clock" | "timeOfDay"> {
  readonly cacheDirectory: string;
  /** Of sources that have to be waited for. Undefined: nobody is asked. */
  readonly openSource: ((options: AskedSource, family: Family, clock: Clock) => Source) | undefined;
  /** Where clients of this process connect to. */
  readonly own: () => readonly Endpoint[];
}

/** Who finds the members of a virtual server. `before`: who did so until now. */
export function discover(
  written: VirtualServerOptions,
  options: DiscoverOptions,
  { cacheDirectory, own, openSource, clock, timeOfDay }: Discovering,
  before?: Discovery,
): Discovery {
  const path = join(cacheDirectory, "members", `${runtimeName(written.service)}.json`);
  return new Discovery(
    options,
    {
      clock,
      timeOfDay,
      source: sourceOf(options, written, (asked, family) => openSource?.(asked, family, clock) ?? NOBODY),
      memory: new MemberMemory(path, describeSource(options.source)),
      unfit: (endpoint) => unfitness(endpoint, written, own()),
    },
    before,
  );
}

/** Virtual servers with the members that are known now, for what is done once and waits for nobody. */
export function withKnownMembers(
  virtualServers: readonly VirtualServerOptions[],
  cacheDirectory: string,
): readonly VirtualServerOptions[] {
  const own = virtualServers.map(({ service }) => service.endpoint);
  return virtualServers.map((written) => {
    if (written.discover === undefined) return written;
    using discovery = discover(written, written.discover, {
      clock: STANDING_CLOCK,
      timeOfDay: (ms) => new Date(ms),
      cacheDirectory,
      openSource: undefined,
      own: () => own,
    });
    return discovery.complete(written);
  });
}

// --- internal ---

/** Nothing is waited for. */
const STANDING_CLOCK = { now: () => Date.now(), setTimeout: () => undefined, clearTimeout: () => undefined };

function sourceOf(
  { source }: DiscoverOptions,
  { service }: VirtualServerOptions,
  ask: (options: AskedSource, family: Family) => Source,
): Source {
  if (source.type === "file") return new FileSource(source.path, { factsOf, watch: watchFile });
  return ask(source, service.endpoint.family);
}

const NOBODY: Source = {
  peek: () => undefined,
  start: () => undefined,
  again: () => undefined,
  [Symbol.dispose]: () => undefined,
};

function watchFile(changed: () => void): PathWatch {
  const watch = new FileWatch(changed);
  return {
    follow: (path, facts) => watch.follow({ files: new Map([[path, facts]]), folders: new Map() }),
    [Symbol.dispose]: () => watch[Symbol.dispose](),
  };
}

/** A list may hold anything: what cannot be, or would send packets in a circle, is no real server. */
function unfitness(
  endpoint: Endpoint,
  { service, dataPlane }: VirtualServerOptions,
  own: readonly Endpoint[],
): string | undefined {
  const { address, family } = endpoint;
  const problem = realAddressProblem(endpoint);
  if (problem !== undefined) return problem;
  if (pairingProblem(endpoint, service.endpoint, dataPlane) === "family")
    return `is ${FAMILY[family]} but the virtual server is ${FAMILY[service.endpoint.family]}`;
  // On loopback, many servers have one address.
  const isLocal = isLoopback(address);
  if (own.some((one) => one.address === address && (!isLocal || one.port === endpoint.port)))
    return "is an address of a virtual server here: packets would go round";
  if (isLocal) return isLoopback(service.endpoint.address) ? undefined : "is an address of every host";
  return address.startsWith("169.254.") ? "is an address of one link only" : undefined;
}
