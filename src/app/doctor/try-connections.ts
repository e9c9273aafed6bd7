import { formatEndpoint, type Endpoint } from "../../domain/endpoint.ts";
import { tcpConnect, type TcpConnection } from "./tcp-connect.ts";
import { realServersOf } from "./ipvs-connections.ts";
import { pinning } from "./pinning.ts";
import type { Subject, SubjectServer } from "./subject.ts";

/** The result of one attempt. */
export interface Attempt {
  /** Undefined when it connected. */
  readonly failure: string | undefined;
  readonly latencyMs: number;
}

export interface TrialConnection extends Attempt {
  /** The address this host spoke from. */
  readonly source: string | undefined;
  /** The real server that got it; undefined when IPVS never saw it, or when that is unknown. */
  readonly reached: string | undefined;
}

export interface ConnectionReadings {
  /** Past the virtual server, by real server. */
  readonly direct: ReadonlyMap<string, Attempt>;
  readonly trials: readonly TrialConnection[];
  /** Of the userspace data plane, which reports no more: the connections that each real server got meanwhile. */
  readonly growth?: ReadonlyMap<string, number>;
}

/** How connections are made and counted. */
export interface ConnectionPorts {
  /** `isBeside`: no other of this host's connections has its local port meanwhile, which would be the same one to a real server. */
  connect(target: Endpoint, timeoutMs: number, isBeside?: boolean): Promise<TcpConnection>;
  realServersOf(clients: ReadonlySet<string>): Promise<ReadonlyMap<string, string>>;
  /** Connections so far by real server, as the daemon of the virtual server counts them. */
  counts(): Promise<ReadonlyMap<string, number>>;
  now(): number;
}

/** Those in service first, and no more than 32, so that a large virtual server is not flooded. */
export function triedServers(subject: Subject): readonly SubjectServer[] {
  const { realServers } = subject;
  if (realServers.length <= MOST_SERVERS) return realServers;
  const first = inService(subject);
  return [...first, ...realServers.filter((server) => !first.includes(server))].slice(0, MOST_SERVERS);
}

/** In service: new connections go there. */
export function inService({ realServers }: Subject): readonly SubjectServer[] {
  return realServers.filter(({ weight = 0 }) => weight > 0);
}

/**
 * Connects to each real server, then through the virtual server until each was reached: in bounded time and in
 * rounds, with at most four times as many connections as real servers, plus eight. All stay open until the end,
 * because some schedulers count open connections. Then they are closed properly, without having sent anything.
 */
export async function tryConnections(subject: Subject, ports: ConnectionPorts): Promise<ConnectionReadings> {
  const servers = triedServers(subject);
  const opened: TcpConnection[] = [];
  try {
    const direct = new Map(
      await Promise.all(
        servers.map(async ({ endpoint }): Promise<[string, Attempt]> => {
          const made = await ports.connect(endpoint, TIMEOUT_MS, true);
          opened.push(made);
          return [formatEndpoint(endpoint), { failure: made.failure, latencyMs: made.latencyMs }];
        }),
      ),
    );
    if (subject.plane === undefined || inService(subject).length === 0) return { direct, trials: [] };
    return subject.plane === "ipvs"
      ? { direct, trials: await passThroughIpvs(subject, ports, opened) }
      : { direct, ...(await passThroughProxy(subject, ports, opened)) };
  } finally {
    for (const made of opened) made.close();
  }
}

/** The way it is done outside of tests. */
export function connectionPorts(counts: ConnectionPorts["counts"]): ConnectionPorts {
  return {
    connect: tcpConnect,
    realServersOf: (clients) => realServersOf(clients),
    counts,
    now: () => performance.now(),
  };
}

// --- internal ---

const MOST_SERVERS = 32;
const TIMEOUT_MS = 2000;
/** No new round begins after this. */
const ROUNDS_MS = 8000;
const ROUNDS = 8;
const LEAST = 2;

function addresses(servers: readonly SubjectServer[]): readonly string[] {
  return servers.slice(0, MOST_SERVERS).map(({ endpoint }) => formatEndpoint(endpoint));
}

/** How many connections one round may make, or 0 for no more rounds. */
function* roundSizes(servers: number, isPinned: boolean): Generator<number, void, number> {
  let left = isPinned ? LEAST : 4 * servers + 8;
  let missing = servers;
  for (let round = 0; round < ROUNDS && left > 0 && missing > 0; round++) {
    const size = Math.min(left, Math.max(missing, LEAST));
    left -= size;
    missing = yield size;
  }
}

async function passThroughIpvs(
  subject: Subject,
  ports: ConnectionPorts,
  opened: TcpConnection[],
): Promise<readonly TrialConnection[]> {
  const { endpoint } = subject.service;
  const wanted = addresses(inService(subject));
  const deadline = ports.now() + ROUNDS_MS;
  const rounds = roundSizes(wanted.length, pinning(subject.service) !== undefined);
  const trials: TrialConnection[] = [];
  for (let round = rounds.next(); round.done !== true && ports.now() < deadline;) {
    const made = await connectOften(endpoint, round.value, ports, opened);
    const clients = made.flatMap(({ local }) => (local === undefined ? [] : [formatEndpoint(local)]));
    const found = await ports.realServersOf(new Set(clients));
    trials.push(...made.map((one) => trialOf(one, found)));
    // IPVS does not see them: more of them would not change that.
    if (found.size === 0) break;
    const reached = new Set(trials.map((trial) => trial.reached));
    round = rounds.next(wanted.filter((address) => !reached.has(address)).length);
  }
  return trials;
}

async function passThroughProxy(
  subject: Subject,
  ports: ConnectionPorts,
  opened: TcpConnection[],
): Promise<Pick<ConnectionReadings, "trials" | "growth">> {
  const wanted = addresses(inService(subject));
  const before = await ports.counts();
  const deadline = ports.now() + ROUNDS_MS;
  const rounds = roundSizes(wanted.length, pinning(subject.service) !== undefined);
  const trials: TrialConnection[] = [];
  let growth = new Map<string, number>();
  for (let round = rounds.next(); round.done !== true && ports.now() < deadline;) {
    const made = await connectOften(subject.service.endpoint, round.value, ports, opened);
    trials.push(...made.map((one) => trialOf(one, new Map())));
    const counts = await ports.counts();
    growth = new Map([...counts].map(([address, count]) => [address, count - (before.get(address) ?? 0)]));
    if (made.every(({ failure }) => failure !== undefined)) break;
    round = rounds.next(wanted.filter((address) => (growth.get(address) ?? 0) <= 0).length);
  }
  return { trials, growth };
}

async function connectOften(
  target: Endpoint,
  times: number,
  ports: ConnectionPorts,
  opened: TcpConnection[],
): Promise<TcpConnection[]> {
  const made = await Promise.all(Array.from({ length: times }, () => ports.connect(target, TIMEOUT_MS)));
  opened.push(...made);
  return made;
}

function trialOf({ local, failure, latencyMs }: TcpConnection, found: ReadonlyMap<string, string>): TrialConnection {
  return {
    failure,
    latencyMs,
    source: local?.address,
    reached: local === undefined ? undefined : found.get(formatEndpoint(local)),
  };
}
