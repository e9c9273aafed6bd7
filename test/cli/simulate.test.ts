import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { SimulationReport } from "../../src/domain/simulation-report.ts";
import { Glob } from "bun";
import { SCENARIO_FORMAT } from "../../src/cli/scenario-format.ts";
import { readScenario } from "../../src/simulation/read-scenario.ts";
import { refusal, runProgram } from "./run-program.ts";

setDefaultTimeout(120_000);

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

  test("--help tells the whole format, in words that it reads itself", async () => {
    const { stdout } = await runProgram(["simulate", "--help"]);
    const [keys, ...others] = SCENARIO_FORMAT.map(({ rows }) => rows.map(([thing]) => thing));
    for (const thing of [...(keys ?? []), ...others.flat()]) expect(stdout).toContain(`  ${thing}`);
    // Those which a file with a key that there is not is told of.
    expect(() => readScenario("nothing-of-the-kind: 1\n")).toThrow(`there are ${keys?.join(", ")}`);
    // Not each kind of check has a word for each of them.
    const probes = ["{type: http, path: /, drain-on: [503]}", "{type: exec, command: [/bin/true], exit-code: weight}"];
    for (const event of others.flat()) {
      const readings = probes.map((probe) => {
        const text = `care: {vs: "10.0.0.2:80", rs: ["10.0.0.1:80"]}\nprobe: ${probe}\nevents:\n  - ${event}\n`;
        try {
          return readScenario(text).events.map((read) => read.text);
        } catch (error) {
          return String(error);
        }
      });
      expect(readings).toContainEqual([event.replace(/^\S+ /, "")]);
    }
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

  test("refuses flags of checks beside a probe, which says all of that", async () => {
    const upgrade = join(EXAMPLES, "rolling-upgrade.yaml");
    expect(await refusal(["simulate", upgrade, "--health-path", "/x", "--health-timeout=3s", "--rise", "2"])).toEqual([
      "--health-path: it means nothing beside probe, which says how servers are checked",
      "--health-timeout: it means nothing beside probe, which says how servers are checked",
    ]);
    const text = `care: {vs: "10.0.0.2:80", rs: ["10.0.0.1:80"], health-schem: http}\nprobe: {type: tcp}\n`;
    expect(() => readScenario(text)).toThrow("care.health-schem: it means nothing beside probe");
  });

  test("asks for a file", async () => {
    expect(await refusal(["simulate"])).toEqual([expect.stringContaining("name a scenario file")]);
    expect(await refusal(["simulate", "/nowhere.yaml"])).toEqual([expect.stringContaining("/nowhere.yaml")]);
  });
});

describe("each example shows what it says at its top", () => {
  const scenarios = [...new Glob("*.yaml").scanSync({ cwd: EXAMPLES })].filter((file) => file !== "care.yaml");

  const claims: Readonly<Record<string, () => Promise<void>>> = {
    "flapping-link.yaml": async () => {
      expect(timesOut(await reportOf(FLAPPING))).toEqual([0, 10, 0]);
      const patient = await reportOf(FLAPPING, "--fall", "3", "--interval-fast", "1s", "--rise", "2");
      expect(timesOut(patient)).toEqual([0, 0, 0]);
    },
    "one-master-reboots.yaml": async () => {
      const outAfter = async (...flags: readonly string[]): Promise<number> =>
        (await reportOf(REBOOT, ...flags)).realServers[1]?.faults[0]?.outAfterMs ?? Number.NaN;
      const asItIs = await outAfter();
      expect(asItIs).toBeLessThan(5000);
      expect(await outAfter("--fall", "1")).toBeLessThan(asItIs);
      expect(await outAfter("--sentinel=false")).toBeGreaterThan(asItIs);
    },
    "total-failure.yaml": async () => {
      const open = await reportOf("total-failure.yaml");
      expect([open.failOpenMs > 50_000, open.requests?.failed]).toEqual([true, 0]);
      const closed = await reportOf("total-failure.yaml", "--panic-threshold", "0", "--last-resort=false");
      expect([closed.failOpenMs, closed.lastResortMs]).toEqual([0, 0]);
      expect(closed.requests?.failed).toBeGreaterThan(2000);
    },
    "slow-servers.yaml": async () => {
      const { timeline, lastResortMs, requests } = await reportOf("slow-servers.yaml");
      const early = timeline.filter(({ kind, atMs }) => kind === "health" && atMs > 1000 && atMs < 90_000);
      expect(early.map(({ text }) => text)).toEqual([
        "real server 10.0.0.2:80 healthy → draining: timed out after 2s",
        "real server 10.0.0.2:80 draining → removed: timed out after 2s",
      ]);
      expect([lastResortMs > 50_000, requests?.failed]).toEqual([true, 0]);
      const patient = await reportOf("slow-servers.yaml", "--health-timeout", "5s");
      expect(timesOut(patient)).toEqual([0, 0, 0]);
    },
    "rolling-upgrade.yaml": async () => {
      const soon = await reportOf("rolling-upgrade.yaml");
      expect([timesOut(soon), soon.requests?.failed]).toEqual([[1, 1, 1], 0]);
      for (const { faults } of soon.realServers) expect(faults[0]?.outAfterMs).toBeWithin(0, 5500);
      const late = await reportOf("rolling-upgrade.yaml", "--interval", "60s");
      expect([timesOut(late), late.requests?.failed]).toEqual([[1, 1, 1], 0]);
      expect(late.realServers[0]?.faults[0]?.outAfterMs).toBeWithin(15_000, 15_100);
      const unheard = await reportOf("rolling-upgrade.yaml", "--interval", "30s", "--sentinel=false");
      expect(unheard.requests?.failed).toBeGreaterThan(100);
    },
  };

  test.each(scenarios)("%s", async (file) => {
    const claim = claims[file];
    if (claim === undefined) throw new Error(`nothing holds what ${file} says`);
    await claim();
    const text = await Bun.file(join(EXAMPLES, file)).text();
    const commands = [...text.matchAll(/^#.*\blvscare simulate (examples\/[^\s,]+(?: --?[^\s,]+(?: [\d.]+\w*)?)*)/gm)];
    expect(commands.length).toBeGreaterThan(0);
    for (const [, line = ""] of commands) {
      const [path = "", ...flags] = line.split(" ");
      expect((await runProgram(["simulate", resolve(EXAMPLES, "..", path), ...flags])).code).toBe(0);
    }
  });
});

// --- internal ---

function timesOut({ realServers }: SimulationReport): readonly number[] {
  return realServers.map((server) => server.timesOut);
}

async function reportOf(path: string, ...flags: readonly string[]): Promise<SimulationReport> {
  const { code, stdout } = await runProgram(["simulate", resolve(EXAMPLES, path), "-o", "json", ...flags]);
  expect(code).toBe(0);
  return JSON.parse(stdout) as SimulationReport;
}
