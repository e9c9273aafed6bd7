import { rm } from "node:fs/promises";
import { join } from "node:path";
import { runCommand } from "../test/kernel/harness/run-command.ts";
import { buildFacts } from "./build/build-facts.ts";
import { ENTRY_POINTS } from "./build/third-party.ts";
import { LICENCES_FILE } from "./licences.ts";
import { setUp } from "./setup.ts";
import { checkout } from "./test/checkout.ts";

const FOLDER = join(checkout, "dist/npm");

/**
 * What `bun pm pack` and `bun publish` run first: fills `dist/npm` with the program, the SDK and its types. The bundle has its libraries
 * inside: one package instead of four, and an eighth of what they and our sources take on disk. It is not minified, for the sake of who
 * reads a stack trace.
 */
async function buildPackage(): Promise<void> {
  await rm(FOLDER, { recursive: true, force: true });
  await Bun.build({
    entrypoints: ENTRY_POINTS,
    outdir: FOLDER,
    target: "bun",
    format: "esm",
    splitting: true,
    // As in the binary.
    conditions: ["module"],
    define: await buildFacts(),
  });
  await runCommand([process.execPath, "--bun", "run", "tsc", "--project", "tsconfig.types.json"], {
    cwd: checkout,
    timeoutMs: 120_000,
  });
  await Bun.write(join(FOLDER, "THIRD_PARTY_LICENCES"), Bun.file(LICENCES_FILE));
}

if (import.meta.main) {
  await setUp();
  await buildPackage();
}
