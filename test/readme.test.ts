import { expect, test } from "bun:test";
import { join } from "node:path";
import { Glob } from "bun";
import { usagesOf } from "../src/cli/command.ts";
import { COMMANDS } from "../src/cli/commands.ts";
import { statusCommand } from "../src/cli/commands/status.ts";
import { versionCommand } from "../src/cli/commands/version.ts";
import { CARE_COMMAND_ROWS } from "../src/config/care-option-rows.ts";
import { readArgv } from "../src/config/read-argv.ts";
import { resolveCareOptions } from "../src/config/resolve-care-options.ts";
import { README, withFlags } from "../tasks/readme.ts";

const readme = await Bun.file(README).text();

test("has the tables of flags that `bun run readme` writes", () => {
  expect(readme).toBe(withFlags(readme));
});

test("tells every flag with its default", () => {
  for (const row of [...CARE_COMMAND_ROWS, ...statusCommand.usage.rows, ...versionCommand.usage.rows]) {
    const fallback = "default" in row && row.default !== "" ? `\`${row.default}\`` : "";
    const lines = readme.split("\n").filter((line) => new RegExp(`^\\| \`.*--${row.flag}[ \`]`).test(line));
    expect(lines.filter((line) => line.includes(`| ${fallback} |`))).not.toEqual([]);
  }
});

test("names no flag that there is not", async () => {
  const usages = await usagesOf(COMMANDS);
  const known = new Set(usages.flatMap(({ rows }) => rows.map(({ flag }) => flag)));
  const named = [...readme.matchAll(/(?<![\w-])--([a-z][\w-]*)/g)].map(([, flag = ""]) => flag);
  const others = ["help", "yes", "cap-add", "debug", "ctstate", "preload"];
  expect(named.filter((flag) => !known.has(flag) && !others.includes(flag))).toEqual([]);
});

test("shows only command lines that are taken", () => {
  const lines = [...readme.matchAll(/^(?:\$ )?lvscare (care|ipvs) (.*)$/gm)];
  for (const [, , argv = ""] of lines.filter(([line]) => !line.includes("--config"))) {
    expect(() => resolveCareOptions(readArgv(argv.split(" "), CARE_COMMAND_ROWS), {})).not.toThrow();
  }
  expect(lines.length).toBeGreaterThan(4);
});

test("quotes messages as the program has them", async () => {
  const files = await Array.fromAsync(
    new Glob("{src,native}/**/*.ts").scan({ cwd: join(import.meta.dir, ".."), absolute: true }),
  );
  const sources = (await Promise.all(files.map((file) => Bun.file(file).text()))).join("\n");
  const [, table = ""] = readme.split("## Troubleshooting");
  const symptoms = [...(table.split("\n## ")[0] ?? "").matchAll(/^\| ([^|]*) \|/gm)].map(([, cell = ""]) => cell);
  const quoted = symptoms.flatMap((cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, text = ""]) => text));
  // `status 404` is written with the number that came.
  const known = (text: string): boolean => sources.includes(text.replace(/^status \d+$/, "status ${status}"));
  expect(quoted.filter((text) => !known(text))).toEqual([]);
  expect(quoted.length).toBeGreaterThan(8);
});
