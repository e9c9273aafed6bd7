import { accepts, type Candidate, type PickRequest, type Scheduler } from "./scheduler.ts";

/** `lc`: the fewest connections, an active one counting as much as 256 inactive ones; weights do not matter unless 0. */
export function leastConnection(): Scheduler {
  return { pick: (servers, request) => lightest(servers, request, overhead, () => 1) };
}

/** `wlc`: as `lc`, but in proportion to the weights. */
export function weightedLeastConnection(): Scheduler {
  return { pick: (servers, request) => lightest(servers, request, overhead, weightOf) };
}

/** `sed`: the shortest expected delay, (active + 1) / weight. */
export function shortestExpectedDelay(): Scheduler {
  return { pick: (servers, request) => lightest(servers, request, expectedDelay, weightOf) };
}

/** `nq`: the first idle server, or `sed` when none is idle. */
export function neverQueue(): Scheduler {
  return {
    pick(servers, request) {
      const idle = servers.find((server) => server.activeConnections === 0 && accepts(server, request));
      return idle ?? lightest(servers, request, expectedDelay, weightOf);
    },
  };
}

// --- internal ---

/** The first server with the smallest load per share; cross-multiplied as in the kernel, so that no division rounds. */
function lightest<Server extends Candidate>(
  servers: readonly Server[],
  request: PickRequest<Server>,
  load: (server: Candidate) => number,
  share: (server: Candidate) => number,
): Server | undefined {
  let least: Server | undefined;
  for (const server of servers) {
    if (!accepts(server, request)) continue;
    if (least === undefined || load(least) * share(server) > load(server) * share(least)) least = server;
  }
  return least;
}

function overhead(server: Candidate): number {
  return server.activeConnections * 256 + server.inactiveConnections;
}

function expectedDelay(server: Candidate): number {
  return server.activeConnections + 1;
}

function weightOf(server: Candidate): number {
  return server.weight;
}
