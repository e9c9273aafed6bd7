import { expect, test } from "bun:test";
import { claimVirtualServers } from "../../src/app/claim.ts";
import { parseEndpoint } from "../../src/domain/endpoint.ts";
import type { Logger } from "../../src/domain/logger.ts";
import type { ServiceKey } from "../../src/domain/virtual-server.ts";
import { ALIVE, CareProgram } from "../cli/care-program.ts";
import { answering } from "../probe/http/support/raw-server.ts";

test("claims all virtual servers or none, and tells which one another process cares for", async () => {
  using server = answering(ALIVE);
  await using other = new CareProgram(server.endpoint);
  await other.waitForLog(/caring for/);
  const [first, taken, last] = ["127.77.9.7:18090", other.address, "127.77.9.8:18090"].map(key);
  if (first === undefined || taken === undefined || last === undefined) throw new Error("cannot be");

  expect(() => claim(first, taken, last)).toThrow(`pid ${other.child.pid} already cares for tcp ${other.address}`);

  // What was free is free again, and then this process's.
  using claimed = new DisposableStack();
  claimed.use(claim(first, last));
  for (const one of [first, last]) expect(() => claim(one)).toThrow(`pid ${process.pid} already cares for`);
  claimed.dispose();
  claim(last, first)[Symbol.dispose]();
});

// --- internal ---

function key(text: string): ServiceKey {
  return { protocol: "tcp", endpoint: parseEndpoint(text) };
}

function claim(...keys: readonly ServiceKey[]): Disposable {
  const refuse = (message: string | (() => string)): never => {
    throw new Error(typeof message === "string" ? message : message());
  };
  const logger: Logger = { debug: refuse, info: refuse, warn: refuse, error: refuse };
  return claimVirtualServers(keys, process.getuid?.() ?? 0, logger);
}
