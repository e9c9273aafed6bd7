import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { configSocketPath, makeRuntimeDirectory, runtimeDirectory } from "../../src/control/runtime-directory.ts";
import { serveControl, type ControlServer } from "../../src/control/server.ts";
import type { ReloadReport } from "../../src/domain/reload.ts";
import { runProgram, type ProgramResult } from "../cli/run-program.ts";

const uid = process.getuid?.() ?? 0;
let folder = "";
let runtime = "";
const servers: ControlServer[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "lvscare-reload-"));
  runtime = runtimeDirectory({ XDG_RUNTIME_DIR: folder }, uid);
  makeRuntimeDirectory(runtime, uid);
});
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
  rmSync(folder, { recursive: true, force: true });
});

const NOTHING: ReloadReport = { outcome: "unchanged", changes: [], draining: [], problems: [] };

test("prints what a reload changes, line by line, and what is still draining", async () => {
  const file = daemonWith("edge.yaml", {
    ...NOTHING,
    outcome: "applied",
    changes: ["~ web (tcp 10.0.0.1:80)  scheduler rr → wrr", "- api (tcp 10.0.0.2:80)"],
    draining: ["10.1.0.1:80 of api: 12 open connections"],
  });
  expect(await reload("--config", relative(process.cwd(), file))).toEqual({
    code: 0,
    stdout:
      "~ web (tcp 10.0.0.1:80)  scheduler rr → wrr\n- api (tcp 10.0.0.2:80)\ndraining: 10.1.0.1:80 of api: 12 open connections\n",
    stderr: "",
  });
  const same = daemonWith("same.yaml", NOTHING);
  expect(await reload("--config", same)).toEqual({ code: 0, stdout: "unchanged\n", stderr: "" });
});

test("of a file that is refused it prints each problem with its place, and exits with 1", async () => {
  const problems = [
    "edge.yaml:3:5: error: virtual-servers[0].weight: -1 is less than 0",
    "edge.yaml:9:1: error: bad\u001b",
  ];
  const report: ReloadReport = { ...NOTHING, outcome: "refused", problems };
  const file = daemonWith("edge.yaml", report);
  const { code, stdout, stderr } = await reload("--config", file);
  expect([code, stdout, stderr.split("\n").length, stderr.split("\n")[0]]).toEqual([1, "", 3, problems[0]]);
  expect(stderr).not.toContain("\u001b");
  const asJson = await reload("--config", file, "-o", "json");
  expect([asJson.code, JSON.parse(asJson.stdout)]).toEqual([1, report]);
});

test("which of several daemons is meant must be clear", async () => {
  const [edge, core] = [daemonWith("edge.yaml", NOTHING), daemonWith("core.yaml", NOTHING)];
  const unnamed = await reload();
  expect([unnamed.code, unnamed.stdout]).toEqual([1, ""]);
  // Daemons of other tests may be there as well.
  expect(unnamed.stderr).toMatch(/^lvscare: \d+ daemons run with a configuration file \(name the one .* --config: /);
  for (const file of [edge, core]) expect(unnamed.stderr).toContain(file);
  const wrong = await reload("--config", "/etc/none.yaml");
  expect([wrong.code, wrong.stdout]).toEqual([1, ""]);
  expect(wrong.stderr).toStartWith("lvscare: no daemon of this user runs with /etc/none.yaml (there are ");
});

// --- internal ---

/** A daemon that answers so, with this configuration file; returns its path. */
function daemonWith(name: string, report: ReloadReport): string {
  const configFile = join(folder, name);
  const sources = { configFile, virtualServers: () => [], reload: () => Promise.resolve(report) };
  servers.push(serveControl([configSocketPath(runtime, configFile)], sources));
  return configFile;
}

function reload(...argv: readonly string[]): Promise<ProgramResult> {
  return runProgram(["reload", ...argv], { XDG_RUNTIME_DIR: folder });
}
