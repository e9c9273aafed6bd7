import { describe, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { connectTo, eventually, serve, type Peer } from "./tcp-peers.ts";
import { useService } from "./use-service.ts";

const BIG = 50 * 1024 * 1024;
const big = randomBytes(BIG);
const some = big.subarray(0, BIG / 5);
const [bigDigest, someDigest] = [big, some].map((bytes) => new Bun.CryptoHasher("sha1").update(bytes).digest("hex"));

/** On a starved machine the kernel's zero-window timers, not this process, set the pace. */
const PATIENCE_MS = 30_000;

/** Reads one chunk, then nothing for a turn of the timers. */
function slowly(peer: Peer): void {
  peer.socket.pause();
  setTimeout(() => peer.socket.resume(), 0);
}

/** Waits until the sender has been stuck for a while. */
async function stalled(sender: Peer): Promise<void> {
  let last = -1;
  let same = 0;
  await eventually(() => {
    same = sender.sent === last ? same + 1 : 0;
    last = sender.sent;
    return sender.sent > 0 && same > 20;
  });
}

describe("bytes", () => {
  test(
    "arrive whole at a slow server, and the client is held back meanwhile",
    async () => {
      using server = serve("127.0.0.1", { opened: (peer) => peer.socket.pause(), data: slowly });
      await using proxy = await useService([server.endpoint]);
      const { endpoint } = proxy;
      const client = await connectTo(endpoint);
      client.send(big).finish();

      await stalled(client);
      expect(client.sent).toBeLessThan(BIG / 2);

      server.peers[0]?.socket.resume();
      await eventually(() => server.peers[0]?.ended === true);
      expect([server.peers[0]?.received, server.peers[0]?.digest()]).toEqual([BIG, bigDigest]);
      client.socket.terminate();
    },
    PATIENCE_MS,
  );

  test(
    "arrive whole at a slow client that has already sent its FIN",
    async () => {
      using server = serve("127.0.0.1", { opened: (peer) => peer.send(big).finish() });
      await using proxy = await useService([server.endpoint]);
      const { endpoint } = proxy;
      const client = await connectTo(endpoint, slowly);
      client.socket.pause();
      client.finish();

      await eventually(() => server.peers.length === 1);
      await stalled(server.peers[0] as Peer);
      expect(server.peers[0]?.sent).toBeLessThan(BIG / 2);

      client.socket.resume();
      await client.until(({ closed }) => closed);
      expect([client.received, client.digest(), client.errno]).toEqual([BIG, bigDigest, undefined]);
    },
    PATIENCE_MS,
  );

  test(
    "go both ways at once",
    async () => {
      using server = serve("127.0.0.1", { opened: (peer) => peer.send(some).finish() });
      await using proxy = await useService([server.endpoint]);
      const { endpoint, stage, service } = proxy;
      const client = await connectTo(endpoint);
      client.send(some).finish();
      await client.until(({ closed }) => closed);
      await eventually(() => server.peers[0]?.closed === true);
      expect([client.digest(), server.peers[0]?.digest()]).toEqual([someDigest, someDigest]);

      const stats = (await stage.plane.measure(service))?.stats;
      expect(stats).toEqual({
        connections: 1,
        inBytes: some.length,
        outBytes: some.length,
        inPackets: expect.any(Number),
        outPackets: expect.any(Number),
      });
      expect((await stage.plane.measure(service))?.realServers[0]?.stats).toEqual(stats as NonNullable<typeof stats>);
    },
    PATIENCE_MS,
  );
});

describe("the end of a connection", () => {
  test("of the client's half lets the server answer", async () => {
    using server = serve("127.0.0.1", {});
    await using proxy = await useService([server.endpoint]);
    const { endpoint, counts } = proxy;
    const client = await connectTo(endpoint);
    client.send("question").finish();
    await eventually(() => server.peers[0]?.ended === true);
    expect(server.peers[0]?.text).toBe("question");
    expect(await counts()).toEqual([[0, 1]]);

    server.peers[0]?.send("answer").finish();
    await client.until(({ closed }) => closed);
    expect([client.text, client.errno]).toEqual(["answer", undefined]);
    await eventually(async () => (await counts())[0]?.[1] === 0);
  });

  test("of the server's half lets the client go on", async () => {
    using server = serve("127.0.0.1", { opened: (peer) => peer.send("bye").finish() });
    await using proxy = await useService([server.endpoint]);
    const { endpoint, counts } = proxy;
    const client = await connectTo(endpoint);
    await client.until(({ ended }) => ended);
    expect([client.text, client.closed, await counts()]).toEqual(["bye", false, [[0, 1]]]);

    client.send("not yet").finish();
    await eventually(() => server.peers[0]?.closed === true);
    expect([server.peers[0]?.text, server.peers[0]?.errno]).toEqual(["not yet", undefined]);
    expect(client.errno).toBeUndefined();
  });

  test("by the client's reset resets the server", async () => {
    using server = serve("127.0.0.1", {});
    await using proxy = await useService([server.endpoint]);
    const { endpoint, counts } = proxy;
    const client = await connectTo(endpoint);
    await eventually(() => server.peers.length === 1);
    client.socket.terminate();
    await eventually(() => server.peers[0]?.closed === true);
    expect(server.peers[0]?.errno).toBe("ECONNRESET");
    expect(await counts()).toEqual([[0, 0]]);
  });

  test("by the server's reset resets the client", async () => {
    using server = serve("127.0.0.1", { opened: (peer) => peer.socket.terminate() });
    await using proxy = await useService([server.endpoint]);
    const { endpoint, counts } = proxy;
    const client = await connectTo(endpoint);
    await client.until(({ closed }) => closed);
    expect([client.errno, await counts()]).toEqual(["ECONNRESET", [[0, 0]]]);
  });
});
