import { expect, test } from "bun:test";
import { listenOn, type Listen } from "../../../src/dataplane/userspace/listener.ts";
import { socketHandlers, type SocketEvents } from "../../../src/dataplane/userspace/socket-events.ts";
import { connectTo } from "./tcp-peers.ts";

test("a fault of our own inside a socket event is told, and ends that connection only", async () => {
  const faults: string[] = [];
  const faulty: SocketEvents = {
    received: () => {
      throw new Error("out of order");
    },
    writable: () => {},
    ended: () => {},
    closed: () => {},
  };
  const endpoint = { family: "ipv4", address: "127.0.0.1", port: 0 } as const;
  const handlers = socketHandlers((error) => faults.push(error.message));
  let port = 0;
  const listen: Listen = (options) => {
    const listening = Bun.listen(options);
    port = listening.port;
    return { pause: () => undefined, resume: () => undefined, stop: () => listening.stop(true) };
  };
  const listener = listenOn(endpoint, listen, handlers, (client) => (client.data = faulty));
  const at = { ...endpoint, port };
  const [client, bystander] = [await connectTo(at), await connectTo(at)];
  client.send("go");
  await client.until(({ closed }) => closed);
  expect([faults, client.errno, bystander.closed]).toEqual([["out of order"], "ECONNRESET", false]);
  listener.stop();
});
