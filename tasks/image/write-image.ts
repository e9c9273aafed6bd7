import { rm } from "node:fs/promises";
import { join } from "node:path";
import manifest from "../../package.json" with { type: "json" };
import { buildDate, commit } from "../build/build-facts.ts";
import { RUNTIME_VARIABLES } from "../../src/manifest/runtime-environment.ts";
import type { Architecture } from "./architectures.ts";
import { blobPath, digestOf, MEDIA_TYPE, writeBlob, writeLayout, type Descriptor } from "./oci-layout.ts";
import { packFolder } from "./tar.ts";

/** What the image is called where nobody says otherwise, as `docker save` writes it. */
const TAG = `lvscare:${manifest.version}`;
export const NAMES: Readonly<Record<string, string>> = {
  "io.containerd.image.name": `docker.io/library/${TAG}`,
  "org.opencontainers.image.ref.name": manifest.version,
};

/** Writes the image of one root folder as a layout that `docker load`, too, understands once it is packed; returns its manifest. */
export async function writeImage(layout: string, { name }: Architecture, root: string): Promise<Descriptor> {
  const { layer, diffId } = await writeLayer(layout, root);
  const created = buildDate().toISOString();
  const config = await writeBlob(layout, MEDIA_TYPE.config, {
    created,
    architecture: name,
    os: "linux",
    config: {
      Entrypoint: ["/usr/bin/lvscare"],
      Env: ["PATH=/usr/bin", ...RUNTIME_VARIABLES],
      WorkingDir: "/",
      Labels: {
        "org.opencontainers.image.title": manifest.name,
        "org.opencontainers.image.description": manifest.description,
        "org.opencontainers.image.licenses": manifest.license,
        "org.opencontainers.image.version": manifest.version,
        "org.opencontainers.image.revision": await commit(),
        "org.opencontainers.image.created": created,
      },
    },
    rootfs: { type: "layers", diff_ids: [diffId] },
    history: [{ created, created_by: "bun run image" }],
  });
  const written = await writeBlob(layout, MEDIA_TYPE.manifest, {
    schemaVersion: 2,
    mediaType: MEDIA_TYPE.manifest,
    config,
    layers: [layer],
  });
  await writeLayout(layout, { ...written, annotations: NAMES });
  // For Docker before version 25.
  const forDocker = [{ Config: blobPath(config), RepoTags: [TAG], Layers: [blobPath(layer)] }];
  await Bun.write(join(layout, "manifest.json"), JSON.stringify(forDocker));
  return { ...written, platform: { architecture: name, os: "linux" } };
}

// --- internal ---

/** Two megabytes smaller than the default, in the same time. */
const COMPRESSION = { library: "libdeflate", level: 6 } as const;

/** The layer, and the digest of what is in it before it is compressed. */
async function writeLayer(layout: string, root: string): Promise<{ layer: Descriptor; diffId: string }> {
  const path = `${root}.tar`;
  await packFolder(root, path);
  const tar = await Bun.file(path).bytes();
  await rm(path);
  return { layer: await writeBlob(layout, MEDIA_TYPE.layer, Bun.gzipSync(tar, COMPRESSION)), diffId: digestOf(tar) };
}
