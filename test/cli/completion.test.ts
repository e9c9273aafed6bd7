import { beforeAll, describe, expect, test } from "bun:test";
import { COMMANDS } from "../../src/cli/commands.ts";
import { USAGES } from "../../src/cli/usages.ts";
import { installMissingPackages } from "../kernel/harness/packages.ts";
import { refusal, runProgram } from "./run-program.ts";

beforeAll(
  () =>
    installMissingPackages([
      { name: "zsh", file: "/usr/bin/zsh" },
      { name: "fish", file: "/usr/bin/fish" },
      { name: "mandoc", file: "/usr/bin/mandoc" },
    ]),
  300_000,
);

describe("completion", () => {
  test.each(["bash", "zsh", "fish"])("of %s is a script that the shell reads, and knows every flag", async (shell) => {
    const { stdout } = await runProgram(["completion", shell]);
    const child = Bun.spawn([shell, "-n", "/dev/stdin"], {
      stdin: Buffer.from(stdout),
      stdout: "pipe",
      stderr: "pipe",
    });
    expect([await child.exited, await child.stderr.text()]).toEqual([0, ""]);
    for (const { name } of COMMANDS) expect(stdout).toContain(name);
    for (const { flag } of USAGES.flatMap(({ rows }) => rows))
      expect(stdout).toContain(shell === "fish" ? `-l ${flag}` : `--${flag}`);
  });

  test("of bash offers the flags of the command at hand", async () => {
    const { stdout } = await runProgram(["completion", "bash"]);
    const ask = 'COMP_WORDS=(lvscare care --dr); COMP_CWORD=2; _lvscare; echo "${COMPREPLY[@]}"';
    const child = Bun.spawn(["bash", "-c", `${stdout}\n${ask}`], { stdout: "pipe" });
    expect((await child.stdout.text()).trim().split(" ")).toEqual(["--drain", "--drain-timeout"]);
  });

  test("of other shells there is none", async () => {
    expect(await refusal(["completion", "tcsh"])).toEqual(["name a shell: bash, zsh, fish"]);
  });
});

test("the manual is one that mandoc finds no fault with, and tells every flag", async () => {
  const { stdout } = await runProgram(["man"]);
  const child = Bun.spawn(["mandoc", "-Tlint", "-Wwarning"], {
    stdin: Buffer.from(stdout),
    stdout: "pipe",
    stderr: "pipe",
  });
  const said = await child.stdout.text();
  expect(said.split("\n").filter((line) => /ERROR|UNSUPP|FATAL/.test(line))).toEqual([]);
  for (const { flag } of USAGES.flatMap(({ rows }) => rows))
    expect(stdout).toContain(`--${flag}`.replaceAll("-", "\\-"));
});
