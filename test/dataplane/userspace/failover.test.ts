import { describe, expect, test } from "bun:test";
import { existsSync, openSync, readdirSync, readlinkSync } from "node:fs";
import { closeFd, openTcpSocket } from "#native";
import { addressBytes, type Endpoint } from "../../../src/domain/endpoint.ts";
import { NO_TRAFFIC, realServer } from "../../../src/domain/virtual-server.ts";
import { libc } from "../../../native/libc.ts";
import { connectTo, eventually, greeted, greeter, openDescriptors, serve, whoAnswers } from "./tcp-peers.ts";
import { useService } from "./use-service.ts";

/** An endpoint at which nobody listens. At 127.0.0.1, the kernel might give its port to the next who asks for any. */
function refusing(): Endpoint {
  using server = serve("127.77.0.22", {});
  return server.endpoint;
}

/** An endpoint that never answers a SYN: it listens, never accepts, and its queue is full. */
function blackHole(address: string): Disposable & { readonly endpoint: Endpoint } {
  const endpoint = { family: "ipv4", address, port: 17_443 } as const;
  const fd = libc().socket(2, 1, 0);
  const name = new Uint8Array(new ArrayBuffer(16));
  name.set([2, 0, endpoint.port >> 8, endpoint.port & 0xff, ...addressBytes(address)]);
  expect(libc().bind(fd, name, name.length)).toBe(0);
  expect(libc().listen(fd, 0)).toBe(0);
  const fds = [fd, openTcpSocket(endpoint), openTcpSocket(endpoint)];
  return { endpoint, [Symbol.dispose]: () => fds.forEach(closeFd) };
}

/** Dials, and counts those of one server. */
function dialsOf(counted: Endpoint): { readonly dial: typeof openTcpSocket; count: number } {
  const dials = {
    count: 0,
    dial: (target: Endpoint) => {
      if (target.address === counted.address && target.port === counted.port) dials.count++;
      return openTcpSocket(target);
    },
  };
  return dials;
}

describe("a dial that fails", () => {
  test("goes to the next server within the client's connection", async () => {
    using alive = greeter("127.0.0.1", "alive");
    await using proxy = await useService([refusing(), alive.endpoint, refusing()]);
    const { endpoint, stage, service } = proxy;
    for (let time = 0; time < 4; time++) expect(await whoAnswers(endpoint)).toBe("alive");
    const observed = await stage.plane.measure(service);
    expect(observed?.realServers.map(({ stats }) => stats?.connections)).toEqual([0, 4, 0]);
  });

  test("goes to the next server also when the kernel refuses to dial at all", async () => {
    using alive = greeter("127.0.0.1", "alive");
    const unreachable = { ...alive.endpoint, address: "127.0.0.2" };
    const dial = (target: Endpoint) => {
      if (target.address === unreachable.address) throw new Error("ENETUNREACH");
      return openTcpSocket(target);
    };
    await using proxy = await useService([unreachable, alive.endpoint], { dial });
    const { endpoint } = proxy;
    expect(await whoAnswers(endpoint)).toBe("alive");
  });

  test("goes to the next server also when the runtime does not take the descriptor, which is closed then", async () => {
    using alive = greeter("127.0.0.1", "alive");
    const other = { ...alive.endpoint, address: "127.0.0.2" };
    // A regular file cannot be polled.
    const dial = (target: Endpoint) =>
      target.address === other.address ? openSync(import.meta.path, "r") : openTcpSocket(target);
    await using proxy = await useService([other, alive.endpoint], { dial });
    expect(await whoAnswers(proxy.endpoint)).toBe("alive");
    // The descriptor that lists the others is among them, and gone by now.
    const open = readdirSync("/proc/self/fd")
      .map((fd) => `/proc/self/fd/${fd}`)
      .filter((fd) => existsSync(fd));
    expect(open.map((fd) => readlinkSync(fd))).not.toContain(import.meta.path);
  });

  test("moves on from a server that never answers, and keeps what the client has already said", async () => {
    const address = `127.1.${process.pid & 255}.9`;
    using hole = blackHole(address);
    using alive = serve("127.0.0.1", {});
    await using proxy = await useService([hole.endpoint, alive.endpoint], { dialTimeoutMs: 40 });
    const { endpoint, counts } = proxy;
    const before = openDescriptors();
    const early = new Uint8Array(2_000_000).fill(7);
    const client = await connectTo(endpoint);
    client.send(early).finish();
    await eventually(async () => (await counts())[0]?.[0] === 1);
    await eventually(() => alive.peers[0]?.ended === true);
    expect(alive.peers[0]?.digest()).toBe(new Bun.CryptoHasher("sha1").update(early).digest("hex"));
    expect(await counts()).toEqual([
      [0, 0],
      [0, 1],
    ]);

    client.socket.terminate();
    await eventually(() => openDescriptors() <= before);
  });

  test("takes the turn of nobody else: of two servers in turn the dead one is dialled by every second client", async () => {
    const dead = refusing();
    using alive = greeter("127.0.0.1", "alive");
    const dials = dialsOf(dead);
    await using proxy = await useService([dead, alive.endpoint], { dial: dials.dial });
    for (let time = 0; time < 6; time++) expect(await whoAnswers(proxy.endpoint)).toBe("alive");
    expect(dials.count).toBe(3);
  });

  test("of a server that never answers is told, and nobody else waits for that server before it is well again", async () => {
    using hole = blackHole(`127.1.${process.pid & 255}.13`);
    using alive = greeter("127.0.0.1", "alive");
    const dials = dialsOf(hole.endpoint);
    await using proxy = await useService([hole.endpoint, alive.endpoint], { dialTimeoutMs: 40, dial: dials.dial });
    const heard: { server: Endpoint; isWell: () => void }[] = [];
    proxy.stage.plane.onSilence?.((server, isWell) => heard.push({ server, isWell }));
    for (let time = 0; time < 6; time++) expect(await whoAnswers(proxy.endpoint)).toBe("alive");
    expect([dials.count, heard.map(({ server }) => server)]).toEqual([1, [hole.endpoint]]);

    heard[0]?.isWell();
    for (let time = 0; time < 2; time++) expect(await whoAnswers(proxy.endpoint)).toBe("alive");
    expect([dials.count, heard.length]).toEqual([2, 2]);
  });

  test("of the only server does not keep others from trying it", async () => {
    using hole = blackHole(`127.1.${process.pid & 255}.14`);
    const dials = dialsOf(hole.endpoint);
    await using proxy = await useService([hole.endpoint], { dialTimeoutMs: 40, dial: dials.dial });
    proxy.stage.plane.onSilence?.(() => undefined);
    for (let time = 1; time <= 2; time++) {
      const client = await connectTo(proxy.endpoint);
      await client.until(({ closed }) => closed);
      expect([client.errno, dials.count]).toEqual(["ECONNRESET", time]);
    }
  });

  test("leaves no trace of the client in the figures of the server that failed", async () => {
    using hole = blackHole(`127.1.${process.pid & 255}.12`);
    using alive = serve("127.0.0.1", {});
    await using proxy = await useService([hole.endpoint, alive.endpoint], { dialTimeoutMs: 40 });
    const { endpoint, stage, service } = proxy;
    const client = await connectTo(endpoint);
    client.send("question").finish();
    await eventually(() => alive.peers[0]?.ended === true);
    const figures = (await stage.plane.measure(service))?.realServers.map((one) => [
      one.activeConnections,
      one.inactiveConnections,
      one.stats,
    ]);
    expect(figures).toEqual([
      [0, 0, NO_TRAFFIC],
      [0, 1, { ...NO_TRAFFIC, connections: 1, inPackets: 1, inBytes: 8 }],
    ]);
  });

  test("is given up when the client leaves", async () => {
    using hole = blackHole(`127.1.${process.pid & 255}.10`);
    await using proxy = await useService([hole.endpoint], { dialTimeoutMs: 60_000 });
    const { endpoint, counts } = proxy;
    const before = openDescriptors();
    const client = await connectTo(endpoint);
    await eventually(async () => (await counts())[0]?.[0] === 1);
    client.socket.terminate();
    await eventually(async () => (await counts())[0]?.[0] === 0);
    await eventually(() => openDescriptors() <= before);
  });

  test("goes elsewhere when its server is removed meanwhile", async () => {
    using hole = blackHole(`127.1.${process.pid & 255}.11`);
    using alive = greeter("127.0.0.1", "alive");
    await using proxy = await useService([hole.endpoint, alive.endpoint], { dialTimeoutMs: 60_000 });
    const { endpoint, counts, apply } = proxy;
    const answer = whoAnswers(endpoint);
    await eventually(async () => (await counts())[0]?.[0] === 1);
    await apply({ kind: "server.remove", endpoint: hole.endpoint });
    expect(await answer).toBe("alive");
  });
});

describe("a client is turned away by reset", () => {
  test.each([
    ["when every server refuses", () => [refusing(), refusing()]],
    ["when no server has a weight", () => [realServer(refusing(), 0)]],
    ["when there is no server", () => []],
  ])("%s", async (_when, realServers) => {
    await using proxy = await useService(realServers());
    const { endpoint } = proxy;
    const client = await connectTo(endpoint);
    await client.until(({ closed }) => closed);
    expect(client.errno).toBe("ECONNRESET");
  });
});

describe("thresholds", () => {
  test("keep a full server from new connections until it is below three quarters", async () => {
    using small = greeter("127.0.0.1", "small");
    using large = greeter("127.0.0.1", "large");
    const limited = { ...realServer(small.endpoint, 100), upperThreshold: 4 };
    await using proxy = await useService([limited, large.endpoint], { scheduler: "wrr" });
    const { endpoint } = proxy;
    const open = [];
    for (let time = 0; time < 4; time++) open.push(await greeted(endpoint));
    expect(open.map(({ text }) => text)).toEqual(Array(4).fill("small\n"));
    expect(await whoAnswers(endpoint)).toBe("large");

    open[0]?.socket.terminate();
    await eventually(() => small.peers[0]?.closed === true);
    expect(await whoAnswers(endpoint)).toBe("large");

    open[1]?.socket.terminate();
    await eventually(() => small.peers[1]?.closed === true);
    expect(await whoAnswers(endpoint)).toBe("small");
  });
});
