import { join } from "node:path";
import { expect, setDefaultTimeout, test } from "bun:test";
import { waitFor } from "../kernel/support/wait-for.ts";
import { SwitchedNetwork } from "../node/support/switched-network.ts";
import { allowWatching, WATCHER } from "./support/allow-watching.ts";
import { apiLoad, loadSince, type ApiLoad } from "./support/api-load.ts";
import { clusterLacks } from "./support/cluster-programs.ts";
import { ControlPlane } from "./support/control-plane.ts";
import { ManyDaemons, type ManyKnow } from "./support/many-daemons.ts";
import { LIST_IS_LEFT_ALONE, proposeMembers } from "./support/proposed-list.ts";

// The programs may have to be built first.
setDefaultTimeout(40 * 60_000);

const lacking = await clusterLacks();
if (lacking !== undefined) console.log(`skipped: ${lacking}`);

const [ETCD, NODES] = ["10.0.0.8", "10.0.0.30"] as const;
const [M1, M2] = ["10.0.0.2", "10.0.0.3"] as const;
const COUNT = Number(process.env["LVSCARE_DAEMONS"] ?? 1000);
/** For so long nothing happens. Beyond ten minutes each watch ends by itself in it, and is made anew. */
const STEADY_MS = 1000 * Number(process.env["LVSCARE_STEADY_SECONDS"] ?? 60);
/** Within so long a restart of all is spread. */
const SPREAD_MS = 30_000;
/** All of them are one process, with as many handshakes to make as a thousand nodes have. */
const PATIENT = { timeoutMs: 300_000, everyMs: 500 } as const;

test.skipIf(lacking !== undefined)(
  "a thousand daemons cost an API server a watch each and no list, and a restart of all comes over half a minute",
  async () => {
    await using network = await SwitchedNetwork.create();
    const options = { etcd: ETCD, masters: [M1, M2], names: [], flags: LIST_IS_LEFT_ALONE };
    await using plane = await ControlPlane.create(network, options);
    await Promise.all([plane.start(M1), plane.start(M2)]);
    await allowWatching(plane, M1);
    await proposeMembers(plane, M1, M1, M2);
    const { namespace } = await network.addHost(`${NODES}/24`);
    const daemons = new ManyDaemons(namespace, {
      count: COUNT,
      kubeconfig: await plane.keys.kubeconfig("watcher", WATCHER, `https://${M1}:6443`),
      folder: join(plane.keys.folder, "members"),
      master: `${M1}:6443`,
      listen: `${NODES}:9108`,
    });
    /** Until all of them watch, and know of so many members. */
    const waitForAll = async (members: number): Promise<ManyKnow | undefined> => {
      const isSo = (known: ManyKnow | undefined): boolean =>
        known?.watching === COUNT && known.members[members] === COUNT;
      return waitFor(() => daemons.know(), isSo, PATIENT);
    };
    const quiet = new Map([
      [M1, await apiLoad(plane, M1)],
      [M2, await apiLoad(plane, M2)],
    ] as const);
    /** What these daemons cost the API servers that are there, of which a busy one leaves some of them to the other. */
    const load = async (...masters: readonly (typeof M1 | typeof M2)[]): Promise<ApiLoad> => {
      const each = await Promise.all(masters.map(async (one) => loadSince(quiet.get(one), await apiLoad(plane, one))));
      return {
        lists: each.reduce((sum, { lists }) => sum + lists, 0),
        watches: each.reduce((sum, { watches }) => sum + watches, 0),
      };
    };
    const waitForWatches = (...masters: readonly (typeof M1 | typeof M2)[]): Promise<ApiLoad> =>
      waitFor(
        () => load(...masters),
        ({ watches }) => watches === COUNT,
        PATIENT,
      );

    // Who knows nobody waits for nothing; the one process that stands for all nodes cannot do so much at once.
    const began = performance.now();
    daemons.start(20);
    await waitForAll(2);
    const { lists, watches } = await waitForWatches(M1, M2);
    tell(`${watches} daemons watched, after ${lists} lists and`, began);

    await Bun.sleep(STEADY_MS);
    // Whichever of them ends just then is made anew.
    expect(await waitForWatches(M1, M2)).toEqual({ lists, watches });
    console.log(`in ${STEADY_MS / 1000} s in which nothing happened there were no more lists`);

    const changed = performance.now();
    await proposeMembers(plane, M1, M1, M2, "10.0.0.4");
    await waitForAll(3);
    tell("all of them knew of a change after", changed);

    // Watches end at once, and go on elsewhere from where they were.
    const before = await load(M2);
    const killed = performance.now();
    plane.stop(M1, "SIGKILL");
    expect(await waitForWatches(M2)).toEqual({ lists: before.lists, watches: COUNT });
    tell(
      `of ${COUNT - before.watches} daemons whose API server was killed, all watched at the other one after`,
      killed,
    );

    await daemons.kill();
    await waitFor(
      () => load(M2),
      ({ watches }) => watches === 0,
    );
    const { lists: already } = await load(M2);
    const restarted = performance.now();
    daemons.start();
    const samples: Sample[] = [{ atMs: 0, lists: 0 }];
    await waitFor(
      async () => samples.push({ lists: (await load(M2)).lists - already, atMs: performance.now() - restarted }),
      () => (samples.at(-1)?.lists ?? 0) >= COUNT,
      PATIENT,
    );
    const most = mostASecond(samples);
    tell(`a restart of all was at most ${most.toFixed(0)} lists a second, the last of them after`, restarted);
    await waitForWatches(M2);
    expect(most).toBeLessThan((2 * COUNT * 1000) / SPREAD_MS);
    expect(samples.at(-1)?.atMs).toBeGreaterThan(0.9 * SPREAD_MS);
  },
);

// --- internal ---

function tell(what: string, sinceMs: number): void {
  console.log(`${what} ${((performance.now() - sinceMs) / 1000).toFixed(1)} s`);
}

interface Sample {
  readonly atMs: number;
  readonly lists: number;
}

/** Over some seconds each, in which chance makes little of a difference. */
function mostASecond(samples: readonly Sample[]): number {
  const rates = samples.map(({ atMs, lists }) => {
    const later = samples.find((one) => one.atMs >= atMs + 3000);
    return later === undefined ? 0 : (1000 * (later.lists - lists)) / (later.atMs - atMs);
  });
  return Math.max(...rates);
}
