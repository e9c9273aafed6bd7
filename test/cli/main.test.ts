import { describe, expect, test } from "bun:test";
import { VERSION } from "../../src/app/version.ts";
import { LVSCARE, runProgram, SOURCES } from "./run-program.ts";

describe("refuses with exit code 1, one line for each problem and a clean stdout", () => {
  const refused: readonly (readonly [argv: readonly string[], lines: readonly string[]])[] = [
    [["car"], ['unknown command "car"; did you mean care?']],
    [["frobnicate"], ['unknown command "frobnicate"; `lvscare help` lists them']],
    [["help", "stats"], ['unknown command "stats"; did you mean status?']],
    [["--vs", "10.0.0.1:80", "care"], ["unknown flag --vs; flags come after the command"]],
    [["care"], ['required flag(s) "vs" not set', 'required flag(s) "rs" not set']],
    [
      ["care", "--vs", "10.0.0.1:80", "--rs", "10.0.0.2:80", "--heath-path", "/"],
      ["unknown flag --heath-path; did you mean --health-path?"],
    ],
    [
      ["care", "--vs", "10.0.0.1:80", "--rs", "10.0.0.2:80", "--interval", "1.5"],
      ['--interval: "1.5" is not an interval; write whole seconds like 5 or a duration like 1.5s'],
    ],
    [["version", "--shrt"], ["unknown flag --shrt; did you mean --short?"]],
    [["version", "--output", "xml"], ['--output: "xml" is not one of json, yaml']],
    [["status", "--output", "xml"], ['--output: "xml" is not one of table, wide, json, yaml']],
    [
      ["status", "--vs", "host:80"],
      ['--vs: "host:80" needs an IP address before the port (host names are not resolved)'],
    ],
  ];

  test.concurrent.each(refused)("%j", async (argv, lines) => {
    expect(await runProgram(argv)).toEqual({
      code: 1,
      stdout: "",
      stderr: lines.map((line) => `lvscare: ${line}\n`).join(""),
    });
  });

  test("a bad variable is named", async () => {
    const { code, stderr } = await runProgram(["care"], {
      CARE_VS: "10.0.0.1:80",
      CARE_RS: "10.0.0.2:80",
      CARE_INTERVAL: "soon",
    });
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: 'lvscare: CARE_INTERVAL: "soon" is not an interval; write whole seconds like 5 or a duration like 1.5s\n',
    });
  });
});

// From the sources, which know no build.
describe("version", () => {
  test("prints JSON with the Go program's keys", async () => {
    const { code, stdout, stderr } = await runProgram(["version"], {}, SOURCES);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(JSON.parse(stdout)).toEqual({
      gitVersion: VERSION,
      gitCommit: "unknown",
      buildDate: "unknown",
      compiler: "bun",
      platform: expect.stringMatching(/^linux\/(amd64|arm64)$/),
      bunVersion: Bun.version,
    });
  });

  test.concurrent.each([[["version", "--short"]], [["--version"]], [["-v"]], [["-V"]]])(
    "%j prints one word",
    async (argv) => {
      expect(await runProgram(argv, {}, SOURCES)).toEqual({ code: 0, stdout: `${VERSION}-unknown\n`, stderr: "" });
    },
  );

  test("prints YAML too", async () => {
    const { stdout } = await runProgram(["version", "-o", "yaml"]);
    expect(Bun.YAML.parse(stdout)).toMatchObject({ gitVersion: VERSION, compiler: "bun" });
  });
});

describe("help", () => {
  const asked: readonly (readonly [argv: readonly string[], begins: string])[] = [
    [[], "LVScare keeps"],
    [["help"], "LVScare keeps"],
    [["--help"], "LVScare keeps"],
    [["-h"], "LVScare keeps"],
    [["care", "--help"], "Checks the real servers"],
    [["care", "-h"], "Checks the real servers"],
    [["care", "--vs", "nonsense", "-h"], "Checks the real servers"],
    [["help", "care"], "Checks the real servers"],
    [["help", "help"], "LVScare keeps"],
    [["help", "ipvs"], "Does what `lvscare care` does"],
    [["status", "--help"], "Shows the virtual servers"],
    [["version", "--help"], "Prints the version"],
  ];

  test.concurrent.each(asked)("%j goes to stdout, without colour where there is no terminal", async (argv, begins) => {
    const { code, stdout, stderr } = await runProgram(argv, { FORCE_COLOR: "1" });
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toStartWith(begins);
    expect(stdout).not.toContain("\u001B");
  });

  test.concurrent.each(["care --help", "status", "version"])(
    "%s ends quietly when its reader goes away",
    async (line) => {
      // The reader closes without reading a byte, before the program can have written any.
      const script = `{ "$@"; echo "code $?" >&2; } | exec true`;
      const argv = ["sh", "-c", script, "sh", ...LVSCARE, ...line.split(" ")];
      await using child = Bun.spawn(argv, { stdout: "pipe", stderr: "pipe" });
      expect(await child.stderr.text()).toBe("code 0\n");
    },
  );

  test("fails when it cannot be written", async () => {
    await using child = Bun.spawn(["sh", "-c", 'exec "$@" help >/dev/full', "sh", ...LVSCARE], {
      stderr: "pipe",
    });
    expect(await child.stderr.text()).toMatch(/^lvscare: .*ENOSPC.*\n$/);
    expect(await child.exited).toBe(1);
  });
});
