import { expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { formatEndpoint } from "../../src/domain/endpoint.ts";
import type { RealServerStatus } from "../../src/domain/status.ts";
import { ALIVE } from "../cli/care-program.ts";
import { runProgram } from "../cli/run-program.ts";
import { waitFor } from "../kernel/support/wait-for.ts";
import { answering } from "../probe/http/support/raw-server.ts";
import { FileDaemon, TestFolder } from "./support/file-daemon.ts";

setDefaultTimeout(120_000);

const VS = "127.77.16.1:18092";
/** Its own: the agent's port is free for a while, and at an address that others use somebody might be given it. */
const REAL = "127.77.16.2";

test("an agent alone decides about its real server, until it is not heard any more", async () => {
  await using folder = await TestFolder.make();
  const environment = { XDG_RUNTIME_DIR: folder.path, PATH: process.env["PATH"] ?? "" };
  const file = join(folder.path, "lvscare.yaml");
  let line = "up 100%";
  const listen = (port: number): Bun.TCPSocketListener<undefined> =>
    Bun.listen<undefined>({
      hostname: REAL,
      port,
      socket: { open: (socket) => void socket.end(`${line}\n`), data: () => undefined, error: () => undefined },
    });
  const agent = listen(0);
  // It speaks for as long as it is there: that this process is held up for some seconds does not make it unheard.
  using server = answering(ALIVE, { hostname: REAL });
  const realServer = formatEndpoint(server.endpoint);
  await Bun.write(
    file,
    `version: 1
virtual-servers:
- address: "${VS}"
  data-plane: userspace
  mode: none
  scheduler: wrr
  weight: 10
  check-way: false
  probe: {type: agent, port: ${agent.port}, interval: 100ms, stale-after: 10s}
  real-servers: ["${realServer}"]
`,
  );
  await using daemon = new FileDaemon(file, environment);
  await daemon.logged(new RegExp(`real server ${realServer} recovering → healthy: up, 100%$`));
  const now = async (): Promise<RealServerStatus | undefined> =>
    (await daemon.status(VS)).virtualServers[0]?.realServers[0];
  const until = (isSo: (status: RealServerStatus) => boolean): Promise<RealServerStatus | undefined> =>
    waitFor(now, (status) => status !== undefined && isSo(status));

  line = "weight:30 maint #new disk";
  expect(await until(({ weight }) => weight === 0)).toMatchObject({
    state: "drained",
    health: "healthy",
    asked: { hold: "maintenance" },
  });
  expect((await daemon.statusText(VS)).replaceAll(/\s+/g, " ")).toContain(
    `HELD ${realServer} in maintenance, by its agent`,
  );
  const drainedNow = await now();
  expect(drainedNow?.lastRequest).toMatchObject({
    asks: "in maintenance, weight 30",
    reason: "maint, weight 30 (new disk)",
  });
  // So long it is drained, and not so long its health is what it is.
  expect(drainedNow?.stateSince).toBe(drainedNow?.lastRequest?.at);
  expect((await daemon.statusText(VS)).replaceAll(/\s+/g, " ")).toMatch(
    new RegExp(
      `LAST CHANGE ${realServer} \\d+s ago its check asks: in maintenance, weight 30 \\(maint, weight 30 \\(new disk\\)\\)`,
    ),
  );
  await daemon.logged(
    new RegExp(
      `INFO .*real server ${realServer}, as its check asks: in maintenance, weight 30 \\(maint, weight 30 \\(new disk\\)\\)$`,
    ),
  );
  const drained = await runProgram(["drain", realServer], environment);
  expect([drained.stdout, drained.stderr]).toEqual([
    expect.stringContaining("\n  drained by its agent, too; undrain does not lift that\n"),
    `lvscare: nobody is in service behind ${VS}; ${realServer} was not before this drain, either\n`,
  ]);
  const undrained = await runProgram(["undrain", realServer], environment);
  expect([undrained.stdout, undrained.stderr]).toEqual([
    expect.stringContaining("\n  still drained, by its agent; lvscare weight is above that\n"),
    "",
  ]);
  const checked = await runProgram(["check", realServer], environment);
  expect([checked.code, checked.stdout]).toEqual([0, expect.stringContaining("passed: maint, weight 30 (new disk)")]);
  line = "ready";
  const back = await until(({ weight }) => weight === 30);
  expect(back).toMatchObject({ state: "healthy", lastRequest: { asks: "weight 30" } });
  expect(back?.stateSince).toBe(back?.lastRequest?.at);

  // It is the only one, and takes connections: but that is its owner's word, and no last resort.
  line = "stopped";
  await daemon.logged(new RegExp(`real server ${realServer} healthy → draining: stopped$`));
  await until(({ state }) => state === "removed");
  expect((await daemon.status(VS)).virtualServers[0]).not.toHaveProperty("lastResort");

  const { port } = agent;
  agent.stop(true);
  await daemon.logged(/WARN .* the agent was not heard for \d+s: connect refused; what it asked for counts no more$/);
  expect(await until(({ state }) => state === "healthy")).toMatchObject({
    weight: 10,
    lastVerdict: { passed: true, expired: expect.stringContaining("the agent was not heard for") },
  });
  // As the daemon does, which waited long enough: by a connection.
  const connected = await runProgram(["check", realServer], environment);
  expect([connected.code, connected.stdout]).toEqual([
    0,
    expect.stringContaining("passed: connected; the agent was not heard: connect refused"),
  ]);
  line = "10%";
  const again = listen(port);
  await daemon.logged(new RegExp(`real server ${realServer}: the agent is heard again$`));
  await until(({ weight }) => weight === 1);
  const { stdout } = await runProgram(["events", "--vs", VS, "-o", "json"], environment);
  const types = stdout
    .trim()
    .split("\n")
    .map((one) => (JSON.parse(one) as { readonly type: string }).type);
  expect(types.filter((type) => type.startsWith("agent."))).toEqual(["agent.expired", "agent.heard"]);
  again.stop(true);
  expect(await daemon.stop()).toBe(0);
});
