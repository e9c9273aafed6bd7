import { expect, test } from "bun:test";
import { join } from "node:path";
import { claimVirtualServers } from "../../src/app/claim.ts";
import { formatEndpoint, parseEndpoint } from "../../src/domain/endpoint.ts";
import type { Logger } from "../../src/domain/logger.ts";
import type { ServiceKey } from "../../src/domain/virtual-server.ts";
import { ALIVE, CareProgram } from "../cli/care-program.ts";
import { runProgram } from "../cli/run-program.ts";
import { answering } from "../probe/http/support/raw-server.ts";
import { FileDaemon, TestFolder } from "./support/file-daemon.ts";

test("names each virtual server of a file that others care for, and the file by which they do", async () => {
  await using folder = await TestFolder.make();
  using server = answering(ALIVE);
  const path = join(folder.path, "care.yaml");
  const addresses = ["127.77.9.11:18090", "127.77.9.12:18090"];
  const listed = addresses.map(
    (address) =>
      `- {address: ${address}, data-plane: userspace, mode: none, probe: {type: http, scheme: http, path: /}, real-servers: ["${formatEndpoint(server.endpoint)}"]}\n`,
  );
  await Bun.write(path, `version: 1\nvirtual-servers:\n${listed.join("")}`);
  await using other = new FileDaemon(path, { XDG_RUNTIME_DIR: folder.path });
  await other.logged(/recovering → healthy/, 2);
  const second = join(folder.path, "second.yaml");
  await Bun.write(second, `version: 1\nvirtual-servers:\n${listed.join("")}`);
  const refused = await runProgram(["care", "--config", second], { XDG_RUNTIME_DIR: folder.path });
  expect([refused.code, refused.stdout, refused.stderr.trimEnd().split("\n")]).toEqual([
    1,
    "",
    addresses.map(
      (address) =>
        `lvscare: pid ${other.pid} already cares for tcp ${address}, as ${path} says (stop it first, or ask it with \`lvscare status\`)`,
    ),
  ]);
});

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
