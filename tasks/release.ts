import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { runCommand } from "../test/kernel/harness/run-command.ts";
import { writeBillsOfMaterials } from "./build/boms.ts";
import { writeChecksums } from "./build/checksums.ts";
import { buildAllBinaries } from "./build.ts";
import { buildImage } from "./image.ts";
import { setUp } from "./setup.ts";
import { checkout } from "./test/checkout.ts";

/** Everything that a release hands out: binaries with their notices, image, npm package, a bill of materials of each, checksums. */
export async function buildRelease(folder = join(checkout, "dist")): Promise<string[]> {
  await mkdir(folder, { recursive: true });
  await removeLast(folder);
  const outputs = [...(await buildAllBinaries(folder)), ...(await buildImage(folder))];
  const packed = await runCommand([process.execPath, "pm", "pack", "--quiet", "--destination", folder], {
    cwd: checkout,
    timeoutMs: 300_000,
  });
  return [...outputs, packed.trim(), ...(await writeBillsOfMaterials(folder)), await writeChecksums(folder)];
}

if (import.meta.main) {
  await setUp();
  // Whoever builds the same commit gets the same bytes.
  process.env["SOURCE_DATE_EPOCH"] ??= await runCommand(["git", "-C", checkout, "log", "-1", "--format=%ct"], {
    timeoutMs: 60_000,
  });
  process.stdout.write((await buildRelease()).map((output) => `${output}\n`).join(""));
}

// --- internal ---

async function removeLast(folder: string): Promise<void> {
  const files = await Array.fromAsync(new Bun.Glob("lvscare-*").scan({ cwd: folder }));
  await Promise.all(files.map((file) => rm(join(folder, file))));
}
