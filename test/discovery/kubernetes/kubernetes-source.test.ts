import { describe, expect, test } from "bun:test";
import type { Api, ApiFailure, ApiReply, ApiWatch, WatchListener } from "../../../src/discovery/kubernetes/api.ts";
import { KubernetesSource } from "../../../src/discovery/kubernetes/kubernetes-source.ts";
import { formatEndpoint } from "../../../src/domain/endpoint.ts";
import type { Answer } from "../../../src/discovery/source.ts";
import { VirtualClock } from "../../../src/simulation/virtual-clock.ts";

const [M1, M2, M3] = ["192.168.0.2", "192.168.0.3", "192.168.0.4"] as const;

describe("members from the API", () => {
  test("are listed from whatever the server has at hand, and watched from there", async () => {
    await using world = await World.begin();
    expect(world.asked[0]).toBe(
      "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices?labelSelector=kubernetes.io%2Fservice-name%3Dkubernetes&limit=500&resourceVersion=0",
    );
    await world.reply(list("215", M1, M2));
    expect(world.told).toEqual([[M1, M2]]);
    expect(world.asked[1]).toContain("&watch=1&allowWatchBookmarks=true&timeoutSeconds=300&resourceVersion=215");
    await world.event("MODIFIED", "230", M1, M2, M3);
    expect(world.told.at(-1)).toEqual([M1, M2, M3]);
    expect(world.source.way).toBe("watched");
  });

  test("that are the same by another version are not told again, and that version is where the next watch begins", async () => {
    await using world = await World.watching(M1);
    await world.event("MODIFIED", "230", M1);
    await world.line({ type: "BOOKMARK", object: { metadata: { resourceVersion: "260" } } });
    expect(world.told).toHaveLength(1);
    await world.clock.advance(120_000);
    await world.end({ status: 200, body: "", retryAfterMs: undefined });
    expect(world.asked.at(-1)).toEndWith("&resourceVersion=260");
    expect(world.asked).toHaveLength(3);
  });

  test("leave with their slice", async () => {
    await using world = await World.watching(M1);
    await world.line({ type: "DELETED", object: sliceObject("240", [M1]) });
    expect(world.told.at(-1)).toEqual([]);
  });

  test("are listed again, not older than known, when their version is too old for a watch", async () => {
    await using world = await World.watching(M1);
    await world.line(error(410, "Expired", "too old resource version: 216 (321)"));
    expect(world.asked.at(-1)).toEndWith("&resourceVersion=215&resourceVersionMatch=NotOlderThan");
    // As another server says that has not come so far.
    await world.reply(status(504, "Timeout: Too large resource version: 215, current: 100", 1000));
    await world.clock.advance(999);
    expect(world.asked).toHaveLength(3);
    await world.clock.advance(1);
    expect(world.asked.at(-1)).toEndWith("&limit=500");
    await world.reply(list("330", M1, M3));
    expect(world.told.at(-1)).toEqual([M1, M3]);
    expect(world.problems).toEqual([]);
  });

  test("are listed anew and watched from there after any other error of a watch, and not in a hurry", async () => {
    await using world = await World.watching(M1);
    const message =
      "a watch stream was requested by the client but the required storage feature RequestWatchProgress is disabled";
    await world.line(error(500, "InternalError", message));
    expect(world.problems).toEqual([`the watch ended: ${message}`]);
    expect(world.asked).toHaveLength(2);
    await world.clock.advance(800);
    expect(world.asked.at(-1)).toEndWith("&limit=500");
    await world.reply(list("331", M1));
    expect(world.asked.at(-1)).toContain("&resourceVersion=331");
    expect(world.told.at(-1)).toEqual([M1]);
  });

  test("are listed again when a watch falls silent, without even a bookmark: its version may be of the future", async () => {
    await using world = await World.watching(M1);
    await world.clock.advance(100_000);
    await world.line({ type: "BOOKMARK", object: { metadata: { resourceVersion: "260" } } });
    await world.clock.advance(149_999);
    expect(world.asked).toHaveLength(2);
    await world.clock.advance(1);
    expect(world.asked.at(-1)).toEndWith("&resourceVersion=260&resourceVersionMatch=NotOlderThan");
    expect(world.problems).toEqual([]);
    await world.reply(status(504, "Timeout: Too large resource version: 260, current: 100", 1000));
    await world.clock.advance(1000);
    await world.reply(list("100", M2));
    expect(world.told.at(-1)).toEqual([M2]);
  });

  test("are watched at another server, from where they are known, once one fails that may be the one that is asked", async () => {
    await using world = await World.watching(M1);
    await world.event("MODIFIED", "230", M1, M2);
    world.source.doubt();
    world.source.doubt();
    await world.clock.advance(999);
    expect(world.asked).toHaveLength(2);
    await world.clock.advance(1);
    expect(world.asked).toHaveLength(3);
    expect(world.asked.at(-1)).toContain("&watch=1");
    expect(world.asked.at(-1)).toEndWith("&resourceVersion=230");
    expect(world.problems).toEqual([]);
  });

  test("are watched again at once when the connection is lost, and later when that happens at once", async () => {
    await using world = await World.watching(M1);
    await world.clock.advance(5000);
    await world.end({ failed: "192.168.0.2:6443: closed before the answer was complete" });
    expect(world.asked).toHaveLength(3);
    world.begin();
    await world.end({ failed: "192.168.0.2:6443: closed before the answer was complete" });
    expect(world.asked).toHaveLength(3);
    await world.clock.advance(800);
    expect(world.asked).toHaveLength(4);
    expect(world.problems).toEqual([]);
  });

  test("are asked for again and again while nobody answers, ever more rarely, and told of when somebody does", async () => {
    await using world = await World.watching(M1);
    await world.end({ failed: "nobody" }, "unbegun");
    const times: number[] = [];
    for (let failure = 0; failure < 7; failure++) {
      const [before, sinceMs] = [world.asked.length, world.clock.now()];
      while (world.asked.length === before) await world.clock.advance(100);
      times.push(world.clock.now() - sinceMs);
      await world.end({ failed: "nobody" }, "unbegun");
    }
    expect(times).toEqual([800, 1600, 3200, 6400, 12_800, 25_600, 30_000]);
    expect(new Set(world.problems)).toEqual(new Set(["nobody"]));
    await world.clock.advance(30_000);
    world.begin();
    expect(world.told.at(-1)).toEqual([M1]);
  });

  test("wait as long as a busy server asks for", async () => {
    await using world = await World.begin();
    await world.reply(status(429, "too many requests", 7000));
    await world.clock.advance(6999);
    expect(world.asked).toHaveLength(1);
    await world.clock.advance(1);
    expect(world.asked).toHaveLength(2);
    expect(world.problems).toEqual(["status 429: too many requests"]);
  });

  test("are asked for once more when credentials are not accepted, as they may just have been exchanged", async () => {
    await using world = await World.begin();
    await world.reply(status(401, "Unauthorized"));
    expect(world.asked).toHaveLength(2);
    expect(world.problems).toEqual([]);
    await world.reply(status(401, "Unauthorized"));
    expect(world.problems).toEqual(["status 401: these credentials are not accepted"]);
    expect(world.asked).toHaveLength(2);
  });
});

describe("where kubelet's credentials allow no watch", () => {
  const FORBIDDEN = status(
    403,
    'endpointslices.discovery.k8s.io is forbidden: User "system:node:n1" cannot list resource',
  );

  test.each([FORBIDDEN, status(404, "the server could not find the requested resource")])(
    "its Endpoints are asked for, each half minute",
    async (refusal) => {
      await using world = await World.begin();
      await world.reply(refusal);
      expect(world.asked.at(-1)).toBe("/api/v1/namespaces/default/endpoints/kubernetes");
      await world.reply(endpoints(M1, M2));
      expect(world.told).toEqual([[M1, M2]]);
      expect(world.source.way).toStartWith("polled, as it may not be watched");
      await world.clock.advance(23_999);
      expect(world.asked).toHaveLength(2);
      await world.clock.advance(1);
      await world.reply(endpoints(M1));
      expect(world.told.at(-1)).toEqual([M1]);
      expect(world.problems).toEqual([]);
    },
  );

  test("it is tried after half a minute whether they do by now, then each ten minutes, with the newest list", async () => {
    await using world = await World.begin();
    await world.reply(FORBIDDEN);
    expect(await world.polls()).toBe(30_000);
    await world.reply(FORBIDDEN);
    expect(await world.polls()).toBe(600_000);
    expect(world.asked.at(-1)).toEndWith("&limit=500");
    await world.reply(list("400", M1, M2));
    expect(world.source.way).toBe("watched");
    expect(world.told.at(-1)).toEqual([M1, M2]);
  });

  test("though they did before, it is tried soon: an API server that has just started refuses everything", async () => {
    await using world = await World.begin();
    await world.reply(FORBIDDEN);
    await world.polls();
    await world.reply(list("215", M1));
    world.begin();
    await world.line(error(500, "InternalError", "etcd"));
    await world.clock.advance(800);
    await world.reply(FORBIDDEN);
    expect(await world.polls()).toBe(30_000);
  });

  test("and not even Endpoints, that is told", async () => {
    await using world = await World.begin();
    await world.reply(FORBIDDEN);
    await world.reply(status(403, "endpoints is forbidden"));
    expect(world.problems).toEqual(["status 403: endpoints is forbidden"]);
  });
});

describe("a source that is asked once more", () => {
  test("lists anew in the middle of a watch", async () => {
    await using world = await World.watching(M1, M2);
    world.source.again();
    await world.clock.advance(0);
    expect(world.asked.at(-1)).toEndWith("&limit=500");
    await world.reply(list("300", M1));
    expect(world.told.at(-1)).toEqual([M1]);
  });

  test("asks at once in the middle of a pause", async () => {
    await using world = await World.begin();
    await world.reply(status(500, "etcd"));
    world.source.again();
    await world.clock.advance(0);
    expect(world.asked).toHaveLength(2);
  });
});

test("a node that knows its members waits for its turn at a start", async () => {
  await using world = await World.begin({ isRemembered: true, random: 0.5 });
  expect(world.asked).toEqual([]);
  await world.clock.advance(14_999);
  expect(world.asked).toEqual([]);
  await world.clock.advance(1);
  expect(world.asked).toHaveLength(1);
});

test("answers that are none are told as such", async () => {
  await using world = await World.begin();
  await world.reply({ status: 200, body: "<html>", retryAfterMs: undefined });
  expect(world.problems).toEqual(["the answer is no list of EndpointSlices"]);
  await world.clock.advance(800);
  await world.reply(list("5", M1));
  await world.lineText("{");
  expect(world.problems.at(-1)).toBe("the watch ended: a line of it is no event");
  await world.clock.advance(2000);
  await world.reply({
    status: 200,
    body: JSON.stringify({ metadata: { resourceVersion: "6", continue: "x" }, items: [] }),
    retryAfterMs: undefined,
  });
  expect(world.problems.at(-1)).toBe("it has more EndpointSlices than can be read at once");
});

/** A source, its API server, which answers as the test says, and its clock. */
class World implements AsyncDisposable {
  readonly clock = new VirtualClock();
  readonly asked: string[] = [];
  /** Addresses, each time that they were told. */
  readonly told: (readonly string[])[] = [];
  readonly problems: string[] = [];
  readonly source: KubernetesSource;
  readonly #pending: PromiseWithResolvers<ApiReply | ApiFailure>[] = [];
  #listener: WatchListener | undefined;

  static async begin({ isRemembered = false, random = 0 } = {}): Promise<World> {
    const world = new World(random);
    world.source.start({ hear: (answer) => world.#hear(answer), servers: () => [], isRemembered });
    await world.clock.advance(0);
    return world;
  }

  static async watching(...members: readonly string[]): Promise<World> {
    const world = await World.begin();
    await world.reply(list("215", ...members));
    world.begin();
    return world;
  }

  private constructor(random: number) {
    const options = {
      type: "kubernetes",
      namespace: "default",
      name: "kubernetes",
      port: undefined,
      kubeconfig: undefined,
      context: undefined,
      pollMs: 30_000,
    } as const;
    this.source = new KubernetesSource(options, {
      api: () => this.#api(),
      clock: this.clock,
      random: () => random,
      family: "ipv4",
      report: () => Promise.resolve({ failed: "nobody reports here" }),
    });
  }

  async reply(reply: ApiReply): Promise<void> {
    this.#pending.shift()?.resolve(reply);
    await this.clock.advance(0);
  }

  /** Answers polls as long as there are any, and returns for how long there were. */
  async polls(): Promise<number> {
    const sinceMs = this.clock.now();
    while (this.asked.at(-1)?.includes("/endpoints/")) {
      await this.reply(endpoints(M1));
      const polled = this.asked.length;
      while (this.asked.length === polled) await this.clock.advance(1000);
    }
    return this.clock.now() - sinceMs;
  }

  /** The watch's answer is there. */
  begin(): void {
    this.#listener?.began();
  }

  async end(outcome: ApiReply | ApiFailure, how?: "unbegun"): Promise<void> {
    if (how !== "unbegun") this.begin();
    this.#pending.shift()?.resolve(outcome);
    await this.clock.advance(0);
  }

  line(event: object): Promise<void> {
    return this.lineText(JSON.stringify(event));
  }

  async lineText(line: string): Promise<void> {
    this.#listener?.line(line);
    await this.clock.advance(0);
  }

  event(type: string, version: string, ...members: readonly string[]): Promise<void> {
    return this.line({ type, object: sliceObject(version, members) });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.source[Symbol.dispose]();
    for (const pending of this.#pending) pending.resolve({ failed: "over" });
    await this.clock.advance(0);
    expect(this.clock.armed).toBe(0);
  }

  #api(): Api {
    const ask = (path: string): PromiseWithResolvers<ApiReply | ApiFailure> => {
      const pending = Promise.withResolvers<ApiReply | ApiFailure>();
      this.asked.push(path);
      this.#pending.push(pending);
      return pending;
    };
    return {
      get: (path) => ask(path).promise,
      write: () => Promise.resolve({ failed: "nothing is written here" }),
      watch: (path, _, listener): ApiWatch => {
        this.#listener = listener;
        const pending = ask(path);
        return { ended: pending.promise, close: () => this.#close(pending) };
      },
      [Symbol.dispose]: () => undefined,
    };
  }

  #close(pending: PromiseWithResolvers<ApiReply | ApiFailure>): void {
    this.#pending.splice(this.#pending.indexOf(pending), 1);
    pending.resolve({ failed: "called off" });
  }

  #hear(answer: Answer): void {
    if ("problem" in answer) this.problems.push(answer.problem);
    else this.told.push(answer.listed.map(({ endpoint }) => formatEndpoint(endpoint).replace(":6443", "")));
  }
}

/** As an API server of 1.36 has it. */
function sliceObject(version: string, members: readonly string[]): object {
  return {
    kind: "EndpointSlice",
    apiVersion: "discovery.k8s.io/v1",
    metadata: { name: "kubernetes", namespace: "default", resourceVersion: version },
    addressType: "IPv4",
    endpoints: members.map((address) => ({ addresses: [address], conditions: { ready: true } })),
    ports: [{ name: "https", protocol: "TCP", port: 6443 }],
  };
}

function list(version: string, ...members: readonly string[]): ApiReply {
  const body = {
    kind: "EndpointSliceList",
    apiVersion: "discovery.k8s.io/v1",
    metadata: { resourceVersion: version },
    items: [sliceObject(version, members)],
  };
  return { status: 200, body: JSON.stringify(body), retryAfterMs: undefined };
}

function endpoints(...members: readonly string[]): ApiReply {
  const subset = {
    addresses: members.map((ip) => ({ ip })),
    ports: [{ name: "https", port: 6443, protocol: "TCP" }],
  };
  const body = { kind: "Endpoints", apiVersion: "v1", metadata: { name: "kubernetes" }, subsets: [subset] };
  return { status: 200, body: JSON.stringify(body), retryAfterMs: undefined };
}

function status(code: number, message: string, retryAfterMs?: number): ApiReply {
  return { status: code, body: JSON.stringify({ kind: "Status", status: "Failure", message, code }), retryAfterMs };
}

function error(code: number, reason: string, message: string): object {
  return {
    type: "ERROR",
    object: { kind: "Status", apiVersion: "v1", metadata: {}, status: "Failure", message, reason, code },
  };
}
