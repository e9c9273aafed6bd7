import { expect, setDefaultTimeout, test } from "bun:test";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { formatEndpoint } from "../../src/domain/endpoint.ts";
import type { RealServerStatus, StatusReport } from "../../src/domain/status.ts";
import { ALIVE } from "../cli/care-program.ts";
import { LVSCARE, runProgram } from "../cli/run-program.ts";
import { waitFor } from "../kernel/support/wait-for.ts";
import { FileDaemon, TestFolder } from "./support/file-daemon.ts";
import { answering } from "../probe/http/support/raw-server.ts";

setDefaultTimeout(120_000);

test("that checks cannot be made, and why, is seen in the status until they can be made again", async () => {
  const folder = await mkdtemp(join(tmpdir(), "lvscare-unchecked-"));
  const environment = { XDG_RUNTIME_DIR: folder, PATH: process.env["PATH"] ?? "" };
  const [address, script, file] = ["127.77.14.1:18090", join(folder, "check"), join(folder, "lvscare.yaml")];
  const write = async (): Promise<void> => {
    await Bun.write(script, "#!/bin/sh\necho fine\n");
    await chmod(script, 0o755);
  };
  await write();
  using server = answering(ALIVE);
  const realServer = formatEndpoint(server.endpoint);
  const probe = `{type: exec, command: [${script}]}`;
  await Bun.write(
    file,
    `version: 1\nvirtual-servers: [{address: "${address}", real-servers: ["${realServer}"], data-plane: userspace, mode: none, interval: 100ms, probe: ${probe}}]\n`,
  );
  await using daemon = Bun.spawn([...LVSCARE, "care", "--config", file], {
    env: environment,
    stdout: "ignore",
    stderr: "ignore",
  });
  const status = async (): Promise<RealServerStatus | undefined> => {
    const { stdout } = await runProgram(["status", "--vs", address, "-o", "json"], environment);
    return stdout === "" ? undefined : (JSON.parse(stdout) as StatusReport).virtualServers[0]?.realServers[0];
  };
  await waitFor(status, (now) => now?.state === "healthy" && now.unchecked === undefined);
  await rm(script);
  const reason = `${script} cannot be run (ENOENT)`;
  // A busy machine may have held up the daemon before that.
  expect(await waitFor(status, (now) => now?.unchecked?.reason === reason)).toMatchObject({
    state: "healthy",
    unchecked: { reason, since: expect.any(String) },
  });
  const { stdout } = await runProgram(["status", "--vs", address], environment);
  expect(stdout.replaceAll(/\s+/g, " ")).toMatch(/cannot be checked for \d+s: /);
  const { code, stderr } = await runProgram(["check", realServer], environment);
  expect([code, stderr]).toEqual([1, expect.stringContaining(`${realServer} cannot be checked: ${reason}`)]);
  // The daemon is well.
  expect(stderr).not.toContain(folder.concat("/lvscare"));
  await write();
  await waitFor(status, (now) => now?.unchecked === undefined);
  daemon.kill();
  await daemon.exited;
  await rm(folder, { recursive: true });
});

test("that nobody is in service is told also where no real server could be checked since the start", async () => {
  await using folder = await TestFolder.make();
  const [address, file, script] = ["127.77.14.2:18091", join(folder.path, "lvscare.yaml"), join(folder.path, "check")];
  using server = answering(ALIVE);
  const realServers = `["${formatEndpoint(server.endpoint)}"]`;
  const probe = `{type: exec, command: [${script}]}`;
  const write = (text: string): Promise<void> => Bun.write(script, text).then(() => chmod(script, 0o755));
  // What a relative path leads to is found out when it is run.
  await write("#!nowhere\n");
  await Bun.write(
    file,
    `version: 1\nvirtual-servers: [{address: "${address}", real-servers: ${realServers}, data-plane: userspace, mode: none, interval: 100ms, probe: ${probe}}]\n`,
  );
  await using daemon = new FileDaemon(file, { XDG_RUNTIME_DIR: folder.path, PATH: process.env["PATH"] ?? "" });
  await daemon.logged(/WARN .*nobody is in service behind tcp 127\.77\.14\.2:18091: clients are not served$/);
  await write("#!/bin/sh\n");
  await daemon.logged(/INFO .*somebody is in service behind tcp 127\.77\.14\.2:18091 again$/);
});
