import { join } from "node:path";
import { acknowledgementOf, dialTcpSocket, watchSilence } from "#native";
import { discover } from "../../../src/app/discovering.ts";
import { readConfigObject } from "../../../src/config/file/config-object.ts";
import type { Discovery } from "../../../src/discovery/discovery.ts";
import { openKubernetes } from "../../../src/discovery/kubernetes/open.ts";
import { monotonicClock } from "../../../src/probe/clock.ts";

/**
 * What so many daemons do to know their members, without all that they do besides: each a discovery as a daemon has it, with connections and
 * a memory on disk of its own. Tells at an address how many of them watch, how many members they know of, and what went wrong.
 */
const [count = "", atATime = "", kubeconfig = "", folder = "", master = "", listen = ""] = process.argv.slice(2);
const [hostname = "", port = ""] = listen.split(":");

const problems: string[] = [];
const discoveries: Discovery[] = [];
const starting = setInterval(startMore, 10);
startMore();

Bun.serve({
  hostname,
  port: Number(port),
  fetch: () => {
    const members: Record<string, number> = {};
    for (const discovery of discoveries) {
      const { members: known = 0 } = discovery.status();
      members[known] = (members[known] ?? 0) + 1;
    }
    return Response.json({ watching: discoveries.filter(watches).length, members, problems });
  },
});

// --- internal ---

/** As many as may be on their way at a time. */
function startMore(): void {
  let room = Number(atATime) - discoveries.filter((discovery) => !watches(discovery)).length;
  while (room-- > 0 && discoveries.length < Number(count)) discoveries.push(start(`node-${discoveries.length}`));
  if (discoveries.length === Number(count)) clearInterval(starting);
}

function watches(discovery: Discovery): boolean {
  const { way, isRemembered } = discovery.status();
  return way === "watched" && isRemembered !== true;
}

function start(node: string): Discovery {
  const { config } = readConfigObject({
    virtualServers: [
      {
        address: "10.96.0.1:6443",
        realServers: [master],
        discover: { type: "kubernetes", kubeconfig },
        probe: { type: "kube-apiserver" },
      },
    ],
  });
  const [written] = config.virtualServers;
  if (written?.discover === undefined) throw new Error("nothing is to be discovered");
  const environment = { LVSCARE_NODE_NAME: node };
  const sockets = { openTcpSocket: dialTcpSocket, watchSilence, acknowledgementOf };
  const discovery = discover(written, written.discover, {
    cacheDirectory: join(folder, node),
    openSource: (options, family, clock) => {
      if (options.type !== "kubernetes") throw new Error(`${options.type} is not asked`);
      return openKubernetes(options, { ...sockets, clock, random: Math.random, family, environment });
    },
    own: () => [written.service.endpoint],
    clock: monotonicClock,
    timeOfDay: (ms) => new Date(performance.timeOrigin + ms),
  });
  discovery.serve(written, {
    // Nobody is reached through the virtual address, so that one API server is asked by all of them.
    passing: () => new Set(),
    changed: () => undefined,
    standing: () => Promise.resolve(undefined),
    emit: (event) => {
      if (event.type === "members.missed") problems.push(`${node}: ${event.reason}`);
    },
  });
  return discovery;
}
