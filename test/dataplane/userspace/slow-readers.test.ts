import { expect, test } from "bun:test";
import { PIECE_BYTES } from "../../../src/dataplane/userspace/flow.ts";
import { UserspaceDataPlane } from "../../../src/dataplane/userspace/userspace-data-plane.ts";
import { waitFor } from "../../kernel/support/wait-for.ts";
import { connectTo, eventually, openDescriptors, serve, type Peer } from "./tcp-peers.ts";
import { useService, type ServiceStage } from "./use-service.ts";

const CLIENTS = 6;
/** More than kernels take for one who does not read, on loopback. */
const BODY = crypto.getRandomValues(new Uint8Array(65_536)).toHex().repeat(160);

test("of what clients do not read, 64 KiB are buffered for each at most, and all come out in the end", async () => {
  using server = serve("127.0.0.1", { opened: (peer) => void peer.send(BODY).finish() });
  await using proxy = await useService([server.endpoint]);
  const before = openDescriptors();
  const clients = await Promise.all(
    Array.from({ length: CLIENTS }, () => connectTo(proxy.endpoint, stopAfterAMegabyte())),
  );
  await untilStill(server.peers);
  const buffered = planeOf(proxy).bufferedBytes;
  expect(buffered).toBeWithin(1, CLIENTS * PIECE_BYTES + 1);

  for (const { socket } of clients) socket.resume();
  const expected = new Bun.CryptoHasher("sha1").update(BODY).digest("hex");
  for (const client of clients) {
    await client.until(({ ended }) => ended);
    expect([client.received, client.digest()]).toEqual([BODY.length, expected]);
    client.finish();
  }
  await eventually(() => openDescriptors() <= before);
  expect(planeOf(proxy).bufferedBytes).toBe(0);
}, 60_000);

test("what is buffered for those who leave, or whose server does, is let go", async () => {
  using server = serve("127.0.0.1", { opened: (peer) => void peer.send(BODY) });
  await using proxy = await useService([server.endpoint]);
  const clients = await Promise.all(Array.from({ length: 2 }, () => connectTo(proxy.endpoint, stopAfterAMegabyte())));
  await untilStill(server.peers);
  expect(planeOf(proxy).bufferedBytes).toBeGreaterThan(0);
  clients[0]?.socket.terminate();
  server.peers[1]?.socket.terminate();
  await eventually(() => planeOf(proxy).bufferedBytes === 0);
}, 60_000);

test("who needs more than there is to be buffered for all is cut off, and that is told once", async () => {
  let told = 0;
  using server = serve("127.0.0.1", { opened: (peer) => void peer.send(BODY) });
  await using proxy = await useService([server.endpoint], { mostBufferedBytes: 0, onFull: () => told++ });
  const clients = await Promise.all(Array.from({ length: 3 }, () => connectTo(proxy.endpoint, stopAfterAMegabyte())));
  await eventually(() => server.peers.length === 3 && server.peers.every(({ closed }) => closed));
  for (const { socket } of clients) socket.resume();
  for (const client of clients) await client.until(({ closed }) => closed);
  expect([told, planeOf(proxy).bufferedBytes, clients.map(({ errno }) => errno)]).toEqual([
    1,
    0,
    clients.map(() => "ECONNRESET"),
  ]);
}, 60_000);

// --- internal ---

/** Reads a megabyte, and then nothing until it is told to. */
function stopAfterAMegabyte(): (peer: Peer) => void {
  let hasStopped = false;
  return ({ socket, received }) => {
    if (hasStopped || received < 1e6) return;
    hasStopped = true;
    socket.pause();
  };
}

/** Nobody sends any more, in many turns: half a second alone may be one in which this process got none. */
async function untilStill(peers: readonly Peer[]): Promise<void> {
  const sent = (): number => peers.reduce((sum, peer) => sum + peer.sent, 0);
  let before = { sent: 0, looks: 0, sinceMs: performance.now() };
  await waitFor(
    () => {
      const nowMs = performance.now();
      if (sent() !== before.sent) before = { sent: sent(), looks: 0, sinceMs: nowMs };
      return before.sent > 0 && ++before.looks > 25 && nowMs - before.sinceMs > 500;
    },
    (isStill) => isStill,
  );
}

function planeOf({ stage }: ServiceStage): UserspaceDataPlane {
  if (!(stage.plane instanceof UserspaceDataPlane)) throw new Error("it is another plane");
  return stage.plane;
}
