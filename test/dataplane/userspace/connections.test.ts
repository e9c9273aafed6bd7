import { expect, test } from "bun:test";
import { openTcpSocket } from "#native";
import { connectTo, eventually, greeted, greeter, openDescriptors, serve, whoAnswers } from "./tcp-peers.ts";
import { useService } from "./use-service.ts";

test("removing a real server cuts its connections and no others", async () => {
  using one = greeter("127.0.0.1", "one");
  using two = greeter("127.0.0.1", "two");
  await using proxy = await useService([one.endpoint, two.endpoint]);
  const { endpoint, apply, counts } = proxy;
  const [first, second] = [await greeted(endpoint), await greeted(endpoint)];
  await apply({ kind: "server.remove", endpoint: one.endpoint });
  await first.until(({ closed }) => closed);
  expect([first.text, first.errno]).toEqual(["one\n", "ECONNRESET"]);
  second.send("still here");
  await second.until(({ text }) => text === "two\nstill here");
  expect(await counts()).toEqual([[1, 0]]);
  expect(await whoAnswers(endpoint)).toBe("two");
});

test("deleting the virtual server cuts every connection and stops listening", async () => {
  using one = greeter("127.0.0.1", "one");
  await using proxy = await useService([one.endpoint]);
  const { endpoint, apply, service } = proxy;
  const open = [await greeted(endpoint), await greeted(endpoint)];
  await apply({ kind: "service.delete", service });
  for (const client of open) await client.until(({ closed }) => closed);
  await expect(connectTo(endpoint)).rejects.toMatchObject({ code: "ECONNREFUSED" });
});

test("closing the plane cuts every connection and refuses further work", async () => {
  using one = greeter("127.0.0.1", "one");
  await using proxy = await useService([one.endpoint]);
  const { endpoint, stage, service } = proxy;
  const client = await greeted(endpoint);
  await stage.plane.close();
  await client.until(({ closed }) => closed);
  expect(await stage.plane.readAll()).toEqual([]);
  await expect(stage.plane.apply(service, [{ kind: "service.create", service }])).rejects.toMatchObject({
    code: "APPLY_FAILED",
  });
});

test("least-connection schedulers see the connections of this plane", async () => {
  using one = greeter("127.0.0.1", "one");
  using two = greeter("127.0.0.1", "two");
  await using proxy = await useService([one.endpoint, two.endpoint], { scheduler: "lc" });
  const { endpoint } = proxy;
  const names = [];
  for (let time = 0; time < 4; time++) names.push((await greeted(endpoint)).text.trim());
  expect(names).toEqual(["one", "two", "one", "two"]);
});

test.each(["sh", "rr"])("%s: clients that are gone before they are accepted bother nobody", async (scheduler) => {
  using one = greeter("127.0.0.1", "one");
  const faults: Error[] = [];
  let dials = 0;
  await using proxy = await useService([one.endpoint], {
    scheduler,
    onFault: (fault) => faults.push(fault),
    dial: (target) => {
      dials++;
      return openTcpSocket(target);
    },
  });
  // While this waits for the other process, nothing here accepts: its connections are reset in the queue of the kernel.
  const { exitCode } = Bun.spawnSync([process.execPath, "-e", CONNECT_AND_RESET, JSON.stringify(proxy.endpoint)]);
  expect(exitCode).toBe(0);
  expect(await whoAnswers(proxy.endpoint)).toBe("one");
  expect({ faults, dials }).toEqual({ faults: [], dials: 1 });
});

test("500 connections at once leave no descriptor behind", async () => {
  using server = serve("127.0.0.1", { data: (peer, chunk) => peer.send(chunk.slice()) });
  await using proxy = await useService([server.endpoint]);
  const { endpoint, counts } = proxy;
  const before = openDescriptors();

  const clients = await Promise.all(Array.from({ length: 500 }, () => connectTo(endpoint)));
  await Promise.all(clients.map((client, index) => client.send(`${index}`).until(({ text }) => text === `${index}`)));
  expect(await counts()).toEqual([[500, 0]]);

  for (const [index, client] of clients.entries()) {
    // Half of them leave politely, half by reset.
    if (index % 2 === 0) client.finish();
    else client.socket.terminate();
  }
  await eventually(async () => (await counts())[0]?.[0] === 0);
  for (const peer of server.peers) peer.finish();
  await eventually(() => openDescriptors() <= before);
  expect(await counts()).toEqual([[0, 0]]);
});

// --- internal ---

const CONNECT_AND_RESET = `
  const { address, port } = JSON.parse(process.argv.at(-1));
  for (let count = 0; count < 10; count++) {
    const socket = await Bun.connect({ hostname: address, port, socket: { data() {} } });
    socket.terminate();
  }
`;
