import { beforeAll, describe, expect, test } from "bun:test";
import type { OptionRow } from "../../src/config/option-row.ts";
import { usagesOf } from "../../src/cli/command.ts";
import { machineCommand } from "../../src/cli/commands/machine.ts";
import { COMMANDS } from "../../src/cli/commands.ts";
import { installMissingPackages } from "../kernel/harness/packages.ts";
import { refusal, runProgram } from "./run-program.ts";

const USAGES = await usagesOf(COMMANDS);

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

  test.each([
    ["the flags of the command at hand", ["care", "--dr"], ["--drain", "--drain-timeout"]],
    ["the words that a flag takes", ["care", "--drain", ""], ["next-check", "connections"]],
    ["those that begin as written, also after =", ["care", "--scheduler", "=", "wl"], ["wlc"]],
    ["those of a short flag", ["status", "-o", "j"], ["json"]],
    ["the words of an argument", ["machine", "re"], ["real-server", "reach"]],
    ["files where one is read", ["simulate", "tsconfig.t"], ["tsconfig.types.json"]],
    ["nothing where only the user knows", ["care", "--rs", ""], []],
    ["nothing where there is no argument", ["care", ""], []],
  ])("of bash offers %s", async (_, words, offered) => {
    const { stdout } = await runProgram(["completion", "bash"]);
    const ask = 'COMP_WORDS=(lvscare "$@"); COMP_CWORD=$#; _lvscare; printf "%s\\n" "${COMPREPLY[@]}"';
    const child = Bun.spawn(["bash", "-c", `${stdout}\n${ask}`, "bash", ...words], { stdout: "pipe" });
    expect((await child.stdout.text()).split("\n").filter(Boolean)).toEqual(offered);
  });

  test.each([
    ["lvscare care --drain ", ["connections", "next-check"]],
    ["lvscare machine re", ["reach", "real-server"]],
    ["lvscare care --rs ", []],
  ])("of fish offers what can follow %p", async (line, offered) => {
    const { stdout } = await runProgram(["completion", "fish"]);
    const child = Bun.spawn(["fish", "-c", `source /dev/stdin; complete -C ${JSON.stringify(line)}`], {
      stdin: Buffer.from(stdout),
      stdout: "pipe",
    });
    const lines = (await child.stdout.text()).split("\n").filter(Boolean);
    expect(lines.map((one) => one.split("\t")[0])).toEqual(offered);
  });

  test("offers words that are taken, and all that are", async () => {
    expect(await refusal(["machine", "neither"])).toEqual([
      expect.stringContaining(machineCommand.usage.operandChoices?.join(", ") ?? "words"),
    ]);
    for (const { name, rows } of USAGES) {
      const others: readonly string[] = name === "care" || name === "ipvs" ? ["--vs", "10.0.0.9:80", "--clean"] : [];
      for (const { flag, choices } of rows as readonly OptionRow[]) {
        if (choices === undefined) continue;
        const [problem = ""] = await refusal([name, ...others, `--${flag}=neither`]);
        expect([problem, ...choices.filter((word) => !problem.includes(word))]).toEqual([problem]);
        expect(problem).toContain(`--${flag}`);
      }
    }
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
