import { describe, expect, test } from "bun:test";
import { createPaint } from "../../src/cli/colour.ts";
import { COMMANDS } from "../../src/cli/commands.ts";
import { careCommand } from "../../src/cli/commands/care.ts";
import { ipvsCommand } from "../../src/cli/commands/ipvs.ts";
import { simulateCommand } from "../../src/cli/commands/simulate.ts";
import { statusCommand } from "../../src/cli/commands/status.ts";
import { versionCommand } from "../../src/cli/commands/version.ts";
import { renderOverview, renderUsage, type CommandUsage } from "../../src/cli/usage.ts";
import { readArgv } from "../../src/config/read-argv.ts";

const plain = createPaint(false);

describe.each(
  [careCommand, ipvsCommand, statusCommand, simulateCommand, versionCommand].map(
    ({ usage }): [string, CommandUsage] => [usage.name, usage],
  ),
)("%s", (_, usage) => {
  const help = renderUsage(usage, plain);

  test("keeps within 80 columns, with nothing at the line's end", () => {
    expect(help.split("\n").filter((line) => Bun.stringWidth(line) > 80 || line.endsWith(" "))).toEqual([]);
  });

  test("tells every flag, its short form, its value and its default", () => {
    const text = help.replaceAll(/\s+/g, " ");
    for (const { flag, alias, valueName, default: fallback, help } of usage.rows) {
      const name = `${alias === undefined ? "" : `-${alias}, `}--${flag}`;
      const value = valueName === undefined ? "" : ` <${valueName}>`;
      const shown = fallback === undefined || fallback === "" ? "" : ` (default ${fallback})`;
      expect(text).toContain(` ${name}${value} ${help}${shown}`);
    }
  });

  test("has examples that this very command takes", () => {
    for (const { command } of usage.examples) {
      const [program, name, ...argv] = command.split(" ");
      expect([program, name]).toEqual(["lvscare", usage.name]);
      const rows = [...usage.rows, ...(usage.borrowed ?? [])];
      expect(readArgv(argv, rows, usage.operands).problems).toEqual([]);
    }
  });

  test("breaks examples so that a shell joins them again", () => {
    const joined = help.replaceAll(/ \\\n +/g, " ");
    for (const { command } of usage.examples) expect(joined).toContain(`\n  ${command}\n`);
  });
});

test("the overview lists every command within 80 columns", () => {
  const help = renderOverview(COMMANDS, plain);
  for (const { name, summary } of COMMANDS) {
    expect(help.replaceAll(/\s+/g, " ")).toContain(` ${name} ${summary} `);
  }
  expect(help.split("\n").filter((line) => line.length > 80)).toEqual([]);
});

test("colour changes nothing but the colour", () => {
  const coloured = renderUsage(careCommand.usage, createPaint(true));
  expect(coloured).toContain("\u001B[1m");
  expect(Bun.stripANSI(coloured)).toBe(renderUsage(careCommand.usage, plain));
});
