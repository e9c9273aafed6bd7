import { beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { configSocketPath, makeRuntimeDirectory, runtimeDirectory } from "../../src/control/runtime-directory.ts";
import type { OptionRow } from "../../src/config/option-row.ts";
import { usagesOf } from "../../src/cli/command.ts";
import { machineCommand } from "../../src/cli/commands/machine.ts";
import { COMMANDS } from "../../src/cli/commands.ts";
import { installMissingPackages } from "../kernel/harness/packages.ts";
import { waitForEqual } from "../kernel/support/wait-for.ts";
import { LVSCARE, refusal, runProgram } from "./run-program.ts";

setDefaultTimeout(120_000);

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
    ["the flags of the command at hand", ["care", "--dr"], ["--drain", "--drain-timeout", "--dry-run"]],
    ["the words that a flag takes", ["care", "--drain", ""], ["next-check", "connections"]],
    ["those that begin as written, also after =", ["care", "--scheduler", "=", "wl"], ["wlc"]],
    ["those of a short flag", ["status", "-o", "j"], ["json"]],
    ["the words of an argument", ["machine", "re"], ["real-server", "reach"]],
    ["the shells that it is for", ["completion", ""], ["bash", "zsh", "fish"]],
    ["the commands that help explains", ["help", "sta"], ["status", "static-pod"]],
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
    ["lvscare completion ", ["bash", "fish", "zsh"]],
    ["lvscare help sta", ["static-pod", "status"]],
  ])("of fish offers what can follow %p", async (line, offered) => {
    const { stdout } = await runProgram(["completion", "fish"]);
    const child = Bun.spawn(["fish", "-c", `source /dev/stdin; complete -C ${JSON.stringify(line)}`], {
      stdin: Buffer.from(stdout),
      stdout: "pipe",
    });
    const lines = (await child.stdout.text()).split("\n").filter(Boolean);
    expect(lines.map((one) => one.split("\t")[0])).toEqual(offered);
  });

  test("offers what running daemons care for, by name and by address", async () => {
    await using known = await knownDaemon();
    const ask = 'COMP_WORDS=(lvscare "$@"); COMP_CWORD=$#; _lvscare; printf "%s\\n" "${COMPREPLY[@]}"';
    const { stdout: script } = await runProgram(["completion", "bash"]);
    const expectOfBash = (words: readonly string[], offered: readonly string[]): Promise<void> =>
      known.expectOffered(["bash", "-c", `${script}\n${ask}`, "bash", ...words], offered);
    await expectOfBash(["status", "--vs", "comp"], ["completed"]);
    await expectOfBash(["drain", "comp"], ["completed-1"]);
    // As bash takes an address apart; it keeps what comes before the last part.
    await expectOfBash(["drain", "127.77.11.1", ":", "18"], ["18001", "18002"]);
    await expectOfBash(["weight", "127.77.11.1", ":"], ["18001", "18002"]);
    await expectOfBash(["events", "--vs", "=", "127.77.11.0", ":", "1"], ["18000"]);
    await expectOfBash(["drain", "[fd00", "::", "b]", ":", "1"], ["18003"]);

    // Who is on the line already is not offered again, by whichever of its names, nor who stands behind another virtual server.
    const left = ["127.77.11.1:18002", "127.77.11.2:18004", "[fd00::b]:18003", "other-4"];
    await expectOfBash(["drain", "completed-1", ""], left);
    await expectOfBash(["drain", "127.77.11.1", ":", "18001", "comp"], []);
    await expectOfBash(["drain", "127.77.11.1", ":", "18001", "127.77.11.1", ":", "18"], ["18002"]);
    await expectOfBash(["drain", "--vs", "other", ""], ["127.77.11.2:18004", "other-4"]);
    await expectOfBash(["drain", "--vs", "=", "127.77.11.9", ":", "18000", ""], ["127.77.11.2:18004", "other-4"]);

    const { stdout } = await runProgram(["completion", "fish"]);
    const expectOfFish = (line: string, offered: readonly string[]): Promise<void> =>
      known.expectOffered(["fish", "-c", `source /dev/stdin; complete -C ${JSON.stringify(line)}`], offered, stdout);
    await expectOfFish("lvscare check completed", ["completed-1"]);
    await expectOfFish("lvscare events --vs 127.77.11.0:", ["127.77.11.0:18000"]);
    await expectOfFish("lvscare drain completed-1 127.77.11.1:", ["127.77.11.1:18002"]);
    await expectOfFish("lvscare drain --vs=other ", ["127.77.11.2:18004", "other-4"]);
  });

  test("of zsh completes on a terminal what can follow", async () => {
    await using known = await knownDaemon();
    const { stdout } = await runProgram(["completion", "zsh"]);
    await mkdir(join(known.folder, "functions"));
    await writeFile(join(known.folder, "functions/_lvscare"), stdout);
    const typed = [
      "status --vs comp\t",
      "drain comp\t",
      "drain completed-1 127.77.11.1\t",
      "drain --vs=other 127\t",
      "drain --vs other other-4 127\t",
      "care --data\t",
      "care --scheduler=wl\t",
      "weight \\[fd\t",
      "completion z\t",
      "help stati\t",
    ];
    await known.expectOffered(
      ["zsh", "-f", "-c", TYPE_INTO_ZSH, "zsh", ...typed],
      [
        "status --vs completed ",
        "drain completed-1 ",
        "drain completed-1 127.77.11.1:18002 ",
        "drain --vs=other 127.77.11.2:18004 ",
        // It is there already, by its name.
        "drain --vs other other-4 127",
        "care --data-plane=",
        "care --scheduler=wlc ",
        "weight \\[fd00::b\\]:18003 ",
        "completion zsh ",
        "help static-pod ",
      ],
    );
  });

  test("is quick and silent about what runs where nobody answers", async () => {
    await using known = await knownDaemon();
    known.hang();
    const { code, stdout, stderr } = await runProgram(["completion", "virtual-servers"], known.environment);
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).not.toContain("completed");
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
  // A terminal without UTF-8 shows it whole.
  expect(stdout.match(/[^\n -~]/g)).toBeNull();
  for (const { flag } of USAGES.flatMap(({ rows }) => rows))
    expect(stdout).toContain(`--${flag}`.replaceAll("-", "\\-"));
});

// --- internal ---

/**
 * Types each argument after `lvscare` at the prompt of a zsh on a terminal, and prints what the line has become. The key
 * that tells of it takes the place of Enter.
 */
const TYPE_INTO_ZSH = `
zmodload zsh/zpty
# Open for both, so that one writer's end is no end.
[[ -p $HOME/told ]] || mkfifo $HOME/told
exec 3<>$HOME/told
zpty line zsh -f -i
zpty -w line "PS1= ; stty -echo; fpath=($HOME/functions \\$fpath); autoload -Uz compinit; compinit -u -D"
zpty -w line 'tell() { print -r -- "$BUFFER" >$HOME/told; BUFFER=; }; zle -N tell; bindkey "^X" tell; unsetopt beep'
zpty -w line 'print ready >$HOME/told'
read -r -u 3
for typed in "$@"; do
  zpty -w -n line "lvscare $typed"$'\\x18'
  IFS= read -r -u 3 became
  print -r -- "\${became#lvscare }"
  while zpty -r -t line shown; do :; done
done
zpty -d line
`;

/** A daemon that cares for something, and `lvscare` in the path to ask it. */
async function knownDaemon() {
  const folder = await mkdtemp(join(tmpdir(), "lvscare-completion-"));
  const uid = process.getuid?.() ?? 0;
  const runtime = runtimeDirectory({ XDG_RUNTIME_DIR: folder }, uid);
  makeRuntimeDirectory(runtime, uid);
  const listing = {
    virtualServers: [
      {
        protocol: "tcp",
        address: "127.77.11.0:18000",
        name: "completed",
        realServers: [
          { address: "127.77.11.1:18001", name: "completed-1" },
          { address: "127.77.11.1:18002" },
          { address: "$(touch harm)", name: "completed-`touch harm`" },
          { address: "[fd00::b]:18003" },
        ],
      },
      {
        protocol: "tcp",
        address: "127.77.11.9:18000",
        name: "other",
        realServers: [{ address: "127.77.11.2:18004", name: "other-4" }],
      },
    ],
  };
  let isHanging = false;
  const unix = configSocketPath(runtime, folder);
  const server = Bun.serve({
    unix,
    fetch: () => (isHanging ? new Promise<Response>(() => undefined) : Response.json(listing)),
  });
  const program = join(folder, "lvscare");
  await writeFile(program, `#!/bin/sh\nexec ${LVSCARE.join(" ")} "$@"\n`, { mode: 0o755 });
  const environment = { XDG_RUNTIME_DIR: folder, HOME: folder, PATH: `${folder}:${process.env["PATH"] ?? ""}` };
  return {
    environment,
    folder,
    hang: () => void (isHanging = true),
    /** A daemon that answers late is left out, as somebody waits with a finger on the key: on a busy machine the key is pressed again. */
    expectOffered: (argv: string[], offered: readonly string[], input = ""): Promise<void> =>
      waitForEqual(async () => {
        const child = Bun.spawn(argv, { env: environment, stdin: Buffer.from(input), stdout: "pipe" });
        const lines = (await child.stdout.text()).split("\n").filter(Boolean);
        return lines.map((line) => line.split("\t")[0] ?? "");
      }, offered),
    [Symbol.asyncDispose]: async () => {
      await server.stop(true);
      await rm(unix, { force: true });
      await rm(folder, { recursive: true });
    },
  };
}
