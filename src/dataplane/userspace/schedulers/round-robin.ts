import { Cursor } from "./cursor.ts";
import { accepts, type Candidate, type Scheduler } from "./scheduler.ts";

/** `rr`: each server in turn, with any weight but 0. */
export function roundRobin(): Scheduler {
  const cursor = new Cursor();
  return {
    pick(servers, request) {
      const start = cursor.next(servers);
      for (let step = 0; step < servers.length; step++) {
        const index = (start + step) % servers.length;
        const server = servers[index];
        if (server === undefined || !accepts(server, request)) continue;
        if (!request.isRetry) cursor.moveTo(servers, index);
        return server;
      }
      return undefined;
    },
  };
}

/**
 * `wrr`: the kernel's walk. At each pass, a level falls from the highest weight by the greatest common divisor, and
 * the pass takes the servers whose weight reaches the level. Over one cycle each server is chosen weight / divisor
 * times, and the heavy ones are spread out.
 */
export function weightedRoundRobin(): Scheduler {
  let walk = { cursor: new Cursor(), level: 0 };
  return {
    pick(servers, request) {
      const cursor = walk.cursor.copy();
      let { level } = walk;
      const weights = servers.map(({ weight }) => weight);
      const highest = Math.max(0, ...weights);
      const step = weights.reduce(greatestCommonDivisor, 0);
      const reachable = highestWeight(servers.filter((server) => accepts(server, request)));
      if (reachable === 0) return undefined;
      // A change of weights may leave the level above all of them or between two steps.
      if (level <= 0 || level > highest) level = highest;
      level = Math.ceil(level / step) * step;
      for (;;) {
        for (let index = cursor.next(servers); index < servers.length; index++) {
          const server = servers[index];
          if (server === undefined || server.weight < level || !accepts(server, request)) continue;
          cursor.moveTo(servers, index);
          if (!request.isRetry) walk = { cursor, level };
          return server;
        }
        cursor.rewind();
        level -= step;
        if (level <= 0) level = highest;
        // Passes above the heaviest server that accepts would find none: with weights of thousands, thousands of
        // passes.
        if (level > reachable) level = reachable;
      }
    },
  };
}

// --- internal ---

function highestWeight(servers: readonly Candidate[]): number {
  return servers.reduce((highest, { weight }) => Math.max(highest, weight), 0);
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
