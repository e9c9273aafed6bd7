import { afterEach, expect, test } from "bun:test";
import { listenPausably } from "#native";
import { HttpServer, type HttpServerOptions } from "../../../src/control/http/http-server.ts";
import { connectTo, eventually, type Peer } from "../../dataplane/userspace/tcp-peers.ts";

const HOST = "127.77.9.16";
let port = 18_081;
const servers: HttpServer[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.stop();
});

const ASK = "GET /a HTTP/1.1\r\nHost: x\r\n\r\n";

test("answers one request after the other, however they are cut", async () => {
  const client = await connectTo(serveHttp());
  for (const letter of `${ASK}${ASK}\r\nHEAD /b HTTP/1.1\r\nHost: x\r\n`) client.send(letter);
  client.send("\r\n");
  await client.until(({ text }) => text.split("HTTP/1.1 200 OK").length === 4);
  expect(bodies(client)).toEqual(["GET /a", "GET /a", ""]);
  expect(client.text).toContain("content-length: 6\r\n");
});

test.each([
  ["that is told to", "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "200"],
  ["of the old kind", "GET / HTTP/1.0\r\n\r\n", "200"],
  ["with a body", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", "200"],
  ["that makes no sense", "GET\r\n\r\n", "400"],
  ["without end", `GET / HTTP/1.1\r\nHost: x\r\nName: ${"x".repeat(20_000)}`, "431"],
])("closes in good order after a request %s", async (_what, request, status) => {
  const client = await connectTo(serveHttp());
  client.send(request);
  await client.until(({ ended }) => ended);
  expect(client.text).toStartWith(`HTTP/1.1 ${status} `);
  expect(client.text).toContain("connection: close\r\n");
  client.finish();
  await client.until(({ closed }) => closed);
  expect(client.errno).toBeUndefined();
});

test("answers those who have said that they will say no more", async () => {
  const client = await connectTo(serveHttp());
  client.send(ASK).finish();
  await client.until(({ closed }) => closed);
  expect([bodies(client), client.errno]).toEqual([["GET /a"], undefined]);
});

test("calls off what nobody waits for any more", async () => {
  const { promise: calledOff, resolve } = Promise.withResolvers<void>();
  let isAsked = false;
  const answer = ({ signal }: Request) => {
    isAsked = true;
    signal.addEventListener("abort", () => resolve());
    return new Promise<Response>(() => undefined);
  };
  const client = await connectTo(serveHttp({ answer }));
  client.send(ASK);
  await eventually(() => isAsked);
  client.finish();
  await calledOff;
});

test("streams in chunks, at the pace of whoever reads, and hears that they left", async () => {
  let pulls = 0;
  const { promise: left, resolve } = Promise.withResolvers<void>();
  const answer = async () =>
    new Response(
      new ReadableStream(
        {
          pull: (controller) => controller.enqueue(new Uint8Array(++pulls === 1 ? 3 : 1_000_000).fill(65)),
          cancel: () => resolve(),
        },
        { highWaterMark: 0 },
      ),
      { headers: { "content-type": "text/event-stream" } },
    );
  const client = await connectTo(serveHttp({ answer }), ({ socket }) => void socket.pause());
  client.send(ASK);
  await client.until(({ text }) => text.includes("transfer-encoding: chunked\r\n"));
  client.socket.terminate();
  await left;
  // What the kernels take for one who does not read, and no more.
  expect(pulls).toBeLessThan(40);
});

test("ends those who take too long over a request or an answer, and nobody else", async () => {
  let nowMs = 0;
  const big = new Uint8Array(30_000_000);
  const answer = async ({ url }: Request) => (url.endsWith("/big") ? new Response(big) : new Response("ok"));
  const at = serveHttp({ answer, now: () => nowMs });
  const slow = await connectTo(at);
  slow.send("GET / HT");
  const deaf = await connectTo(at, ({ socket }) => void socket.pause());
  deaf.send("GET /big HTTP/1.1\r\nHost: x\r\n\r\n");
  await deaf.until(({ received }) => received > 0);
  nowMs = 9999;
  const fresh = await connectTo(at);
  fresh.send(ASK);
  await fresh.until(({ text }) => text.includes("ok"));
  slow.send("TP/1.1\r\n");
  nowMs = 10_000;
  await slow.until(({ closed }) => closed);
  deaf.socket.resume();
  await deaf.until(({ closed }) => closed);
  expect(deaf.received).toBeLessThan(big.length);
  fresh.send(ASK);
  await fresh.until(({ text }) => text.split("HTTP/1.1 200").length === 3);
});

test("has so many connections and no more: whoever waits longest without asking makes room for the next one", async () => {
  const at = serveHttp({ mostConnections: 4 });
  const idle: Peer[] = [];
  for (let count = 0; count < 12; count++) idle.push(await connectTo(at));
  const client = await connectTo(at);
  client.send(ASK);
  await client.until(() => bodies(client).length === 1);
  await eventually(() => idle.filter(({ closed }) => !closed).length <= 4);
  client.send(ASK);
  await client.until(() => bodies(client).length === 2);
});

test("has those wait who find all connections busy", async () => {
  const waiting: ((response: Response) => void)[] = [];
  const answer = () => new Promise<Response>((resolve) => waiting.push(resolve));
  const at = serveHttp({ mostConnections: 2, answer });
  const ask = async () => (await connectTo(at)).send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  const clients: Peer[] = [];
  for (let count = 1; count <= 3; count++) {
    clients.push(await ask());
    await eventually(() => waiting.length === count);
  }
  const last = await ask();
  // It was let in by the kernel, and waits there.
  for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
  expect(waiting.length).toBe(3);
  waiting[0]?.(new Response("ok"));
  await clients[0]?.until(({ ended }) => ended);
  clients[0]?.finish();
  await eventually(() => waiting.length === 4);
  waiting[3]?.(new Response("ok"));
  await last.until(({ text }) => text.endsWith("ok"));
});

// --- internal ---

function serveHttp(options: Partial<HttpServerOptions> = {}) {
  const endpoint = { family: "ipv4", address: HOST, port: port++ } as const;
  servers.push(
    new HttpServer({
      endpoint,
      answer: async ({ method, url }) => new Response(`${method} ${new URL(url).pathname}`),
      listen: listenPausably,
      mostConnections: 100,
      idleMs: 10_000,
      now: () => performance.now(),
      ...options,
    }),
  );
  return endpoint;
}

function bodies({ text }: Peer): string[] {
  return text
    .split("HTTP/1.1 200 OK\r\n")
    .slice(1)
    .map((one) => one.split("\r\n\r\n")[1] ?? "");
}
