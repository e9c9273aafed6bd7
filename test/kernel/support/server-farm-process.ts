import { FaultyServer } from "./faulty-server.ts";
import type { FarmOrder } from "./server-farm.ts";

// The other side of server-farm.ts: an order in each line of stdin, its answer in a line of stdout.

const servers = new Map<string, FaultyServer>();

console.log("ready");
for await (const line of console) {
  try {
    console.log(obey(JSON.parse(line) as FarmOrder));
  } catch (error) {
    console.log(`${line.slice(0, 200)}: ${String(error)}`);
  }
}
// Listening servers would keep it alive without the test.
process.exit();

function obey(order: FarmOrder): string {
  if (order.kind === "takeRequests") return JSON.stringify(takeRequests());
  for (const address of order.addresses) serverAt(address, order.tls).behave(order.behaviour);
  return "done";
}

function serverAt(address: string, tls: Bun.TLSOptions | undefined): FaultyServer {
  const server = servers.get(address) ?? new FaultyServer(address, tls);
  servers.set(address, server);
  return server;
}

function takeRequests(): Record<string, unknown> {
  const requests = Object.fromEntries(Array.from(servers, ([address, server]) => [address, server.requests]));
  for (const server of servers.values()) server.requests = [];
  return requests;
}
