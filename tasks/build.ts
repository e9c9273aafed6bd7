import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { renderLicences } from "../src/cli/licences-text.ts";
import { writeBillsOfMaterials } from "./build/boms.ts";
import { writeChecksums } from "./build/checksums.ts";
import { compile } from "./build/compile.ts";
import { fetchRuntimes } from "./build/runtimes.ts";
import { TARGETS } from "./build/targets.ts";
import { setUp } from "./setup.ts";

const DIST = resolve(import.meta.dir, "../dist");

/** The binary for this machine. */
export async function buildBinary(output = join(DIST, "lvscare")): Promise<string> {
  await compile(output);
  return output;
}

/** `lvscare-linux-amd64` and its siblings, one for each kind of machine, and the notices that go with them. */
export async function buildAllBinaries(folder = DIST): Promise<string[]> {
  const runtimeFor = await fetchRuntimes();
  const outputs: string[] = [];
  for (const target of TARGETS) {
    const output = join(folder, `lvscare-${target.name}`);
    await compile(output, { target, runtime: runtimeFor(target) });
    outputs.push(output);
  }
  const licences = join(folder, "lvscare-licences.txt");
  await Bun.write(licences, renderLicences());
  return [...outputs, licences];
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { all: { type: "boolean", default: false } } });
  await setUp();
  const outputs = values.all
    ? [...(await buildAllBinaries()), ...(await writeBillsOfMaterials(DIST)), await writeChecksums(DIST)]
    : [await buildBinary()];
  process.stdout.write(outputs.map((output) => `${output}\n`).join(""));
}
