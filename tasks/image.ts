import { cp, mkdir, mkdtemp, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { writeBillsOfMaterials } from "./build/boms.ts";
import { writeChecksums } from "./build/checksums.ts";
import { buildAllBinaries } from "./build.ts";
import { ARCHITECTURES } from "./image/architectures.ts";
import { updateDebianLock } from "./image/update-debian-lock.ts";
import { MEDIA_TYPE, writeBlob, writeLayout, type Descriptor } from "./image/oci-layout.ts";
import { progress } from "./image/progress.ts";
import { fillRootFolder } from "./image/root-folder.ts";
import { packFolder } from "./image/tar.ts";
import { NAMES, writeImage } from "./image/write-image.ts";
import { setUp } from "./setup.ts";

const DIST = resolve(import.meta.dir, "../dist");

/**
 * From the binaries in the folder: `image/`, an OCI layout of all architectures for registries, and `lvscare-image-<architecture>.tar`
 * for each one, for hosts without a registry.
 */
export async function buildImage(folder = DIST): Promise<string[]> {
  const layout = join(folder, "image");
  await rm(layout, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const work = await mkdtemp(join(folder, ".image-"));
  try {
    const manifests: Descriptor[] = [];
    const archives: string[] = [];
    for (const architecture of ARCHITECTURES) {
      const { name } = architecture;
      const [root, single] = [join(work, `${name}-root`), join(work, name)];
      await fillRootFolder(root, architecture, join(folder, `lvscare-linux-${name}`));
      progress(`packing it for ${name}`);
      manifests.push(await writeImage(single, architecture, root));
      await cp(join(single, "blobs"), join(layout, "blobs"), { recursive: true });
      const archive = join(folder, `lvscare-image-${name}.tar`);
      await packFolder(single, archive);
      archives.push(archive);
    }
    const index = await writeBlob(layout, MEDIA_TYPE.index, {
      schemaVersion: 2,
      mediaType: MEDIA_TYPE.index,
      manifests,
    });
    await writeLayout(layout, { ...index, annotations: NAMES });
    return [layout, ...archives];
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { "update-packages": { type: "boolean", default: false } } });
  await setUp();
  const outputs = values["update-packages"] ? [await updateDebianLock()] : await build();
  process.stdout.write(outputs.map((output) => `${output}\n`).join(""));
}

// --- internal ---

async function build(): Promise<string[]> {
  await buildAllBinaries();
  return [...(await buildImage()), ...(await writeBillsOfMaterials(DIST)), await writeChecksums(DIST)];
}
