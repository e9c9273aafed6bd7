import { expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { nobodyAnswers } from "../../src/app/daemon-sockets.ts";
import { configSocketPath, makeRuntimeDirectory, runtimeDirectory } from "../../src/control/runtime-directory.ts";
import { runProgram } from "../cli/run-program.ts";

const own = "/run/user/1000/lvscare";

test("who is not root is told that daemons of root may run all the same", () => {
  expect(nobodyAnswers(own, import.meta.dir)).toBe(
    "no lvscare daemon answers in /run/user/1000/lvscare; those that root runs answer only to root",
  );
});

test("nobody else is", () => {
  expect(nobodyAnswers(own, join(import.meta.dir, "none"))).toBe(`no lvscare daemon answers in ${own}`);
  expect(nobodyAnswers(import.meta.dir, import.meta.dir)).toBe(`no lvscare daemon answers in ${import.meta.dir}`);
});

test("a daemon that answers for others than were asked about keeps nobody from looking into the kernel's table", async () => {
  const folder = await mkdtemp(join(tmpdir(), "lvscare-sockets-"));
  const uid = process.getuid?.() ?? 0;
  const environment = { XDG_RUNTIME_DIR: folder, PATH: process.env["PATH"] ?? "" };
  const directory = runtimeDirectory(environment, uid);
  makeRuntimeDirectory(directory, uid);
  const unix = configSocketPath(directory, join(folder, "other.yaml"));
  const other = { address: "127.77.0.97:18082", protocol: "tcp", scheduler: "rr", realServers: [] };
  const daemon = Bun.serve({ unix, fetch: () => Response.json({ virtualServers: [other] }) });
  try {
    const { code, stdout, stderr } = await runProgram(["status", "--vs", "127.77.0.98:18082"], environment);
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toMatch(/no virtual server 127\.77\.0\.98:18082 stands on this host; .*the kernel's table/);
  } finally {
    await daemon.stop(true);
    await rm(unix, { force: true });
    await rm(folder, { recursive: true });
  }
});
