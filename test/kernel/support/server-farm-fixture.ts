import { FaultyServer } from "./faulty-server.ts";
import type { FarmOrder, FarmReport } from "./server-farm.ts";

/** Many servers in one process, away from the test's own event loop: started by `server-farm.ts`, and directed by its messages. */
const servers = new Map<string, FaultyServer>();

process.on("message", (order: FarmOrder) => {
  process.send?.(obey(order) satisfies FarmReport);
});
process.on("disconnect", () => process.exit());
process.send?.({ requests: {} } satisfies FarmReport);

function obey(order: FarmOrder): FarmReport {
  if (order.kind === "behave") {
    for (const address of order.addresses) serverAt(address, order.tls).behave(order.behaviour);
    return { requests: {} };
  }
  const requests = Object.fromEntries(Array.from(servers, ([address, server]) => [address, server.requests]));
  for (const server of servers.values()) server.requests = [];
  return { requests };
}

function serverAt(address: string, tls: Bun.TLSOptions | undefined): FaultyServer {
  const known = servers.get(address);
  if (known !== undefined) return known;
  const server = new FaultyServer(address, tls);
  servers.set(address, server);
  return server;
}
