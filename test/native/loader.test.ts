import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { copyFile, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MAIN } from "../cli/run-program.ts";

setDefaultTimeout(120_000);

/** A working directory with a library of every name that we ever open, or opened. */
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "lvscare-planted-"));
  const [library = ""] = /\/\S+\/libm\.so\.6/.exec(await readFile("/proc/self/maps", "utf8")) ?? [];
  const machine = process.arch === "arm64" ? "aarch64" : "x86_64";
  const names = ["libc.so.6", `libc.musl-${machine}.so.1`, "libdl.so.2", "libnl-3.so.200", "libnl-genl-3.so.200"];
  for (const name of names) await copyFile(library, join(folder, name));
});
afterAll(() => rm(folder, { recursive: true }));

const PRCTL = process.arch === "arm64" ? 167 : 157;
/** As systemd's MemoryDenyWriteExecute=yes: PR_SET_MDWE with PR_MDWE_REFUSE_EXEC_GAIN, for this process and what it becomes. */
const DENY_WRITE_EXECUTE = `syscall(${PRCTL}, 65, 1, 0, 0, 0) == 0 or exit 77; exec @ARGV or exit 77`;

describe.each([
  ["by the environment", ["env", "BUN_JSC_useJIT=0"]],
  ["for want of address space", ["sh", "-c", 'ulimit -v 1000000 && exec "$@"', "sh"]],
  ["where no memory may become code", ["perl", "-e", DENY_WRITE_EXECUTE]],
] as const)("without a just-in-time compiler, %s,", (_, wrapper) => {
  const isPossible = Bun.spawnSync([...wrapper, "true"]).exitCode === 0;

  test.skipIf(!isPossible).each([
    ["care --vs 127.77.0.16:18080 --rs 127.0.0.1:1 --run-once --mode none", 1],
    ["care --vs 127.77.0.16:18080 --rs 127.0.0.1:1 --data-plane userspace", 1],
    ["care --vs 127.77.0.16:18080 -C", 1],
    ["status --vs 127.77.0.16:18080", 1],
    ["doctor --vs 127.77.0.16:18080", 0],
  ])("%s says why it cannot, and loads nothing from the folder it is started in", async (line, code) => {
    const child = Bun.spawn([...wrapper, process.execPath, MAIN, ...line.split(" ")], {
      cwd: folder,
      env: { PATH: process.env["PATH"] ?? "", LD_DEBUG: "files" },
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    });
    const [out, err] = await Promise.all([child.stdout.text(), child.stderr.text()]);
    const loader = /^\s*\d+:\t.*$/gm;
    expect((err.match(loader) ?? []).filter((told) => told.includes(folder))).toEqual([]);
    expect(err).toMatch(/file=libc\.so\.6/);
    const said = `${out}${err.replaceAll(loader, "")}`.replaceAll(/\s+/g, " ");
    expect([said, await child.exited]).toEqual([expect.stringContaining("no just-in-time compiler"), code]);
    expect(said).toContain("without MemoryDenyWriteExecute=yes, without BUN_JSC_useJIT in the environment");
  });
});
