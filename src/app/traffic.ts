import { stateOf } from "../actors/real-server-machine.ts";
import type { VirtualServerActor } from "../actors/virtual-server-machine.ts";
import type { DataPlane } from "../dataplane/data-plane.ts";
import { formatEndpoint } from "../domain/endpoint.ts";
import { NO_TRAFFIC, type ServiceKey } from "../domain/virtual-server.ts";
import type { AnswerListener } from "../probe/schedule/check-schedule.ts";
import type { CountedServer } from "../probe/suspicion/traffic-watch.ts";
import type { CareProcess } from "./care-process.ts";

/**
 * Checks a healthy real server at once when its clients seem to get no answer, and tells the supervisor while that
 * check gets none either. Returns what ends it; idempotent.
 */
export function watchTraffic(
  process: CareProcess,
  dataPlane: DataPlane,
  key: ServiceKey,
  supervisor: VirtualServerActor,
): () => void {
  if (dataPlane.traffic === undefined) return () => undefined;
  const listeners = new Map<string, AnswerListener>();
  const counts = new Counts(dataPlane, key);
  const memberOf = (server: string) => supervisor.getSnapshot().context.members.get(server);
  return process.traffic.watch({
    read: () => counts.read(),
    quietMs: (server) => {
      const endpoint = memberOf(server)?.server.endpoint;
      const usualMs = endpoint === undefined ? undefined : process.usualMs(endpoint);
      return Math.max(LEAST_QUIET_MS, 2 * (usualMs ?? 0));
    },
    suspect: (server) => {
      const member = memberOf(server);
      if (member === undefined || stateOf(member.ref.getSnapshot().context) !== "healthy") return;
      const listener = listeners.get(server) ?? {
        missing: (afterMs) => supervisor.send({ type: "answer.missing", server, afterMs }),
        came: () => supervisor.send({ type: "answer.came", server }),
      };
      listeners.set(server, listener);
      process.awaitAnswer(member.server.endpoint, listener);
    },
  });
}

// --- internal ---

const LEAST_QUIET_MS = 100;

/** What each real server has carried. Where that stays the same, it is read again only once something says otherwise. */
class Counts {
  readonly #dataPlane: DataPlane;
  readonly #key: ServiceKey;
  #last: readonly CountedServer[] | undefined;
  #isMoving = true;
  /** What was carried when they were last read. */
  #mark: string | undefined;

  constructor(dataPlane: DataPlane, key: ServiceKey) {
    this.#dataPlane = dataPlane;
    this.#key = key;
  }

  read(): readonly CountedServer[] | undefined {
    // Before the counts: what is carried in between is seen the next time.
    const mark = this.#isMoving ? undefined : this.#dataPlane.carried?.(this.#key);
    if (mark !== undefined && mark === this.#mark) return this.#last;
    const servers = counted(this.#dataPlane, this.#key);
    this.#isMoving = servers === undefined || !Bun.deepEquals(servers, this.#last);
    this.#mark = mark;
    this.#last = servers;
    return servers;
  }
}

/** Undefined where the table cannot be read: the next round tells that. */
function counted(dataPlane: DataPlane, key: ServiceKey): readonly CountedServer[] | undefined {
  try {
    return dataPlane.traffic?.(key).map(({ server, activeConnections, inactiveConnections, stats = NO_TRAFFIC }) => ({
      server: formatEndpoint(server.endpoint),
      active: activeConnections,
      inactive: inactiveConnections,
      inPackets: stats.inPackets,
      outPackets: stats.outPackets,
    }));
  } catch {
    return undefined;
  }
}
