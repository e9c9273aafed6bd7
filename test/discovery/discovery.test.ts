import { describe, expect, test } from "bun:test";
import type { DiscoverOptions, VirtualServerOptions } from "../../src/config/care-options.ts";
import { Discovery, type DiscoveryUser } from "../../src/discovery/discovery.ts";
import { UNKNOWN, type Membership } from "../../src/discovery/membership.ts";
import type { Answer, ClusterUser, Source, SourceUser } from "../../src/discovery/source.ts";
import type { DiscoveryEvent } from "../../src/domain/discovery-event.ts";
import { formatEndpoint, parseEndpoint } from "../../src/domain/endpoint.ts";
import { LvscareError } from "../../src/domain/errors.ts";
import { realServer } from "../../src/domain/virtual-server.ts";
import { VirtualClock } from "../../src/simulation/virtual-clock.ts";

const [A, B, C, D] = ["10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80", "10.0.0.4:80"] as const;

describe("a discovery", () => {
  test("knows at once what its source tells without being waited for", () => {
    const { real } = discovering({ peeked: [A, B], written: [C] });
    expect(real()).toEqual([A, B]);
  });

  test("has those of the configuration until there is a list, unless only the list counts", () => {
    expect(discovering({ written: [C] }).real()).toEqual([C]);
    expect(discovering({ written: [C], policy: "only" }).real()).toEqual([]);
    expect(discovering({ written: [C], policy: "merge", peeked: [A] }).real()).toEqual([C, A]);
  });

  test("leaves strangers in the table alone until it knows who the members are", () => {
    const { discovery, written } = discovering({ written: [C] });
    expect(discovery.complete(written).unlisted).toBe("keep");
    const known = discovering({ written: [C], peeked: [A] });
    expect(known.discovery.complete(known.written).unlisted).toBe("remove");
  });

  test("gathers changes, and the last one counts", async () => {
    const world = discovering({ peeked: [A] });
    world.serve();
    world.tell([A, B]);
    await world.clock.advance(900);
    world.tell([A, B, C]);
    expect(world.real()).toEqual([A]);
    await world.clock.advance(100);
    expect(world.real()).toEqual([A, B, C]);
    expect(world.changes).toBe(1);
  });

  test("asks again before it believes that most have vanished", async () => {
    const world = discovering({ peeked: [A, B, C] });
    world.passing = [A, B, C];
    world.serve();
    world.tell([A]);
    await world.clock.advance(1000);
    expect(world.real()).toEqual([A, B, C]);
    expect(world.discovery.status().kept).toMatchObject([{ guard: "too-many", servers: [B, C] }]);
    await world.clock.advance(60_000);
    expect(world.real()).toEqual([A, B, C]);
    await world.clock.advance(1001);
    expect(world.asked).toBe(1);
    expect(world.real()).toEqual([A]);
  });

  test("lets those go that fail meanwhile", async () => {
    const world = discovering({ peeked: [A, B, C] });
    world.passing = [A, B, C];
    world.serve();
    world.tell([A]);
    await world.clock.advance(1000);
    world.passing = [A, B];
    world.discovery.healthChanged();
    expect(world.real()).toEqual([A, B]);
  });

  test("has whoever else is known be tried when nobody of the list serves for a minute, until somebody does", async () => {
    const world = discovering({ peeked: [A, B], written: [C] });
    world.passing = [A, B];
    world.serve();
    world.tell([B]);
    await world.clock.advance(1000);
    world.passing = [];
    world.discovery.healthChanged();
    await world.clock.advance(59_999);
    expect(world.real()).toEqual([B]);
    await world.clock.advance(1);
    expect(world.real()).toEqual([C, B, A]);
    expect(world.events.at(-1)).toEqual({ type: "members.recalled", source: "file /m", servers: [C, A] });
    world.passing = [A];
    world.discovery.healthChanged();
    expect(world.real()).toEqual([C, B, A]);
    world.passing = [A, B];
    world.discovery.healthChanged();
    expect(world.real()).toEqual([B]);
    expect(world.events.at(-1)).toEqual({ type: "members.dismissed", source: "file /m" });
  });

  test("of whose members some come back in time has nobody else tried", async () => {
    const world = discovering({ peeked: [A], written: [C] });
    world.serve();
    await world.clock.advance(59_000);
    world.passing = [A];
    world.discovery.healthChanged();
    world.passing = [];
    world.discovery.healthChanged();
    await world.clock.advance(59_000);
    expect(world.real()).toEqual([A]);
  });

  test("has its source doubt whom it asks when a member fails that served, as long as others serve", () => {
    const world = discovering({ peeked: [A, B] });
    world.serve();
    const doubtsAfter = (...passing: readonly string[]): number => {
      world.passing = passing;
      world.discovery.healthChanged();
      return world.source.doubts;
    };
    expect([doubtsAfter(A), doubtsAfter(A, B)]).toEqual([0, 0]);
    expect([doubtsAfter(B), doubtsAfter(B)]).toEqual([1, 1]);
    // As when etcd hangs: nobody else would know more.
    expect([doubtsAfter(), doubtsAfter(A, B)]).toEqual([1, 1]);
  });

  test("keeps what is known while its source cannot be read, and tells of that once", async () => {
    const world = discovering({ peeked: [A] });
    world.serve();
    world.source.hear({ problem: "no such file" });
    world.source.hear({ problem: "no such file" });
    expect(world.real()).toEqual([A]);
    expect(world.discovery.status().failing?.reason).toBe("no such file");
    world.tell([A, B]);
    await world.clock.advance(1000);
    expect(world.events.map(({ type }) => type)).toEqual([
      "members.listed",
      "members.missed",
      "members.found",
      "members.listed",
    ]);
  });

  test("begins with what is remembered, and remembers what it is told", async () => {
    const remembered = discovering({ peeked: [A, B] }).kept.at(-1) ?? UNKNOWN;
    const world = discovering({ remembered: { ...remembered, isRemembered: true }, written: [C] });
    expect(world.real()).toEqual([A, B]);
    world.serve();
    world.tell([A, D]);
    await world.clock.advance(1000);
    expect([...(world.kept.at(-1)?.members?.keys() ?? [])]).toEqual([A, D]);
  });

  test("goes on when nothing can be remembered, and tells of that", () => {
    const world = discovering({ peeked: [A], isForgetful: true });
    world.serve();
    expect(world.real()).toEqual([A]);
    expect(world.events.map(({ type }) => type)).toEqual(["members.unkept", "members.listed", "members.unkept"]);
  });

  test("with another source has the members of the one before it, until that one tells", async () => {
    const before = discovering({ peeked: [A, B, C] });
    const world = discovering({ before: before.discovery, path: "/other", written: [D] });
    world.passing = [A, B, C];
    expect(world.real()).toEqual([A, B, C]);
    world.serve();
    world.tell([D]);
    await world.clock.advance(1000);
    // That the others vanish is what the configuration asks for.
    expect(world.real()).toEqual([D]);
  });

  test("that is over hears nothing any more, and leaves no timers", async () => {
    const world = discovering({ peeked: [A] });
    world.serve();
    world.tell([A, B]);
    world.discovery[Symbol.dispose]();
    expect(world.clock.armed).toBe(0);
    world.tell([C]);
    await world.clock.advance(120_000);
    expect(world.real()).toEqual([A]);
  });
});

describe("whom a cluster drains", () => {
  const DRAIN = { since: "2026-12-01T02:00:00.000Z", by: "alice" };

  test("is drained at once, wherever it is listed, and not by the configuration", () => {
    const world = discovering({ isOfCluster: true, written: [C, D], drained: [D], policy: "merge" });
    world.serve();
    world.source.hear(listing([A, B]));
    world.source.cluster?.hearDrains(
      new Map([
        ["10.0.0.2", DRAIN],
        ["10.0.0.3", DRAIN],
        ["10.0.0.4", DRAIN],
        ["10.0.0.9", DRAIN],
      ]),
    );
    const { drained, clusterDrains } = world.discovery.complete(world.written);
    expect([...drained].toSorted()).toEqual([B, C, D]);
    expect(new Map(clusterDrains)).toEqual(
      new Map([
        [C, DRAIN],
        [B, DRAIN],
      ]),
    );
    expect(world.changes).toBe(2);
    expect(world.events.at(-1)).toEqual({
      type: "members.drained",
      source: "service default/kubernetes",
      addresses: ["10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.9"],
      by: "alice",
    });
    expect(world.discovery.status().drained).toContainEqual({ address: "10.0.0.2", ...DRAIN });
    world.source.cluster?.hearDrains(new Map());
    expect(world.events.at(-1)).toMatchObject({ type: "members.undrained" });
    expect(world.discovery.complete(world.written).drained).toEqual(new Set([D]));
    world.source.cluster?.hearDrains(new Map());
    expect(world.changes).toBe(3);
  });

  test("stays drained while the cluster cannot be asked, also in the next daemon", () => {
    const first = discovering({ isOfCluster: true });
    first.serve();
    first.source.hear(listing([A, B]));
    first.source.cluster?.hearDrains(new Map([["10.0.0.2", DRAIN]]));
    first.source.hear({ problem: "nobody answers" });
    expect([...first.discovery.complete(first.written).drained]).toEqual([B]);
    const [remembered] = first.kept.slice(-1);
    if (remembered === undefined) throw new Error("nothing was kept");
    const next = discovering({ isOfCluster: true, remembered: { ...remembered, isRemembered: true } });
    expect([...next.discovery.complete(next.written).drained]).toEqual([B]);
  });

  test("is reported once it gets no new connections, with those that are open", async () => {
    const world = discovering({ isOfCluster: true });
    world.serve();
    world.source.hear(listing([A, B]));
    world.source.cluster?.hearDrains(new Map([["10.0.0.2", DRAIN]]));
    const report = (): Promise<unknown> => world.source.cluster?.report("watched") ?? Promise.resolve();
    expect(await report()).toBeUndefined();
    const standing = (weight: number, activeConnections: number) => ({
      version: "5",
      virtualServer: "tcp 10.96.0.1:443",
      realServers: [
        { address: A, weight: 1, activeConnections: 7 },
        { address: B, weight, activeConnections },
      ],
    });
    world.standing = standing(1, 4);
    expect(await report()).toMatchObject({ service: "default/kubernetes", inService: 2, of: 2, drained: {} });
    world.standing = standing(0, 3);
    expect(await report()).toMatchObject({
      inService: 1,
      way: "watched",
      drained: { "10.0.0.2": { since: DRAIN.since, open: 3 } },
    });
    world.standing = { ...standing(0, 0), realServers: [] };
    expect(await report()).toMatchObject({
      inService: 0,
      of: 0,
      drained: { "10.0.0.2": { since: DRAIN.since, open: 0 } },
    });
  });
});

interface Circumstances {
  readonly peeked?: readonly string[];
  readonly written?: readonly string[];
  readonly policy?: DiscoverOptions["policy"];
  readonly path?: string;
  readonly remembered?: Membership;
  readonly before?: Discovery;
  readonly isForgetful?: boolean;
  /** By the configuration. */
  readonly drained?: readonly string[];
  /** The source is a cluster, not a file. */
  readonly isOfCluster?: boolean;
}

/** A discovery whose source, memory and health are the test's. */
function discovering(circumstances: Circumstances) {
  const {
    peeked,
    written: servers = [],
    policy = "bootstrap",
    path = "/m",
    isOfCluster = false,
    remembered = UNKNOWN,
    before,
  } = circumstances;
  const clock = new VirtualClock();
  const source = new ScriptedSource(peeked && listing(peeked));
  const discover: DiscoverOptions = {
    source: isOfCluster
      ? {
          type: "kubernetes",
          namespace: "default",
          name: "kubernetes",
          port: undefined,
          kubeconfig: undefined,
          context: undefined,
          pollMs: 1,
        }
      : { type: "file", path },
    policy,
    removeAtMost: 50,
    confirmMs: 60_000,
    debounceMs: 1000,
    weight: 1,
  };
  const kept: Membership[] = [];
  const fail = (): never => {
    throw new LvscareError("FILE_FAILED", "no space left");
  };
  const memory = {
    read: () => (circumstances.isForgetful === true ? fail() : remembered),
    write: (membership: Membership) => (circumstances.isForgetful === true ? fail() : void kept.push(membership)),
  };
  const timeOfDay = (ms: number): Date => new Date(ms);
  const discovery = new Discovery(discover, { clock, timeOfDay, source, memory, unfit: () => undefined }, before);
  const written = {
    discover,
    unlisted: "remove",
    drained: new Set(circumstances.drained),
    realServers: servers.map((server) => realServer(parseEndpoint(server))),
  } as unknown as VirtualServerOptions;
  const events: DiscoveryEvent[] = [];
  const world = {
    clock,
    source,
    discovery,
    written,
    events,
    kept,
    passing: [] as readonly string[],
    standing: undefined as Awaited<ReturnType<DiscoveryUser["standing"]>>,
    changes: 0,
    get asked() {
      return source.asked;
    },
    real: () => discovery.complete(written).realServers.map(({ endpoint }) => formatEndpoint(endpoint)),
    tell: (list: readonly string[]) => source.hear(listing(list)),
    serve: () =>
      discovery.serve(written, {
        passing: () => new Set(world.passing),
        changed: () => world.changes++,
        emit: (event) => events.push(event),
        standing: () => Promise.resolve(world.standing),
      }),
  };
  return world;
}

class ScriptedSource implements Source {
  asked = 0;
  doubts = 0;
  #last: Answer | undefined;
  #hear: ((answer: Answer) => void) | undefined;
  cluster: ClusterUser | undefined;

  constructor(first: Answer | undefined) {
    this.#last = first;
  }

  peek(): Answer | undefined {
    return this.#last;
  }

  start(user: SourceUser): void {
    this.#hear = user.hear;
    this.cluster = user.cluster;
    if (this.#last !== undefined) user.hear(this.#last);
  }

  again(): void {
    this.asked++;
    if (this.#last !== undefined) this.#hear?.(this.#last);
  }

  doubt(): void {
    this.doubts++;
  }

  hear(answer: Answer): void {
    this.#last = answer;
    this.#hear?.(answer);
  }

  [Symbol.dispose](): void {
    // As one whose last words are still on their way.
  }
}

function listing(servers: readonly string[]): Answer {
  return { listed: servers.map((server) => ({ endpoint: parseEndpoint(server) })) };
}
