import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { renderLicences } from "../src/cli/licences-text.ts";
import { writeBillsOfMaterials } from "./build/boms.ts";
import { writeChecksums } from "./build/checksums.ts";
import { compile } from "./build/compile.ts";
import { fetchRuntimes } from "./build/runtimes.ts";
import { TARGETS, targetNamed } from "./build/targets.ts";
import { setUp } from "./setup.ts";

const DIST = resolve(import.meta.dir, "../dist");

/** The binary for this machine. */
export async function buildBinary(output = join(DIST, "lvscare")): Promise<string> {
  await compile(output);
  return output;
}

/** That of a release for another kind of machine, such as `linux-arm64`. */
export async function buildBinaryFor(name: string, folder = DIST): Promise<string> {
  const target = targetNamed(name);
  const output = join(folder, `lvscare-${name}`);
  await compile(output, { target, runtime: (await fetchRuntimes())(target) });
  return output;
}

/** `lvscare-linux-amd64` and its siblings, one for each kind of machine, and the notices that go with them. */
export async function buildAllBinaries(folder = DIST): Promise<string[]> {
  const outputs: string[] = [];
  for (const { name } of TARGETS) outputs.push(await buildBinaryFor(name, folder));
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
