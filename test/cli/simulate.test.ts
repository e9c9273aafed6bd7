import { describe, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { SimulationReport } from "../../src/domain/simulation-report.ts";
import { refusal, runProgram } from "./run-program.ts";

const EXAMPLES = resolve(import.meta.dir, "../../examples");
const REBOOT = join(EXAMPLES, "one-master-reboots.yaml");
const FLAPPING = join(EXAMPLES, "flapping-link.yaml");

describe("lvscare simulate", () => {
  test("tells what happens when, and what came of it", async () => {
    const { code, stdout, stderr } = await runProgram(["simulate", REBOOT]);
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toMatch(/^00:30\.000 +script +192\.168\.0\.3:6443 refuses$/m);
    expect(stdout).toMatch(
      /^00:3\d\.\d{3} +health +real server 192\.168\.0\.3:6443 healthy → draining: connect refused$/m,
    );
    expect(stdout).toMatch(/^192\.168\.0\.3:6443 +1 +1 +\S+ +\S+ +\S+ +\d+ +\d+$/m);
    expect(stdout).toMatch(/of \d+ requests failed/);
  });

  test("says the same for the same file, and as JSON for programs", async () => {
    const [first, second] = [await reportOf(FLAPPING), await reportOf(FLAPPING)];
    expect(second).toEqual(first);
    expect(first.realServers.find(({ address }) => address === "10.0.0.2:80")?.timesOut).toBeGreaterThan(5);
  });

  test("shows what other settings would do", async () => {
    const patient = await reportOf(FLAPPING, "--fall", "3", "--interval-fast", "1s");
    expect(patient.realServers.map(({ timesOut }) => timesOut)).toEqual([0, 0, 0]);
  });

  test("names the line of a file that it cannot read", async () => {
    const folder = await mkdtemp(join(tmpdir(), "lvscare-scenario-"));
    try {
      const path = join(folder, "bad.yaml");
      await Bun.write(path, "care:\n  vs: 10.0.0.1:80\n  rs: 10.0.0.2:80\nevents:\n  - 30s 10.0.0.2:80 sulks\n");
      expect(await refusal(["simulate", path])).toEqual([expect.stringContaining("sulks")]);
      const odd = ["answers closes-idl 5s", "answers kept", "answers oddly"].map(
        (text) => `  - 30s 10.0.0.2:80 ${text}\n`,
      );
      await Bun.write(path, `care:\n  vs: 10.0.0.1:80\n  rs: 10.0.0.2:80\nevents:\n${odd.join("")}`);
      expect(await refusal(["simulate", path])).toEqual([
        expect.stringContaining("did you mean closes-idle?"),
        expect.stringContaining("it ends where it should say a status"),
        expect.stringContaining("oddly"),
      ]);
      await Bun.write(path, "care: [\n");
      expect(await refusal(["simulate", path])).toEqual([expect.stringMatching(/^it is no YAML after line \d/)]);
      await Bun.write(path, "care:\n  vs: 10.0.0.1:80\n  rs: 10.0.0.2:80\n  fal: 3\nevents: []\n");
      expect(await refusal(["simulate", path])).toEqual([expect.stringContaining("fall")]);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test("asks for a file", async () => {
    expect(await refusal(["simulate"])).toEqual([expect.stringContaining("name a scenario file")]);
    expect(await refusal(["simulate", "/nowhere.yaml"])).toEqual([expect.stringContaining("/nowhere.yaml")]);
  });
});

// --- internal ---

async function reportOf(path: string, ...flags: readonly string[]): Promise<SimulationReport> {
  const { code, stdout } = await runProgram(["simulate", path, "-o", "json", ...flags]);
  expect(code).toBe(0);
  return JSON.parse(stdout) as SimulationReport;
}
