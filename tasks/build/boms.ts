import { basename, join } from "node:path";
import manifest from "../../package.json" with { type: "json" };
import { ARCHITECTURES } from "../image/architectures.ts";
import { lockedPackages } from "../image/debian-lock.ts";
import { buildDate } from "./build-facts.ts";
import { sha256 } from "./file-digest.ts";
import { lockedIntegrity } from "./runtimes.ts";
import { renderSpdx, type SpdxPackage } from "./spdx.ts";
import { TARGETS } from "./targets.ts";
import { bundledPackages } from "./third-party.ts";

/** Writes `<artefact>.spdx.json`, what is inside of it, beside each artefact that lies in the folder; returns where they lie. */
export async function writeBillsOfMaterials(folder: string): Promise<string[]> {
  const libraries = (await bundledPackages()).map(({ name, version, license }): SpdxPackage => ({
    name,
    version,
    license,
    purl: npmUrl(name, version),
  }));
  const contents = new Map<string, readonly SpdxPackage[]>();
  for (const target of TARGETS) {
    contents.set(`${manifest.name}-${target.name}`, [...libraries, runtimePackage(target.runtime)]);
  }
  for (const { name } of ARCHITECTURES) {
    const binary = contents.get(`${manifest.name}-linux-${name}`) ?? [];
    contents.set(`${manifest.name}-image-${name}.tar`, [...binary, ...debianPackages(name)]);
  }
  contents.set(`${manifest.name}-${manifest.version}.tgz`, libraries);

  const outputs: string[] = [];
  for (const [fileName, packages] of contents) {
    if (await Bun.file(join(folder, fileName)).exists()) outputs.push(await write(join(folder, fileName), packages));
  }
  return outputs;
}

// --- internal ---

async function write(path: string, packages: readonly SpdxPackage[]): Promise<string> {
  const { name, version, license } = manifest;
  const artefact = {
    name,
    version,
    license,
    packages,
    purl: path.endsWith(".tgz") ? npmUrl(name, version) : `pkg:generic/${name}@${version}`,
    fileName: basename(path),
    checksum: { algorithm: "SHA256", value: await sha256(path) },
  } as const;
  const output = `${path}.spdx.json`;
  await Bun.write(output, renderSpdx(artefact, buildDate()));
  return output;
}

function npmUrl(name: string, version: string): string {
  return `pkg:npm/${name.replace("@", "%40")}@${version}`;
}

function runtimePackage(name: string): SpdxPackage {
  return {
    name,
    version: Bun.version,
    license: "MIT",
    purl: npmUrl(name, Bun.version),
    // The package, whose one program becomes part of the binary.
    checksum: { algorithm: "SHA512", value: lockedIntegrity(name) },
    comment:
      "Links statically with JavaScriptCore (LGPL-2.0) and other libraries: bun.com/docs/project/licensing lists them.",
  };
}

function debianPackages(architecture: string): SpdxPackage[] {
  return lockedPackages(architecture).map(({ name, version, sha256: value }) => ({
    name,
    version,
    supplier: "Organization: Debian",
    purl: `pkg:deb/debian/${name}@${encodeURIComponent(version)}?arch=${architecture}&distro=debian-12`,
    checksum: { algorithm: "SHA256", value },
    comment: `Its licences are in usr/share/doc/${name}/copyright of the image.`,
  }));
}
