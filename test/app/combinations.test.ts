import { expect, setDefaultTimeout, test } from "bun:test";
import { chmod } from "node:fs/promises";
import { join } from "node:path";
import { formatEndpoint } from "../../src/domain/endpoint.ts";
import type { RealServerStatus } from "../../src/domain/status.ts";
import { ALIVE } from "../cli/care-program.ts";
import { runProgram } from "../cli/run-program.ts";
import { waitFor } from "../kernel/support/wait-for.ts";
import { answering } from "../probe/http/support/raw-server.ts";
import { FileDaemon, TestFolder } from "./support/file-daemon.ts";

setDefaultTimeout(120_000);

const VS = "127.77.15.1:18091";

test("several checks decide together about each real server; status, check and reload tell of each of them", async () => {
  await using folder = await TestFolder.make();
  const environment = { XDG_RUNTIME_DIR: folder.path, PATH: process.env["PATH"] ?? "" };
  const [file, script] = [join(folder.path, "lvscare.yaml"), join(folder.path, "check")];
  const say = async (code: number): Promise<void> => {
    await Bun.write(script, `#!/bin/sh\necho says ${code}\nexit ${code}\n`);
    await chmod(script, 0o755);
  };
  await say(0);
  using one = answering(ALIVE);
  using other = answering(ALIVE);
  using another = answering(ALIVE);
  const [first = "", second = "", third = ""] = [one, other, another].map(({ endpoint }) => formatEndpoint(endpoint));
  const write = (rule: string): Promise<number> =>
    Bun.write(
      file,
      `version: 1
probes: {web: {type: http, scheme: http, path: /}}
defaults: {data-plane: userspace, mode: none, interval: 100ms, check-way: false}
virtual-servers:
- address: "${VS}"
  probes: {${rule}: [web, {type: exec, name: role, command: [${script}], fall: 2, rise: 2}]}
  real-servers: ["${first}", {address: "${second}", probe: {type: tcp}}]
`,
    );
  await write("all");
  await using daemon = new FileDaemon(file, environment);
  await daemon.logged(new RegExp(`real server ${first} recovering → healthy: web: status 200; role: says 0$`));
  const servers = async (): Promise<readonly RealServerStatus[]> =>
    (await daemon.status(VS)).virtualServers[0]?.realServers ?? [];
  const inService = (...expected: readonly string[]): Promise<readonly RealServerStatus[]> =>
    waitFor(servers, (all) =>
      Bun.deepEquals(
        all.filter(({ weight = 0 }) => weight > 0).map(({ address }) => address),
        expected,
      ),
    );
  const [checked, alone] = await inService(first, second);
  expect(checked).toMatchObject({
    state: "healthy",
    checks: [
      { name: "web", state: "up", reason: "status 200" },
      { name: "role", state: "up", reason: "says 0" },
    ],
    lastVerdict: { passed: true, reason: "web: status 200; role: says 0" },
  });
  expect(checked?.lastVerdict).not.toHaveProperty("checks");
  expect(alone).not.toHaveProperty("checks");
  expect((await daemon.statusText(VS)).replaceAll(/\s+/g, " ")).toContain(
    `CHECKS ${first} web up (status 200), role up (says 0)`,
  );
  const now = await runProgram(["check", first], environment);
  expect([now.code, now.stdout]).toEqual([
    0,
    expect.stringMatching(/checks +web up \(status 200\), role up \(says 0\)/),
  ]);

  await say(1);
  await inService(second);
  await daemon.logged(new RegExp(`real server ${first} healthy → draining: role: says 1$`));
  const failed = await runProgram(["check", first], environment);
  expect([failed.code, failed.stdout]).toEqual([1, expect.stringMatching(/failed: role: says 1\n/)]);

  // One of them is enough now, and that is tried before it counts.
  await write("any");
  const reloaded = await daemon.reload();
  expect([reloaded.code, reloaded.stdout]).toEqual([0, expect.stringContaining("probe (probes: any of web, role)")]);
  await inService(first, second);
  await daemon.logged(/the changed probe decides/);
  // Who comes with a check of its own is no change of the others'.
  await Bun.write(
    file,
    (await Bun.file(file).text()).replace(
      "real-servers: [",
      `real-servers: [{address: "${third}", probe: {type: tcp, fall: 2}}, `,
    ),
  );
  const joined = await daemon.reload();
  expect(joined.stdout).toContain(third);
  expect(joined.stdout).not.toContain("probe");
  await inService(third, first, second);
  expect((await servers())[0]?.checks).toEqual([{ name: "tcp", state: "up", reason: "connected" }]);
  await write("none");
  expect((await daemon.reload()).code).toBe(1);
  expect(await daemon.stop()).toBe(0);
});

test("one of several checks that another virtual server makes alike is made once", async () => {
  await using folder = await TestFolder.make();
  const environment = { XDG_RUNTIME_DIR: folder.path, PATH: process.env["PATH"] ?? "" };
  const file = join(folder.path, "lvscare.yaml");
  using server = answering(ALIVE);
  const realServer = formatEndpoint(server.endpoint);
  const [one, other] = ["127.77.15.2:18091", "127.77.15.3:18091"];
  await Bun.write(
    file,
    `version: 1
probes: {web: {type: http, scheme: http, path: /}}
defaults: {data-plane: userspace, mode: none, interval: 1h, check-way: false}
virtual-servers:
- {address: "${one}", probes: {all: [web, {type: tcp, fall: 2}]}, real-servers: ["${realServer}"]}
- {address: "${other}", probes: {any: [web, {type: tcp, fall: 3}]}, real-servers: ["${realServer}"]}
`,
  );
  await using daemon = new FileDaemon(file, environment);
  for (const address of [one, other])
    await daemon.logged(new RegExp(`tcp ${address}: real server ${realServer} recovering → healthy: `));
  expect(server.requests).toHaveLength(1);
  expect(await daemon.stop()).toBe(0);
});
