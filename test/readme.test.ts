import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { Glob } from "bun";
import { COMMANDS } from "../src/cli/commands.ts";
import { CARE_COMMAND_ROWS } from "../src/config/care-option-rows.ts";
import { readArgv } from "../src/config/read-argv.ts";
import { resolveCareOptions } from "../src/config/resolve-care-options.ts";
import { WebAnswers } from "../src/control/web-answers.ts";
import { readPages } from "../tasks/docs/pages.ts";
import { PARTS } from "../tasks/docs/parts.ts";
import { partsOf, RECORDING_FILE, recordingText, withParts } from "../tasks/readme.ts";
import { commandLinesOf } from "./support/command-lines.ts";

const ROOT = join(import.meta.dir, "..");
const pages = await readPages();
const whole = pages.map(({ text }) => text).join("\n");
const commands = new Map(
  (await Promise.all(COMMANDS.map(({ load }) => load()))).map(({ usage }) => [usage.name, usage]),
);

test.each(pages)("$path has what `bun run readme` writes", async ({ text }) => {
  expect(text).toBe(await withParts(text));
});

test("the picture of a terminal shows what the first page does, which a kernel test follows", async () => {
  expect(await Bun.file(RECORDING_FILE).text()).toBe(await recordingText());
});

test("each part that comes from the program stands in one place", () => {
  expect(pages.flatMap(({ text }) => partsOf(text)).toSorted()).toEqual([...PARTS.keys()].toSorted());
});

test.each(pages)("$path closes each block that it opens", ({ text }) => {
  const kinds = [...text.matchAll(/^ *```(\w*)/gm)].map(([, kind]) => kind);
  expect(kinds.filter((kind, index) => (kind === "") === (index % 2 === 0))).toEqual([]);
});

test("no block for bash has what is for another shell", () => {
  const blocks = pages.flatMap(({ text }) => [...text.matchAll(/^ *```bash\n([^]*?)^ *```$/gm)]);
  expect(blocks.flatMap(([, block = ""]) => block.match(/completion (?:zsh|fish).*/g) ?? [])).toEqual([]);
});

test("the README fits on a few screens, names the gate, and leads to every page", () => {
  const [readme] = pages;
  expect(readme?.text.split("\n").length).toBeLessThanOrEqual(150);
  expect(readme?.text).toContain("\n.ci/run ");
  // What a visitor tries first is the program, and not its gate.
  expect(/```bash\n([^]*?)```/.exec(readme?.text ?? "")?.[1]).not.toContain(".ci/run");
  const unnamed = pages.slice(1).filter(({ path }) => readme?.text.includes(`](${path})`) !== true);
  expect(unnamed.map(({ path }) => path)).toEqual([]);
});

test("the README's steps are those of the first page, which a kernel test follows", () => {
  const linesIn = (text = ""): string[] =>
    [...text.matchAll(/^ *```(?:bash|console)\n([^]*?)^ *```$/gm)].flatMap(([, block = ""]) =>
      block.split("\n").map((line) => line.replace(/^ *(?:\$ )?/, "").replace(/ +#.*/, "")),
    );
  const [, steps = ""] = pages[0]?.text.split("## Three steps") ?? [];
  const first = linesIn(pages.find(({ path }) => path === "docs/getting-started.md")?.text);
  expect(linesIn(steps.split("\n## ")[0]).filter((line) => !first.includes(line))).toEqual([]);
});

test("tells every flag with its default", () => {
  for (const row of [...CARE_COMMAND_ROWS, ...[...commands.values()].flatMap(({ rows }) => rows)]) {
    const fallback = "default" in row && row.default !== "" ? `\`${row.default ?? ""}\``.replace("``", "") : "";
    const lines = whole.split("\n").filter((line) => new RegExp(`^\\| \`.*--${row.flag}[ \`]`).test(line));
    expect([row.flag, lines.filter((line) => line.includes(`| ${fallback} |`))]).not.toEqual([row.flag, []]);
  }
});

test("names no flag that there is not", () => {
  const known = new Set([...commands.values()].flatMap(({ rows }) => rows.map(({ flag }) => flag)));
  const named = [...whole.matchAll(/(?<![\w-])--([a-z][\w-]*)/g)].map(([, flag = ""]) => flag);
  expect(named.filter((flag) => !known.has(flag) && !OTHERS_FLAGS.includes(flag))).toEqual([]);
});

describe("command lines", () => {
  const lines = pages.flatMap(commandLinesOf);

  test.each(lines)("$place", ({ command, argv }) => {
    const usage = commands.get(command);
    if (usage === undefined) return expect(["--help", "--version"]).toContain(command);
    const { problems } = readArgv(argv, [...usage.rows, ...(usage.borrowed ?? [])], usage.operands);
    expect(problems).toEqual([]);
    const isWhole = (command === "care" || command === "ipvs") && argv.includes("--vs");
    if (isWhole) resolveCareOptions(readArgv(argv, CARE_COMMAND_ROWS), {});
  });

  test("there are some", () => {
    expect(lines.length).toBeGreaterThan(40);
    expect(lines.map(({ command }) => command)).toContain("simulate");
  });
});

test.each(pages)("$path leads nowhere that is not there", async ({ path, text }) => {
  const links = [...withoutCode(text).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = ""]) => target);
  const dead = links.filter((target) => {
    if (/^https?:/.test(target)) return false;
    const [file = "", anchor] = target.split("#");
    const to = file === "" ? path : join(dirname(path), file);
    if (!existsSync(join(ROOT, to))) return true;
    return anchor !== undefined && !anchorsOf(pages.find((page) => page.path === to)?.text ?? "").includes(anchor);
  });
  expect(dead).toEqual([]);
});

test("quotes messages as the program has them", async () => {
  const files = await Array.fromAsync(new Glob("{src,native}/**/*.ts").scan({ cwd: ROOT, absolute: true }));
  const sources = (await Promise.all(files.map((file) => Bun.file(file).text()))).join("\n");
  const page = pages.find(({ path }) => path === "docs/troubleshooting.md")?.text ?? "";
  const quoted = [...firstColumn(page).matchAll(/`([^`\n]+)`/g)].map(([, text = ""]) => text);
  // `status 404` is written with the number that came.
  const known = (text: string): boolean => sources.includes(text.replace(/^status \d+$/, "status ${status}"));
  expect(quoted.filter((text) => !known(text))).toEqual([]);
  expect(quoted.length).toBeGreaterThan(8);
});

test("the first status that a reader meets is explained below it, line by line", () => {
  const page = pages.find(({ path }) => path === "docs/getting-started.md")?.text ?? "";
  const [, status = "", below = ""] = /^\$ lvscare status\n([^]*?)^```\n([^]*?)^## /m.exec(page) ?? [];
  const names = [...(status.split("\n\n")[0] ?? "").matchAll(/^ {2}(\S+(?: \S+)*) {2,}/gm)].map(([, name]) => name);
  expect(names).toContain("applies");
  expect(names.filter((name) => !below.includes(`\`${name}\``))).toEqual([]);
});

test("tells of the paths that there are, and of keys that a status has", async () => {
  const text = pages.find(({ path }) => path === "docs/http-api.md")?.text ?? "";
  const answers = new WebAnswers({ virtualServers: () => [], metrics: () => "" }, { isLoopback: false });
  const there = await (await answers.answer(new Request("http://localhost/nowhere"))).text();
  const pathsIn = (words: string): string[] => Array.from(words.matchAll(/(?<=[\s`|])\/[\w/-]*/g), ([path]) => path);
  const [, paths = ""] = text.split("## Paths");
  expect(pathsIn(firstColumn(paths.split("\n## ")[0])).toSorted()).toEqual(pathsIn(there).toSorted());
  const source = await Bun.file(join(ROOT, "src/domain/status.ts")).text();
  const [, status = ""] = text.split("## Status");
  const keys = [...firstColumn(status.split("\n## ")[0]).matchAll(/[\w]+(?=`)/g)].map(([key]) => key);
  expect(keys.filter((key) => !source.includes(`readonly ${key}`))).toEqual([]);
  expect(keys.length).toBeGreaterThan(5);
});

// --- internal ---

function firstColumn(text = ""): string {
  return [...text.matchAll(/^\| ([^|]*) \|/gm)].map(([, cell = ""]) => cell).join("\n");
}

/** Of other programs and of tasks, and `--help`. */
const OTHERS_FLAGS = [
  "help",
  "yes",
  "cap-add",
  "debug",
  "ctstate",
  "preload",
  "in",
  "now",
  "upload-certs",
  "page",
  "kernel",
  "allow-privileged",
];

function withoutCode(text: string): string {
  return text.replaceAll(/^ *```[^]*?^ *```$/gm, "").replaceAll(/`[^`\n]*`/g, "");
}

/** As GitHub makes them of headings. */
function anchorsOf(text: string): string[] {
  const headings = text.replaceAll(/^ *```[^]*?^ *```$/gm, "").matchAll(/^#+ (.*)$/gm);
  return Array.from(headings, ([, heading = ""]) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
      .replaceAll(" ", "-"),
  );
}
