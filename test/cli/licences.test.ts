import { expect, test } from "bun:test";
import { bundledPackages, renderLicences } from "../../tasks/build/third-party.ts";
import { LICENCES_FILE } from "../../tasks/licences.ts";
import { runProgram } from "./run-program.ts";

test("the notices among the sources are those of what the bundler takes in; `bun run licences` writes them", async () => {
  expect(await Bun.file(LICENCES_FILE).text()).toBe(renderLicences(await bundledPackages()));
});

test("lvscare licences prints its own licence and the notice of each library and of the runtime", async () => {
  const { code, stdout, stderr } = await runProgram(["licences"]);
  expect([code, stderr]).toEqual([0, ""]);
  const parts = stdout.split(`\n${"-".repeat(80)}\n\n`).map((part) => part.slice(0, part.search(/[\s,]/)));
  expect(parts).toEqual(["lvscare", "citty", "consola", "xstate", "yaml", "bun"]);
  expect(stdout).toContain("Apache License");
  // One for each library, and one for the runtime.
  expect(stdout.match(/^Copyright \(c\) .*/gm)?.length).toBeGreaterThanOrEqual(4);
  expect(stdout.match(/Permission is hereby granted, free of charge/g)?.length).toBeGreaterThanOrEqual(4);
});
